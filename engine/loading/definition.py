"""A whole definition from parsed data: every mistake of the file in one run."""

import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Literal

from engine.canonical import canonical_json, request_hash
from engine.definition import Definition, Derived, Load, Trigger
from engine.ids import StepPath
from engine.loading.node import Fields, Findings, Node, nearest
from engine.loading.steps import NO_STEP, StepTable
from engine.loads import RESERVED

KEYS = (
    "name",
    "description",
    "labels",
    "trigger",
    "input",
    "context",
    "steps",
    "timeout",
    "include_paused",
    "priority",
    "enabled",
    "default_result",
    "on_error",
)
TRIGGER_KEYS = (
    "event",
    "when",
    "key",
    "on_busy",
    "manual",
    "schedule",
    "cancel_on",
    "concurrency",
    "debounce",
    "batch",
)
LATER_TRIGGERS = ("schedule", "cancel_on", "concurrency", "debounce", "batch")
LOAD_KEYS = ("resource", "id", "cache", "optional", "overwrite")
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,99}")


def read_definition(
    data: object,
    *,
    resources: Collection[str] | None = None,
    plugged_in: Collection[str] = (),
    file: str = "",
    source: str = "",
    version: int = 0,
) -> tuple[Definition, Findings]:
    """Return the definition and what is wrong with it; with mistakes it must not be used.

    `resources` are the declared ones (None: do not check); `plugged_in` names actions of plug-ins.
    """
    findings = Findings()
    root = Node(data, (), findings)
    fields = root.fields(KEYS, required=("name", "trigger", "steps"))
    table = StepTable(plugged_in)
    on_error, steps = fields.get("on_error"), fields.get("steps")
    first = table.read_list(steps, NO_STEP, None, ()) if steps is not None else None
    if steps is not None and isinstance(steps.value, list) and not steps.value:
        steps.mistake("a workflow needs at least one step")
    failing = table.read_list(on_error, NO_STEP, None, ()) if on_error is not None else None
    table.visible.check()
    definition = Definition(
        name=_name(fields),
        steps=table.steps,
        first=first or StepPath(""),
        triggers=_triggers(fields),
        version=version,
        content_hash=_content_hash(data),
        description=_text(fields, "description"),
        labels=_labels(fields),
        input_schema=_input_schema(fields),
        loads=_loads(fields, resources),
        derived=_derived(fields),
        timeout=_timeout(fields),
        include_paused=_flag(fields, "include_paused", default=False),
        priority=_priority(fields),
        enabled=_flag(fields, "enabled", default=True),
        default_result=_default_result(fields),
        on_error=failing,
        file=file,
        source=source,
        body=data if isinstance(data, Mapping) else {},
    )
    return definition, findings


def _content_hash(data: object) -> str:
    try:
        return request_hash(data)
    except ValueError:
        return "sha256:" + canonical_json(repr(data)).hex()[:64]


def _name(fields: Fields) -> str:
    node = fields.get("name")
    if node is None:
        return ""
    name = node.text()
    if name and not _NAME.fullmatch(name):
        node.mistake(f"{name!r} is no workflow name: lower-case letters, digits, _ and -")
    return name


def _text(fields: Fields, key: str) -> str:
    node = fields.get(key)
    return "" if node is None else node.text()


def _flag(fields: Fields, key: str, *, default: bool) -> bool:
    node = fields.get(key)
    return default if node is None else node.boolean()


def _priority(fields: Fields) -> int:
    node = fields.get("priority")
    return 0 if node is None else node.integer(-1000, 1000)


def _default_result(fields: Fields) -> Literal["allowed", "executed"]:
    node = fields.get("default_result")
    word = "allowed" if node is None else node.choice(("allowed", "executed"))
    return "executed" if word == "executed" else "allowed"


def _timeout(fields: Fields) -> timedelta | None:
    node = fields.get("timeout")
    return None if node is None else node.duration()


def _labels(fields: Fields) -> dict[str, str]:
    node = fields.get("labels")
    return {} if node is None else {key: value.text() for key, value in node.entries()}


def _triggers(fields: Fields) -> tuple[Trigger, ...]:
    node = fields.get("trigger")
    if node is None:
        return ()
    nodes = node.items() if isinstance(node.value, list) else [node]
    if not nodes:
        node.mistake("a workflow needs at least one trigger")
    return tuple(_trigger(item) for item in nodes)


def _trigger(node: Node) -> Trigger:
    fields = node.fields(TRIGGER_KEYS)
    fields.refuse(LATER_TRIGGERS)
    event, when, key, busy = (fields.get(name) for name in ("event", "when", "key", "on_busy"))
    manual = _flag(fields, "manual", default=False)
    known = isinstance(node.value, Mapping)
    if known and event is None and not manual and not any(k in fields for k in LATER_TRIGGERS):
        node.mistake("a trigger needs event (such as order.created or order.*) or manual: true")
    if busy is not None and busy.choice(("ignore", "queue", "replace")) != "ignore":
        busy.mistake("only on_busy: ignore is available in this version")
    return Trigger(
        event.pattern() if event is not None else None,
        when.condition() if when is not None else None,
        key.template() if key is not None else None,
        manual,
    )


def _input_schema(fields: Fields) -> Mapping[str, object] | None:
    node = fields.get("input")
    if node is None:
        return None
    if not isinstance(node.value, Mapping):
        node.mistake("input is a JSON Schema of the payload, such as {required: [order_id]}")
        return None
    _refuse_remote(node)
    return {"type": "object", **node.value}


def _refuse_remote(node: Node) -> None:
    if isinstance(node.value, Mapping):
        for key, inner in node.entries():
            reference = inner.value
            if key == "$ref" and isinstance(reference, str) and not reference.startswith("#"):
                inner.mistake("only references into this schema (#/...) are allowed")
            _refuse_remote(inner)
    elif isinstance(node.value, list):
        for item in node.items():
            _refuse_remote(item)


def _context(fields: Fields, key: str) -> Node | None:
    node = fields.get("context")
    if node is None or not isinstance(node.value, Mapping) or key not in node.value:
        return None
    return node.child(key, node.value[key])


def _loads(fields: Fields, resources: Collection[str] | None) -> tuple[Load, ...]:
    context = fields.get("context")
    if context is not None:
        context.fields(("load", "derive"))
    node = _context(fields, "load")
    return () if node is None else tuple(_load(*entry, resources) for entry in node.entries())


def _load(path: str, node: Node, resources: Collection[str] | None) -> Load:
    fields = node.fields(LOAD_KEYS, required=("resource", "id"))
    resource, id, cache = (fields.get(key) for key in ("resource", "id", "cache"))
    name = resource.text() if resource is not None else ""
    if resources is not None and resource is not None and name not in resources:
        hint = nearest(name, resources)
        resource.mistake(f"no resource is called {name!r}{hint}; declare it in resources.yaml")
    if path.partition(".")[0] in RESERVED:
        node.mistake(f"{path!r} begins with a reserved name; choose another")
    return Load(
        tuple(path.split(".")),
        name,
        id.template() if id is not None else node.child("id", "").template(),
        _cache(cache),
        _flag(fields, "optional", default=False),
        _flag(fields, "overwrite", default=False),
    )


def _cache(node: Node | None) -> timedelta | None:
    if node is None:
        return None
    return timedelta() if node.value == 0 else node.duration()


def _derived(fields: Fields) -> tuple[Derived, ...]:
    node = _context(fields, "derive")
    if node is None:
        return ()
    found = []
    for name, inner in node.entries():
        inner.child(name, name).name("field name")
        if name in RESERVED:
            inner.mistake(f"{name!r} is a reserved name; choose another")
        if isinstance(inner.value, Mapping) and set(inner.value) == {"value"}:
            value = inner.child("value", inner.value["value"]).template()
            found.append(Derived(name, value=value))
        else:
            found.append(Derived(name, condition=inner.condition()))
    return tuple(found)
