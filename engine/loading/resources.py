"""`resources.yaml`: where a deployment's resources come from (definitions.md, Context)."""

from collections.abc import Mapping

from engine.loading.node import Node

KINDS: Mapping[str, tuple[str, ...]] = {
    "static": ("kind", "data", "default", "cache"),
    "http": ("kind", "url", "headers", "timeout", "cache"),
}
LATER = ("sql", "python")


def read_resources(node: Node) -> dict[str, object]:
    """Return the declarations by name; mistakes are noted at the node."""
    found: dict[str, object] = {}
    for name, inner in node.entries():
        if _read_resource(inner):
            found[name] = inner.value
    return found


def _read_resource(node: Node) -> bool:
    if not isinstance(node.value, Mapping):
        node.mistake("a resource is a mapping such as {kind: static, data: {...}}")
        return False
    kind = node.value.get("kind")
    if kind in LATER:
        node.mistake(f"resources of kind {kind} are not available in this version", "kind")
        return False
    if kind not in KINDS:
        node.mistake(f"kind must be one of: {', '.join((*KINDS, *LATER))}")
        return False
    required = ("url",) if kind == "http" else ()
    fields = node.fields(KINDS[str(kind)], required=required)
    for key in ("timeout", "cache"):
        if key in fields:
            fields.known[key].duration()
    for key in ("url", "headers"):
        if key in fields:
            fields.known[key].template(secrets=True)
    return True
