"""The `wait` of a step: an event, several of them, a length or an instant (D10)."""

from engine.language.nouns import Noun, Value, key
from engine.language.values import (
    CONDITION,
    DURATION,
    INSTANT,
    MATCH,
    PATTERN,
    nouns,
    ref,
    words,
)

_EVENTS = nouns("event_wait", "list of 2 to 16 waits for an event", 2, 16)
_TIMEOUT = key("timeout", DURATION, "How long to wait at most; then `on_timeout`.", "5d")
_EXAMPLES = [
    {"event": "payment.settled", "match": {"order_id": "${order_id}"}},
    {"event": "stock.counted", "match": {"date": "${execution.date}"}},
]
_OF_EVENT = (
    key("event", PATTERN, "Event type or pattern.", "payment.settled", required=True),
    key(
        "match",
        MATCH,
        "Paths in that event, each with the value it must equal. "
        "Without it the key of the record must be that of the triggering one.",
        {"order_id": "${order_id}"},
    ),
    key(
        "when",
        CONDITION,
        "Further condition over that event; `${...}` in it is of the execution, as in `match`.",
        {"status": {"neq": "draft"}},
    ),
    _TIMEOUT,
    key(
        "since",
        words("trigger", "now"),
        "From when on an event counts: one that came after the trigger but before this step "
        "counts with `trigger`.",
        "now",
        default="trigger",
    ),
)

EVENT_WAIT = Noun("event_wait", "Wait for an event", "Pause until an event comes.", _OF_EVENT)
KINDS = (
    EVENT_WAIT,
    Noun(
        "any_wait",
        "Wait for one of several events",
        "Pause until the first of several events comes.",
        (key("any_of", _EVENTS, "The events.", _EXAMPLES, required=True), _TIMEOUT, _OF_EVENT[4]),
    ),
    Noun(
        "all_wait",
        "Wait for several events",
        "Pause until all of several events have come.",
        (key("all_of", _EVENTS, "The events.", _EXAMPLES, required=True), _TIMEOUT, _OF_EVENT[4]),
    ),
    Noun(
        "length_wait",
        "Wait for a time",
        "Pause for a length of time.",
        (key("for", DURATION, "How long.", "30m", required=True),),
    ),
    Noun(
        "instant_wait",
        "Wait until an instant",
        "Pause until an instant.",
        (
            key(
                "until",
                INSTANT,
                "ISO 8601 with zone, or a reference to one; at most 365 days away.",
                "2026-12-24T18:00:00+01:00",
                "${pickup_at}",
                required=True,
            ),
        ),
    ),
)
WAIT = Value("[wait](#wait)", ref("wait"))
DEFINITIONS = {
    "wait": {
        "title": "Wait",
        "description": "For an event, several of them, a length of time, or until an instant.",
        "type": "object",
        "examples": [_EXAMPLES[0], {"for": "30m"}, {"until": "${pickup_at}"}],
        "anyOf": [ref(kind.name) for kind in KINDS],
    },
}
NOUNS = KINDS
