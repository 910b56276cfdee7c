"""A whole definition from parsed data: every mistake of the file in one run."""

import re
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta
from typing import Literal

from engine.canonical import canonical_json, request_hash
from engine.definition import Definition, Derived, Step
from engine.derived import shipped_fields
from engine.ids import StepPath
from engine.loading.context import read_context
from engine.loading.node import Fields, Findings, Node
from engine.loading.schema import refuse_remote
from engine.loading.steps import NO_STEP, StepTable
from engine.loading.trigger import read_triggers
from engine.loading.uses import references
from engine.loading.writing import refuse_double_writes

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
OTHER_TYPES = ("array", "string", "number", "integer", "boolean", "null")
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
    trigger, context = fields.get("trigger"), fields.get("context")
    loads, derived = read_context(context, resources) if context is not None else ((), ())
    table = StepTable(plugged_in, resources, [".".join(load.path) for load in loads])
    first, failing = _steps(fields, table)
    definition = Definition(
        name=_name(fields),
        steps=table.steps,
        first=first or StepPath(""),
        triggers=read_triggers(trigger) if trigger is not None else (),
        version=version,
        content_hash=_content_hash(data),
        description=_text(fields, "description"),
        labels=_labels(fields),
        input_schema=_input_schema(fields),
        loads=loads,
        derived=derived,
        shipped=_shipped(table.steps.values(), derived),
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


def _steps(fields: Fields, table: StepTable) -> tuple[StepPath | None, StepPath | None]:
    """Read all steps; return the first, and the first of what runs when a step failed."""
    steps, on_error = fields.get("steps"), fields.get("on_error")
    first = table.read_list(steps, NO_STEP, None, ()) if steps is not None else None
    if steps is not None and steps.value == []:
        steps.mistake("a workflow needs at least one step")
    table.visible.failing = True
    failing = table.read_list(on_error, NO_STEP, None, ()) if on_error is not None else None
    table.visible.check()
    refuse_double_writes(table.visible.uses)
    return first, failing


def _shipped(steps: Iterable[Step], derived: tuple[Derived, ...]) -> tuple[str, ...]:
    """Return the shipped derived fields that are read and not derived here."""
    paths = {path for step in steps for path, _ in references(step)}
    for field in derived:
        reader = field.condition or field.value
        paths.update(reader.references if reader is not None else ())
    return shipped_fields(paths, [field.name for field in derived])


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
    if isinstance(node.value, str) and not _NAME.fullmatch(name):
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


def _input_schema(fields: Fields) -> Mapping[str, object] | None:
    node = fields.get("input")
    if node is None:
        return None
    if not isinstance(node.value, Mapping):
        node.mistake("input is a JSON Schema of the payload, such as {required: [order_id]}")
        return None
    refuse_remote(node)
    kinds = node.value.get("type", "object")
    if kinds in OTHER_TYPES or (isinstance(kinds, list) and kinds and "object" not in kinds):
        node.mistake("no payload fits: each is a mapping, so write type: object", "type")
    return {"type": "object", **node.value}
