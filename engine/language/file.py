"""The file: the keys at its top (definitions.md, The file)."""

from engine.language.nouns import Noun, Value, key
from engine.language.values import (
    DURATION,
    FIRST_STEPS,
    FLAG,
    JSON_SCHEMA,
    STEPS,
    TEXT,
    WORKFLOW_NAME,
    noun,
    ref,
    whole,
    words,
)

_TRIGGERS = Value(
    "trigger, or a list of them",
    {"anyOf": [ref("trigger"), {"type": "array", "items": ref("trigger"), "minItems": 1}]},
)
_NAME = Value("name, also with `-`", {"type": "string", "pattern": WORKFLOW_NAME})
_LABELS = Value("map of texts", {"type": "object", "additionalProperties": TEXT.schema})

FILE = Noun(
    "workflow",
    "Sluicegate workflow",
    "One workflow: what starts it, what it knows, and its steps.",
    (
        key(
            "name",
            _NAME,
            "Unique in a deployment; with the content hash it identifies a version.",
            "order-approval",
            required=True,
        ),
        key(
            "description",
            TEXT,
            "What the workflow is for, in a sentence.",
            "Small orders pass, larger ones need people.",
            default="",
        ),
        key(
            "labels",
            _LABELS,
            "Searchable on the executions of this workflow.",
            {"team": "sales"},
            default={},
        ),
        key(
            "trigger",
            _TRIGGERS,
            "What starts an execution: an event, a schedule, or somebody by hand.",
            {"event": "order.created", "key": "${order_id}"},
            required=True,
        ),
        key(
            "input",
            JSON_SCHEMA,
            "JSON Schema (2020-12) of the payload, without remote references; each "
            "`pattern` is one of RE2. A payload that does not fit starts nothing: it becomes a "
            "dead letter that names path and rule.",
            {"required": ["order_id"], "properties": {"total": {"type": "number"}}},
        ),
        key(
            "context",
            noun("context", "[context](#context)"),
            "What is read and computed before the first step.",
            {"derive": {"is_large": {"total": {"gte": 1000}}}},
        ),
        key(
            "steps",
            FIRST_STEPS,
            "What an execution does, in order.",
            [{"id": "done", "allow": {"reason": "Accepted"}}],
            required=True,
        ),
        key(
            "timeout",
            DURATION,
            "Limit of the whole execution; beyond it the execution is `failed` with the error "
            "code `timeout`. Without it there is no limit.",
            "3h",
        ),
        key(
            "include_paused",
            FLAG,
            "Whether paused time counts for `timeout`.",
            default=False,
        ),
        key(
            "priority",
            whole(-1000, 1000),
            "Order among the workflows that one event starts: higher first, then by name.",
            10,
            default=0,
        ),
        key("enabled", FLAG, "Whether triggers start executions.", default=True),
        key(
            "default_result",
            words("allowed", "executed"),
            "Result of an execution in which no `allow`, `block` or `execute` ran.",
            default="allowed",
        ),
        key(
            "on_error",
            STEPS,
            "Run once when a step has failed for good; then the execution is `failed`.",
            [{"id": "report", "execute": [{"log": {"message": "${error.message}"}}]}],
        ),
    ),
)
