"""Sub-actions of `execute` (definitions.md, Sub-actions)."""

from collections.abc import Collection

from engine.language.nouns import Key, Noun, Schema, Value, key, not_both
from engine.language.values import (
    ANY,
    DURATION,
    EVENT,
    FLAG,
    LANDING,
    LINE,
    MAPPING,
    WORD,
    ref,
    words,
)


def _where_channel(names: tuple[str, ...], rule: Schema) -> Schema:
    """Return the rule for a notification by one of some channels."""
    chosen = {"required": ["channel"], "properties": {"channel": {"enum": list(names)}}}
    return {"if": chosen, "then": rule}


_HOST = r"(https?://[^/?#${}@\s]+|\$\{secrets\.[A-Za-z0-9_]+\})"
_URL = Value("URL°", {"type": "string", "pattern": rf"^{_HOST}([/?#][\s\S]*)?$"})
_SECRET = Value("one secret", {"type": "string", "pattern": r"\$\{secrets\."})
_STATUS: Schema = {
    "anyOf": [
        {"type": "integer", "minimum": 100, "maximum": 599},
        {"type": "string", "pattern": "^[1-5]([0-9]{2}|xx)$"},
    ]
}
_EXPECT = Value(
    "status, `2xx`, or a list of those",
    {"anyOf": [_STATUS, {"type": "array", "items": _STATUS, "minItems": 1}]},
)
_TEMPLATE = Value(
    "name, also with capitals and `-`",
    {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$"},
)
_TO = Value("text°, or a list", {"type": ["string", "number", "boolean", "array"]})
_TOPIC: Schema = {"type": "string", "pattern": r"^[A-Za-z0-9._-]{1,249}$"}
_CHANNELS = (
    _where_channel(("email", "kafka"), {"required": ["to"]}),
    _where_channel(("kafka",), {"properties": {"to": _TOPIC}}),
    _where_channel(
        ("email", "slack", "teams"),
        {"anyOf": [{"required": ["message"]}, {"required": ["template"]}]},
    ),
)
_CALL = (
    key(
        "url",
        _URL,
        "Where to; scheme and host are literal, or one secret.",
        "https://api.example.com/orders/${order_id}",
        "${secrets.ERP_URL}/orders/${order_id}",
        required=True,
    ),
    key(
        "method",
        words("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"),
        "HTTP method.",
        "PUT",
        default="POST",
    ),
    key(
        "headers",
        MAPPING,
        "Further headers; `Idempotency-Key` is always sent.",
        {"authorization": "Bearer ${secrets.SHOP_TOKEN}"},
    ),
    key("query", MAPPING, "Parameters of the URL.", {"page": 1}),
    key("json", ANY, "Body, as JSON.", {"total": "${total}"}),
    key("body", ANY, "Body, as text; instead of `json`.", "total=${total}"),
    key("timeout", DURATION, "Limit of one attempt.", "10s", default="30s"),
    key(
        "sign",
        _SECRET,
        "Secret to sign the request with (Standard Webhooks).",
        "${secrets.WEBHOOK_KEY}",
    ),
    key(
        "idempotent",
        FLAG,
        "Whether the target drops a second call with the same key.",
        False,
        default=True,
    ),
    key("expect", _EXPECT, "Statuses that count as success.", [200, 204], default="2xx"),
)


def _action(name: str, about: str, keys: tuple[Key, ...], **rules: object) -> Noun:
    return Noun(f"action_{name}", name, about, keys, rules)


ACTIONS = (
    _action(
        "webhook",
        "Calls a URL. Statuses 408, 425, 429 and 5xx are tried again, other 4xx fail at once.",
        _CALL,
        **not_both("json", "body"),
    ),
    _action("http_request", "The same as `webhook`.", _CALL, **not_both("json", "body")),
    _action(
        "notify",
        "Tells people or systems something.",
        (
            key(
                "channel",
                words("log", "email", "slack", "teams", "kafka"),
                "By which way.",
                "log",
                required=True,
            ),
            key("to", _TO, "To whom: address, room, or topic.", "${customer.history.email}"),
            key("template", _TEMPLATE, "Name of the text to send.", "order-accepted"),
            key("message", LINE, "The text itself.", "Order ${order_id} is accepted"),
            key("data", ANY, "What the template may use.", {"why": "${reason}"}),
            key(
                "required",
                FLAG,
                "Whether its failure fails the step.",
                True,
                default=False,
            ),
        ),
        **not_both("template", "message"),
        allOf=list(_CHANNELS),
    ),
    _action(
        "emit",
        "Publishes an event, exactly one row in the outbox.",
        (
            key("event", EVENT, "Event type.", "refund.approved", required=True),
            key(
                "data",
                ANY,
                "Payload; where no topic is named a mapping.",
                {"refund_id": "${refund_id}"},
                default={},
            ),
            key("key", LINE, "Kafka key.", "${refund_id}"),
            key(
                "topic",
                WORD,
                "Where to; without it the first of `SLUICEGATE_EVENT_TOPICS`.",
                "refunds",
            ),
            key("subject", LINE, "Subject of the CloudEvent.", "refund/${refund_id}"),
        ),
        anyOf=[{"required": ["topic"]}, {"properties": {"data": MAPPING.schema}}],
    ),
    _action(
        "create_record",
        "Creates a record inside the transaction: exactly once.",
        (
            key("entity", WORD, "Kind of record.", "incident", required=True),
            key("id", LINE, "Which one; without it one is made.", "${order_id}"),
            key("set", MAPPING, "Its fields.", {"kind": "undecided"}, default={}),
        ),
    ),
    _action(
        "update_record",
        "Changes fields of a record inside the transaction: exactly once.",
        (
            key("entity", WORD, "Kind of record.", "order", required=True),
            key("id", LINE, "Which one.", "${order_id}", required=True),
            key("set", MAPPING, "Fields to change.", {"status": "accepted"}, default={}),
            key(
                "expected_version",
                ANY,
                "Version that the record must have; otherwise the step fails.",
                "${steps.read.output.version}",
            ),
        ),
    ),
    _action(
        "load",
        "Reads a resource; the step's output is its value.",
        (
            key("resource", WORD, "Name of the resource.", "credit.exposure", required=True),
            key("id", LINE, "Which one of its kind.", "${customer_id}", required=True),
            key("into", LANDING, "Path in the context where it lands.", "customer.exposure"),
        ),
    ),
    _action(
        "log",
        "Writes a line into the worker's log.",
        (
            key(
                "level",
                words("debug", "info", "warning", "error"),
                "How serious.",
                "warning",
                default="info",
            ),
            key("message", LINE, "The text.", "Ordered more of ${sku}", required=True),
            key("fields", MAPPING, "Data beside it.", {"sku": "${sku}"}),
        ),
    ),
)
NOUNS = ACTIONS


def _named(action: Noun) -> dict[str, object]:
    return {
        "title": action.title,
        "description": action.about,
        "examples": [action.example()],
        **ref(action.name),
    }


def action_schema(plugged_in: Collection[str] = ()) -> dict[str, object]:
    """Return the schema of one entry of `execute`: a mapping with one key."""
    ours = {action.title: _named(action) for action in ACTIONS}
    theirs = {
        name: {
            "title": name,
            "description": "Action of an installed package.",
            "type": "object",
            "examples": [{}],
        }
        for name in plugged_in
        if name not in ours
    }
    return {
        "title": "Action",
        "description": "One sub-action: its name, with what it is passed.",
        "type": "object",
        "properties": ours | theirs,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
