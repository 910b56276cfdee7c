"""`resources.yaml`: where a deployment's resources come from (definitions.md, Context)."""

import re
from collections.abc import Callable, Collection, Mapping

from engine.hints import nearest
from engine.loading.actions import STATIC_HOST
from engine.loading.node import Node

KEYS: Mapping[str, tuple[str, ...]] = {
    "static": ("kind", "data", "default", "cache"),
    "http": ("kind", "url", "headers", "timeout", "cache"),
    "sql": ("kind", "query", "dsn", "timeout", "cache"),
    "python": ("kind", "entry_point", "timeout", "cache"),
}
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "static": (),
    "http": ("url",),
    "sql": ("query", "dsn"),
    "python": ("entry_point",),
}
ID = "%(id)s"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,99}(\.[a-z][a-z0-9_]{0,99})*")
_READS = re.compile(r"\s*(select|with|table|values)\b", re.IGNORECASE)


def read_resources(node: Node, loaders: Collection[str] | None = None) -> dict[str, object]:
    """Return the declarations by name, also broken ones; mistakes are noted at the node.

    `loaders` are the Python loaders that installed packages bring (None: do not check).
    """
    found: dict[str, object] = {}
    for name, inner in node.entries():
        _check_name(name, inner)
        _read_resource(inner, loaders)
        found[name] = inner.value
    return found


def _check_name(name: str, node: Node) -> None:
    if not _NAME.fullmatch(name):
        node.mistake(
            f"{name!r} is no resource name: write lower-case letters, digits and _, a letter "
            "first, such parts joined by dots: customer.history"
        )


def _read_resource(node: Node, loaders: Collection[str] | None) -> None:
    if not isinstance(node.value, Mapping):
        node.mistake("a resource is a mapping such as {kind: static, data: {...}}")
        return
    kind = node.value.get("kind")
    if kind not in KEYS:
        node.mistake(f"kind must be one of: {', '.join(KEYS)}{nearest(str(kind), KEYS)}")
        return
    fields = node.fields(KEYS[str(kind)], required=REQUIRED[str(kind)])
    if kind == "static" and not {"data", "default"} & fields.known.keys():
        node.warning("a static resource without data and default answers nothing")
    if "timeout" in fields:
        fields.known["timeout"].duration()
    if "cache" in fields and fields.known["cache"].value != 0:
        fields.known["cache"].duration(zero=True)
    if kind == "python" and "entry_point" in fields:
        _check_loader(fields.known["entry_point"], loaders)
    for key, check in CHECKS.items():
        if key in fields:
            check(fields.known[key])


def _check_data(node: Node) -> None:
    if not isinstance(node.value, Mapping):
        node.mistake("data is a mapping of ids to values")


def _check_url(node: Node) -> None:
    url = node.text()
    if url and not STATIC_HOST.match(url):
        node.mistake(
            "scheme and host must be literal or one secret: https://crm.example.com/customers/${id}"
        )
    if url:
        _check_references(node)


def _check_headers(node: Node) -> None:
    for _, value in node.entries():
        _check_references(value)


def _check_references(node: Node) -> None:
    """Note references to anything but the id and secrets."""
    for path in sorted(node.line(secrets=True).references):
        if path != ("id",):
            text = ".".join(path)
            node.mistake(f"${{{text}}} is not known here; there are ${{id}} and ${{secrets.NAME}}")


def _check_dsn(node: Node) -> None:
    template = node.line(secrets=True)
    if template.references or not template.secret_names:
        node.mistake("dsn names a secret and nothing of the data: ${secrets.SHOP_DSN}")


def _check_query(node: Node) -> None:
    query = node.word()
    if not query or "${" in query:
        return
    if not _READS.match(query):
        node.mistake("a query begins with select or with")
    if any(ID in literal for literal in query.split("'")[1::2]):
        node.mistake(f"take the quotes away from {ID}: it is bound, not inserted")
    elif ID not in query:
        node.mistake(f"the query must use the id: where id = {ID}")
    elif "%" in query.replace(ID, "").replace("%%", ""):
        node.mistake(f"only {ID} is bound; write %% for a percent sign")


def _check_loader(node: Node, loaders: Collection[str] | None) -> None:
    name = node.word()
    if name and loaders is not None and name not in loaders:
        known = ", ".join(sorted(loaders)) or "none"
        node.mistake(
            f"no installed package brings the loader {name!r}{nearest(name, loaders)} "
            f"(group sluicegate.loaders has: {known})"
        )


CHECKS: Mapping[str, Callable[[Node], None]] = {
    "data": _check_data,
    "url": _check_url,
    "headers": _check_headers,
    "query": _check_query,
    "dsn": _check_dsn,
}
