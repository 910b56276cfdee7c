"""The `wait` of a step: an event, a length or an instant (definitions.md, Step; D10)."""

from engine.definition import EventWait, TimeWait
from engine.loading.node import Fields, Node
from engine.paths import parse_path
from engine.templates import Template

KINDS = ("event", "for", "until", "any_of", "all_of")
OF_EVENTS = ("match", "when", "timeout", "since")


def read_wait(node: Node, beside: Fields) -> EventWait | TimeWait:
    """Read what a step waits for; `beside` are the keys around the verb."""
    fields = node.fields((*KINDS, *OF_EVENTS))
    fields.refuse(("any_of", "all_of"))
    if sum(kind in fields for kind in KINDS) != 1:
        node.mistake("a wait has one of: event, for, until")
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
        found[path] = value.template()
    return found
