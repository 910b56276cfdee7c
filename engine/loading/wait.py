"""The `wait` of a step: an event, a length or an instant (definitions.md, Step; D10)."""

from collections.abc import Mapping
from typing import Literal

from engine.definition import EventsWait, EventWait, TimeWait
from engine.loading.node import Fields, Findings, Node
from engine.paths import parse_path
from engine.templates import Template

KINDS = ("event", "for", "until", "any_of", "all_of")
OF_EVENTS = ("match", "when", "timeout", "since")
MAX_EVENTS = 16
NOTHING_BESIDE = Fields(Node({}, (), Findings()), {})


def read_wait(node: Node, beside: Fields) -> EventWait | EventsWait | TimeWait:
    """Read what a step waits for; `beside` are the keys around the verb."""
    fields = node.fields((*KINDS, *OF_EVENTS))
    count = sum(kind in fields for kind in KINDS)
    if isinstance(node.value, Mapping) and count != 1 and (count or not fields.misspelt(*KINDS)):
        node.mistake(f"a wait has one of: {', '.join(KINDS)}")
    if "any_of" in fields or "all_of" in fields:
        return _events_wait(fields, beside)
    if "for" not in fields and "until" not in fields:
        return _event_wait(fields, beside)
    for key in OF_EVENTS:
        if key in fields:
            fields.known[key].mistake(f"{key} belongs to a wait for an event")
    if "on_timeout" in beside:
        beside.known["on_timeout"].mistake("on_timeout belongs to a wait for an event")
    length, until = fields.get("for"), fields.get("until")
    return TimeWait(
        length.duration(zero=True) if length is not None else None,
        until.instant() if until is not None else None,
    )


def _events_wait(fields: Fields, beside: Fields) -> EventsWait:
    """Read several events; keys beside the list hold for each that does not say otherwise."""
    kind: Literal["any_of", "all_of"] = "any_of" if "any_of" in fields else "all_of"
    nodes = fields.known[kind].items()
    if isinstance(fields.known[kind].value, list) and not 2 <= len(nodes) <= MAX_EVENTS:
        fields.known[kind].mistake(f"{kind} needs 2 to {MAX_EVENTS} events")
    for key in ("match", "when"):
        if key in fields:
            fields.known[key].mistake(f"{key} belongs to one of the events of {kind}")
    events = []
    for node in nodes:
        inner = node.fields(("event", *OF_EVENTS), required=("event",))
        known = {
            **{k: v for k, v in fields.known.items() if k in ("timeout", "since")},
            **inner.known,
        }
        events.append(_event_wait(Fields(node, known), NOTHING_BESIDE))
    if "on_timeout" in beside and all(event.timeout is None for event in events):
        beside.known["on_timeout"].mistake("on_timeout needs a timeout on the wait")
    return EventsWait(kind, tuple(events))


def _event_wait(fields: Fields, beside: Fields) -> EventWait:
    event, match, when = (fields.get(key) for key in ("event", "match", "when"))
    timeout, since = fields.get("timeout"), fields.get("since")
    if "on_timeout" in beside and timeout is None:
        beside.known["on_timeout"].mistake("on_timeout needs a timeout on the wait")
    word = since.choice(("trigger", "now")) if since is not None else "trigger"
    return EventWait(
        event.pattern() if event is not None else "invalid",
        read_match(match) if match is not None else {},
        when.condition() if when is not None else None,
        timeout.duration() if timeout is not None else None,
        "now" if word == "now" else "trigger",
    )


def read_match(node: Node) -> dict[str, Template]:
    """Read which fields of an event must equal what."""
    found = {}
    for path, value in node.entries():
        try:
            parse_path(path)
        except ValueError as problem:
            value.mistake(str(problem))
            continue
        if value.value is None:
            value.mistake("an event never matches null: a field that it lacks equals nothing")
        found[path] = value.template()
    return found
