"""What only a running deployment can tell of an event's start: said of triggers, never judged."""

from collections.abc import Iterator, Mapping

from engine.correlation import RECORD_KEY, shape_of
from engine.definition import Definition, Trigger
from engine.durations import length_text
from engine.errors import TooLong
from engine.paths import MISSING, lookup, parse_path
from engine.patterns import matches
from engine.templates import Scope, Template, as_text

MOST_KEY_BYTES = 2_000
"""Longest key of a trigger: an index holds it beside the workflow's name."""
BUSY: Mapping[str, str] = {
    "ignore": "while there is one, the event starts nothing",
    "queue": "while there is one, the new one is pending",
    "replace": "one that there is gets cancelled for the new one",
}


def key_of(template: Template, scope: Scope) -> str:
    """Return a key of a trigger; raises Unresolved and TooLong."""
    key = template.text(scope)
    if len(key.encode()) > MOST_KEY_BYTES:
        raise TooLong("the key of the trigger", f"{MOST_KEY_BYTES} bytes")
    return key


def rendered(template: Template | None, scope: Scope) -> str | None:
    """Return a key as it is compared, None without one; raises Unresolved and TooLong."""
    return None if template is None else key_of(template, scope)


def gathering_key(trigger: Trigger, scope: Scope) -> str | None:
    """Return the key under which a trigger holds an event back, None if it does not."""
    held = trigger.debounce or trigger.batch
    if held is None:
        return None
    return rendered(held.key, scope) or ""


def notes_of(trigger: Trigger, scope: Scope) -> tuple[str, ...]:
    """Return what else decides about the start by a trigger; raises Unresolved."""
    return (*_gathering(trigger, scope), *_limits(trigger, scope))


def _with_key(key: str | None) -> str:
    return f" with the key {key}" if key else ""


def _gathering(trigger: Trigger, scope: Scope) -> Iterator[str]:
    key = _with_key(gathering_key(trigger, scope))
    if (debounce := trigger.debounce) is not None:
        latest = f", at the latest after {length_text(debounce.max)}" if debounce.max else ""
        quiet = length_text(debounce.length)
        yield f"starts once no event{key} has come for {quiet}{latest}, with the last event"
    elif (batch := trigger.batch) is not None:
        first = f"{batch.size} events{key}, or for those of {length_text(batch.length)}"
        yield f"one execution for {first}; its payload is {{events: [...]}}"
        yield "`input`, `key` and `concurrency` are judged by that payload, once it is complete"


def _limits(trigger: Trigger, scope: Scope) -> Iterator[str]:
    if trigger.batch is not None:
        return
    key = rendered(trigger.key, scope)
    if key is not None:
        yield f"at most one unfinished execution has the key {key}; {BUSY[trigger.on_busy]}"
    if (shared := trigger.concurrency) is not None:
        lane = rendered(shared.key, scope)
        yield f"above {shared.limit} unfinished executions for {lane} the new one is pending"


def cancellations(
    definition: Definition, type: str, data: Mapping[str, object], key: str | None
) -> Iterator[str]:
    """Yield which unfinished executions an event would cancel (`cancel_on`)."""
    for trigger in definition.triggers:
        what = trigger.cancel_on
        if what is None or not matches(what.event, type):
            continue
        paths = shape_of(what).paths
        values = [key if path == RECORD_KEY else lookup(data, parse_path(path)) for path in paths]
        if any(value is None or value is MISSING for value in values):
            yield f"cancels nothing: it lacks {', '.join(paths)}"
            continue
        said = ", ".join(map(_matched, paths, values))
        yield f"cancels the unfinished executions whose `cancel_on` asks for {said}"


def _matched(path: str, value: object) -> str:
    name = "the record key" if path == RECORD_KEY else path
    return f"{name} {as_text(value)}"
