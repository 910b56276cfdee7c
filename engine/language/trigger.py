"""Triggers: which events, schedule or hand start an execution (definitions.md, Trigger)."""

from engine.language.nouns import Noun, Schema, Value, key, not_both
from engine.language.values import (
    CONDITION,
    DURATION,
    FLAG,
    LINE,
    MATCH,
    PATTERN,
    TEXT,
    noun,
    whole,
    words,
)

_CRON = Value("cron, 5 or 6 fields", {"type": "string", "pattern": r"^\s*\S+(\s+\S+){4,5}\s*$"})

MANUAL = "By hand, where nothing else starts it. Every workflow can be started by its name."

_BY_EVENT: Schema = {"required": ["event"], "properties": {"schedule": False}}
_BY_SCHEDULE: Schema = {
    "required": ["schedule"],
    "properties": dict.fromkeys(("event", "when", "key", "debounce", "batch"), False),
}
_BY_HAND: Schema = {
    "required": ["manual"],
    "properties": {
        "manual": {"const": True},
        **dict.fromkeys(("event", "schedule", "debounce", "batch"), False),
    },
}

TRIGGER = Noun(
    "trigger",
    "Trigger",
    "Which events, which schedule, or which hand start an execution.",
    (
        key(
            "event",
            PATTERN,
            "Event type: any printable text, case-sensitive. A `*` at the end stands for one or "
            "more segments, inside for exactly one, alone for everything.",
            "order.created",
            "order.*",
        ),
        key(
            "when",
            CONDITION,
            "Condition over the event; where it does not hold, nothing starts.",
            {"amount": {"gt": 0}},
        ),
        key(
            "key",
            LINE,
            "At most one unfinished execution per key and workflow.",
            "${order_id}",
        ),
        key(
            "on_busy",
            words("ignore", "queue", "replace"),
            "What an event does whose key has an unfinished execution already.",
            default="ignore",
        ),
        key("manual", FLAG, MANUAL, True, default=False),
        key(
            "schedule",
            noun("schedule", "[schedule](#schedule)"),
            "Start at times instead of by events.",
            {"cron": "30 2 * * 1-5", "timezone": "Europe/Berlin"},
        ),
        key(
            "cancel_on",
            noun("cancel_on", "[cancel_on](#cancel_on)"),
            "Event that cancels the matching unfinished execution.",
            {"event": "order.cancelled", "match": {"order_id": "${order_id}"}},
        ),
        key(
            "concurrency",
            noun("concurrency", "[concurrency](#concurrency)"),
            "How many may run at once; those above stay `pending`, first come first served.",
            {"key": "${region}", "limit": 5},
        ),
        key(
            "debounce",
            noun("debounce", "[debounce](#debounce)"),
            "Start once it has been quiet for some time, with the last event.",
            {"key": "${sku}", "for": "30s", "max": "5m"},
        ),
        key(
            "batch",
            noun("batch", "[batch](#batch)"),
            "One execution for many events; its payload is `{events: [...]}`.",
            {"key": "${region}", "size": 100, "for": "1m"},
        ),
    ),
    {
        "anyOf": [_BY_EVENT, _BY_SCHEDULE, _BY_HAND],
        "dependentRequired": {"on_busy": ["key"]},
        **not_both("debounce", "batch"),
    },
)

SCHEDULE = Noun(
    "schedule",
    "Schedule",
    "When a workflow starts by itself; each slot starts it once, however many workers there are.",
    (
        key("cron", _CRON, "Minute, hour, day, month, weekday.", "30 2 * * 1-5", required=True),
        key("timezone", TEXT, "IANA name of the zone.", "Europe/Berlin", default="UTC"),
        key(
            "catch_up",
            words("none", "last", "all"),
            "Which slots to make up for after a time without workers.",
            default="none",
        ),
        key("window", DURATION, "How far back catching up goes.", "6h", default="1h"),
        key(
            "overlap",
            words("allow", "skip", "buffer_one", "cancel_other"),
            "What a slot does while the execution of an earlier one is unfinished.",
            "skip",
            default="allow",
        ),
        key("jitter", DURATION, "Longest random delay of a start.", "30s", default="0s"),
    ),
)

CANCEL_ON = Noun(
    "cancel_on",
    "Cancel on",
    "Which event cancels an unfinished execution.",
    (
        key("event", PATTERN, "Event type or pattern.", "order.cancelled", required=True),
        key(
            "match",
            MATCH,
            "Paths in that event, each with the value it must equal. "
            "Without it the key of the record must be that of the triggering one.",
            {"order_id": "${order_id}"},
        ),
    ),
)

CONCURRENCY = Noun(
    "concurrency",
    "Concurrency",
    "How many executions may run at once.",
    (
        key("key", LINE, "Counted apart per key.", "${region}"),
        key("limit", whole(1, 10_000), "Most executions at once.", 5, required=True),
    ),
)

DEBOUNCE = Noun(
    "debounce",
    "Debounce",
    "Wait until events of one key have stopped coming.",
    (
        key("key", LINE, "Quiet is measured per key.", "${sku}"),
        key("for", DURATION, "How long it must be quiet.", "30s", required=True),
        key("max", DURATION, "Longest delay after the first event.", "5m"),
    ),
)

BATCH = Noun(
    "batch",
    "Batch",
    "Gather events of one key for one execution.",
    (
        key("key", LINE, "Gathered apart per key.", "${region}"),
        key("size", whole(2, 1000), "Start with this many.", 100, required=True),
        key("for", DURATION, "Start this long after the first, though.", "1m", required=True),
    ),
)

NOUNS = (TRIGGER, SCHEDULE, CANCEL_ON, CONCURRENCY, DEBOUNCE, BATCH)
