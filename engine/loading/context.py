"""What is read and computed before the first step (definitions.md, Context)."""

from collections.abc import Collection, Mapping
from datetime import timedelta

from engine.definition import Derived, Load
from engine.hints import nearest
from engine.loading.node import Node
from engine.loading.places import place_of
from engine.loading.scope import refuse_steps
from engine.loading.unreadable import problem_of_root
from engine.loads import RESERVED
from engine.paths import Path, parse_path

KEYS = ("load", "derive")
LOAD_KEYS = ("resource", "id", "cache", "optional", "overwrite")


def read_context(
    node: Node, resources: Collection[str] | None
) -> tuple[tuple[Load, ...], tuple[Derived, ...]]:
    """Read the loads and the derived fields; `resources` None means: do not check their names."""
    fields = node.fields(KEYS)
    load, derive = fields.get("load"), fields.get("derive")
    loads = () if load is None else tuple(_load(*entry, resources) for entry in load.entries())
    derived = () if derive is None else _fields(derive, {load.path[0] for load in loads})
    return loads, derived


def _fields(derive: Node, loaded: Collection[str]) -> tuple[Derived, ...]:
    """Read the derived fields; none reads a later one that nothing has brought before."""
    entries = list(derive.entries())
    derived = tuple(_derive(*entry) for entry in entries)
    # One that reads itself replaces what the event or a load brings.
    later = {field.name for field in derived if field.name not in _roots(field)} - {*loaded}
    for field, (_, node) in zip(derived, entries, strict=True):
        later.discard(field.name)
        for path in sorted(_read_by(field)):
            if path[0] in later:
                place_of(node, path).mistake(
                    f"{path[0]} is derived later: put {field.name} after it; "
                    f"a field of the event itself is event.{path[0]}"
                )
    return derived


def _read_by(field: Derived) -> Collection[Path]:
    reader = field.condition or field.value
    return reader.references if reader is not None else ()


def _roots(field: Derived) -> Collection[str]:
    return {path[0] for path in _read_by(field)}


def _load(path: str, node: Node, resources: Collection[str] | None) -> Load:
    fields = node.fields(LOAD_KEYS, required=("resource", "id"))
    resource, id, cache = (fields.get(key) for key in ("resource", "id", "cache"))
    name = check_resource(resource, resources) if resource is not None else ""
    template = id.line() if id is not None else node.child("id", "").template()
    _check_read(id or node, template.references)
    optional, overwrite = fields.get("optional"), fields.get("overwrite")
    return Load(
        landing(path, node),
        name,
        template,
        _cache(cache),
        optional.boolean() if optional is not None else False,
        overwrite.boolean() if overwrite is not None else False,
    )


def _check_read(node: Node, found: Collection[Path]) -> None:
    """Note what cannot be read before the first step, and warn of what is never there."""
    refuse_steps(node, found)
    for path in sorted(found):
        problem = problem_of_root(path, failing=False)
        if problem is not None:
            node.warning(f"{'.'.join(path)}: {problem}")


def check_resource(node: Node, resources: Collection[str] | None) -> str:
    """Read the name of a declared resource."""
    name = node.word()
    if resources is not None and isinstance(node.value, str) and name not in resources:
        hint = nearest(name, resources)
        node.mistake(f"no resource is called {name!r}{hint}; declare it in resources.yaml")
    return name


def landing(text: str, node: Node) -> Path:
    """Read the path at which a loaded value lands."""
    try:
        path = parse_path(text)
    except ValueError as problem:
        node.mistake(str(problem))
        return (text,)
    if path[0] in RESERVED:
        node.mistake(f"{text!r} begins with a reserved name; choose another")
    return path


def _cache(node: Node | None) -> timedelta | None:
    if node is None:
        return None
    return timedelta() if node.value == 0 else node.duration(zero=True)


def _derive(name: str, node: Node) -> Derived:
    node.child(name, name).name("field name")
    if name in RESERVED:
        node.mistake(f"{name!r} is a reserved name; choose another")
    if isinstance(node.value, Mapping) and set(node.value) == {"value"}:
        value = node.child("value", node.value["value"]).template()
        _check_read(node, value.references)
        return Derived(name, value=value)
    condition = node.condition()
    _check_read(node, condition.references)
    return Derived(name, condition=condition)
