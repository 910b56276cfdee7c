"""Triggers: which events, which schedule, or which hand start an execution (definitions.md)."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Literal

from engine.definition import Batch, CancelOn, Concurrency, Debounce, Trigger
from engine.loading.node import Fields, Node
from engine.loading.schedule import UNREAD, read_schedule
from engine.loading.scope import PARTS, refuse_steps
from engine.loading.wait import read_match
from engine.paths import Path
from engine.templates import Template, compile_template

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
MAX_LIMIT = 10_000
MAX_BATCH = 1_000
LONGEST_HOLD = timedelta(days=7)
NOT_OF_SCHEDULES: Mapping[str, str] = {
    "when": "a schedule has no event to look at; begin the steps with a condition",
    "key": "a schedule has no event with a key; write overlap: skip in the schedule",
    "debounce": "a schedule is never too frequent; thin out its cron",
    "batch": "a schedule has no events to gather; give the batch to a trigger with event",
}
"""Keys that a trigger with a schedule cannot have, and what to write instead."""
GATHERING = ("debounce", "batch")
BATCHED = ("events", "event", "execution")
"""Where a path can begin that is read over the payload `{events: [...]}`."""
_BUSY: Mapping[str, Literal["ignore", "queue", "replace"]] = {
    "ignore": "ignore",
    "queue": "queue",
    "replace": "replace",
}
ONE_FOR_ALL = compile_template("")


def read_triggers(node: Node) -> tuple[Trigger, ...]:
    """Read one trigger, or a list of them."""
    nodes = node.items() if isinstance(node.value, list) else [node]
    if not nodes:
        node.mistake("a workflow needs at least one trigger")
    triggers = tuple(_read_trigger(item) for item in nodes)
    _refuse_twins(nodes, triggers)
    return triggers


def _refuse_twins(nodes: Sequence[Node], triggers: Sequence[Trigger]) -> None:
    """Note a cron that stands twice: a slot of both would start one execution."""
    seen: set[tuple[str, str]] = set()
    for node, trigger in zip(nodes, triggers, strict=True):
        schedule = trigger.schedule
        if schedule is None or schedule.cron == UNREAD:
            continue
        if (schedule.cron, schedule.timezone) in seen:
            node.mistake("this cron and time zone stand in the list already; remove one")
        seen.add((schedule.cron, schedule.timezone))


def _read_trigger(node: Node) -> Trigger:
    fields = node.fields(KEYS)
    event, when, schedule = (fields.get(name) for name in ("event", "when", "schedule"))
    manual, busy = fields.get("manual"), fields.get("on_busy")
    by_hand = manual.boolean() if manual is not None else False
    _check_kind(fields)
    condition = when.condition() if when is not None else None
    if when is not None and condition is not None:
        _warn_of_steps(when, condition.references)
    key = _key(fields, fields)
    return Trigger(
        event.pattern() if event is not None else None,
        condition,
        key,
        by_hand,
        _cancel_on(fields),
        read_schedule(schedule) if schedule is not None else None,
        _BUSY[busy.choice(_BUSY)] if busy is not None else "ignore",
        _concurrency(fields),
        _debounce(fields, key),
        _batch(fields),
    )


def _check_kind(fields: Fields) -> None:
    """Note a trigger that nothing can start, and keys that do not go together."""
    node, known = fields.node, fields.known
    if "event" in fields and "schedule" in fields:
        known["schedule"].mistake("a trigger has event or schedule; make a list of two triggers")
    elif "event" not in fields and isinstance(node.value, Mapping):
        _check_without_event(fields)
    if "on_busy" in fields and "key" not in fields:
        known["on_busy"].mistake("on_busy needs a key: it is about executions with the same key")
    if "batch" in fields and "debounce" in fields:
        known["debounce"].mistake("give debounce or batch: one keeps the last event, one all")


def _check_without_event(fields: Fields) -> None:
    manual = fields.get("manual")
    if fields.misspelt("event", "schedule", "manual"):
        return
    if "schedule" not in fields and (manual is None or manual.value is False):
        fields.node.mistake(
            "a trigger needs event (such as order.created or order.*), schedule or manual: true"
        )
        return
    by_hand = {key: f"{key} needs an event; add event to this trigger" for key in GATHERING}
    remedies = NOT_OF_SCHEDULES if "schedule" in fields else by_hand
    for key in remedies.keys() & fields.known.keys():
        fields.known[key].mistake(remedies[key])


def _key(fields: Fields, trigger: Fields | None = None) -> Template | None:
    """Read a key: over one event, or with `trigger` over the payload that its execution gets."""
    node = fields.get("key")
    if node is None:
        return None
    template = node.line()
    _warn_of_steps(node, template.references)
    if trigger is not None:
        _check_batched(trigger, node, template.references)
    return template


def _cancel_on(fields: Fields) -> CancelOn | None:
    node = fields.get("cancel_on")
    if node is None:
        return None
    inner = node.fields(("event", "match"), required=("event",))
    event, match = inner.get("event"), inner.get("match")
    templates = read_match(match) if match is not None else {}
    for path, value in match.entries() if match is not None else ():
        if path in templates:
            refuse_steps(value, templates[path].references)
    # Without match the keys of two events are compared, so one event must have started it.
    if (match is None or match.value == {}) and ("event" not in fields or "batch" in fields):
        node.mistake("cancel_on needs a match here: no single event starts this whose key counts")
    return CancelOn(event.pattern() if event is not None else "invalid", templates)


def _concurrency(fields: Fields) -> Concurrency | None:
    node = fields.get("concurrency")
    if node is None:
        return None
    inner = node.fields(("key", "limit"), required=("limit",))
    limit = inner.get("limit")
    return Concurrency(
        _key(inner, fields) or ONE_FOR_ALL,
        limit.integer(1, MAX_LIMIT) if limit is not None else 1,
    )


def _debounce(fields: Fields, key: Template | None) -> Debounce | None:
    node = fields.get("debounce")
    if node is None:
        return None
    inner = node.fields(("key", "for", "max"), required=("for",))
    longest = inner.get("max")
    quiet = _length(inner)
    most = longest.duration(LONGEST_HOLD) if longest is not None else None
    if longest is not None and most and most < quiet:
        longest.mistake("max is shorter than for; it ends what would be put off for ever")
    return Debounce(_key(inner) or key or ONE_FOR_ALL, quiet, most)


def _batch(fields: Fields) -> Batch | None:
    node = fields.get("batch")
    if node is None:
        return None
    inner = node.fields(("key", "size", "for"), required=("size", "for"))
    size = inner.get("size")
    return Batch(_key(inner), size.integer(2, MAX_BATCH) if size is not None else 2, _length(inner))


def _length(fields: Fields) -> timedelta:
    node = fields.get("for")
    return timedelta() if node is None else node.duration(LONGEST_HOLD)


def _check_batched(fields: Fields, node: Node, found: Collection[Path]) -> None:
    """Note a path that reads one event where the payload holds many."""
    if "batch" not in fields:
        return
    for path in sorted(found):
        if path[0] not in BATCHED:
            name = ".".join(path)
            node.mistake(
                f"{name}: with batch the payload is {{events: [...]}}; write events.0.{name},"
                " or group the events by a key of the batch"
            )


def _warn_of_steps(node: Node, found: Collection[Path]) -> None:
    for path in sorted(found):
        if path[0] in PARTS and len(path) > 1:
            name = ".".join(path)
            node.warning(f"{name}: here this is a field of the event; no step has run yet")
