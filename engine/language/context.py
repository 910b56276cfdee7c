"""What is read and computed before the first step (definitions.md, Context)."""

from engine.language.nouns import Noun, Schema, Value, key
from engine.language.values import (
    ANY,
    CACHE,
    FLAG,
    LINE,
    NAME,
    PATH,
    RESERVED,
    WORD,
    ref,
)

_FREE: Schema = {"not": {"pattern": RESERVED}}
_LOADS = Value(
    "map of paths to [loads](#load)",
    {
        "type": "object",
        "propertyNames": {"pattern": PATH, **_FREE},
        "additionalProperties": ref("load"),
    },
)
_DERIVED = Value(
    "map of names to conditions, or to `{value°: ...}`",
    {
        "type": "object",
        "propertyNames": {"pattern": NAME, **_FREE},
        "additionalProperties": {"anyOf": [ref("condition"), ref("derived_value")]},
    },
)

CONTEXT = Noun(
    "context",
    "Context",
    "What is read and computed before the first step; the payload stands at its root.",
    (
        key(
            "load",
            _LOADS,
            "Resources to read, all in parallel; each lands at its path.",
            {"customer.history": {"resource": "customer.history", "id": "${customer_id}"}},
            default={},
        ),
        key(
            "derive",
            _DERIVED,
            "Fields to compute, in order, after the loads; one reads those before it.",
            {"is_large": {"total": {"gte": 1000}}, "label": {"value": "${order_id}/${total}"}},
            default={},
        ),
    ),
)

LOAD = Noun(
    "load",
    "Load",
    "One resource to read. Its name is declared in `resources.yaml` beside the definitions.",
    (
        key("resource", WORD, "Name of the resource.", "customer.history", required=True),
        key("id", LINE, "Which one of its kind.", "${customer_id}", required=True),
        key(
            "cache",
            CACHE,
            "How long a value that was read stays good; `0s` reads it each time. "
            "Without it the resource's own `cache` holds, else 300 s.",
            "10m",
            "0s",
        ),
        key(
            "optional",
            FLAG,
            "Whether null takes its place when it cannot be read; otherwise the execution fails.",
            True,
            default=False,
        ),
        key(
            "overwrite",
            FLAG,
            "Whether it may replace a field of the payload.",
            True,
            default=False,
        ),
    ),
)

DERIVED_VALUE = Noun(
    "derived_value",
    "Computed value",
    "A field that holds a value, not the truth of a condition.",
    (key("value", ANY, "The value.", "${order_id}/${total}", required=True),),
)

NOUNS = (CONTEXT, LOAD, DERIVED_VALUE)
