"""Triggers: which events, or which hand, start an execution (definitions.md, Trigger)."""

from collections.abc import Collection, Mapping

from engine.definition import Trigger
from engine.loading.node import Node
from engine.loading.scope import PARTS
from engine.paths import Path

KEYS = (
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
LATER = ("schedule", "cancel_on", "concurrency", "debounce", "batch")


def read_triggers(node: Node) -> tuple[Trigger, ...]:
    """Read one trigger, or a list of them."""
    nodes = node.items() if isinstance(node.value, list) else [node]
    if not nodes:
        node.mistake("a workflow needs at least one trigger")
    return tuple(_read_trigger(item) for item in nodes)


def _read_trigger(node: Node) -> Trigger:
    fields = node.fields(KEYS)
    fields.refuse(LATER)
    event, when, key, busy = (fields.get(name) for name in ("event", "when", "key", "on_busy"))
    manual = fields.get("manual")
    by_hand = manual.boolean() if manual is not None else False
    named = any(name in fields for name in ("event", *LATER))
    if not named and isinstance(node.value, Mapping) and node.value.get("manual", False) is False:
        node.mistake("a trigger needs event (such as order.created or order.*) or manual: true")
    if busy is not None and busy.choice(("ignore", "queue", "replace")) != "ignore":
        busy.mistake("only on_busy: ignore is available in this version")
    condition = when.condition() if when is not None else None
    template = key.line() if key is not None else None
    if when is not None and condition is not None:
        _warn_of_steps(when, condition.references)
    if key is not None and template is not None:
        _warn_of_steps(key, template.references)
    return Trigger(event.pattern() if event is not None else None, condition, template, by_hand)


def _warn_of_steps(node: Node, found: Collection[Path]) -> None:
    for path in sorted(found):
        if path[0] in PARTS and len(path) > 1:
            name = ".".join(path)
            node.warning(f"{name}: here this is a field of the event; no step has run yet")
