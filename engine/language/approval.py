"""Approvals: what is asked, whom, and until when (definitions.md, Approval)."""

from engine.language.nouns import Noun, Schema, Value, key, not_both
from engine.language.values import (
    DURATION,
    FIELD,
    FLAG,
    INSTANT,
    LINE,
    NAME,
    PEOPLE,
    WORD,
    WORDS,
    noun,
    nouns,
    ref,
    whole,
    words,
)

_OUTCOMES = Value(
    "list of names",
    {
        "type": "array",
        "items": {"type": "string", "pattern": NAME, "not": {"enum": ["expired", "cancelled"]}},
        "minItems": 2,
        "uniqueItems": True,
    },
)
_FORM = Value(
    "map of names to JSON Schemas",
    {
        "type": "object",
        "propertyNames": {"pattern": FIELD},
        "additionalProperties": {"type": "object"},
    },
)
_VIEW = Value("mapping°", {"type": ["object", "string"]})
_DECIDERS = (
    {"required": ["roles"], "properties": {"roles": {"minItems": 1, "minLength": 1}}},
    {"required": ["users"], "properties": {"users": {"minItems": 1, "minLength": 1}}},
    {"required": ["anyone"], "properties": {"anyone": {"const": True}}},
)
_STAGED: Schema = {
    "required": ["policy"],
    "properties": {
        "policy": {"required": ["sequence"]},
        **dict.fromkeys(("roles", "users", "anyone"), False),
    },
}
_SINGLE: Schema = {"properties": {"policy": {"properties": {"sequence": False}}}}
_SEATS = Value(
    "list of 1 to 50 roles or users",
    {
        **WORD.schema,
        "type": ["array", "string"],
        "items": WORD.schema,
        "minItems": 1,
        "maxItems": 50,
        "uniqueItems": True,
    },
)
_ROLES = key("roles", WORDS, "Who may decide: holders of one of these roles.", ["sales-manager"])
_USERS = key("users", PEOPLE, "Who may decide: these users.", ["ana@example.com", "${owner}"])
_ANYONE = key("anyone", FLAG, "Whether everybody may decide.", True, default=False)

APPROVAL = Noun(
    "approval",
    "Approval",
    "A question to people, with an expiry. It needs `roles`, `users` or `anyone: true`; with a "
    "sequence each stage has its own.",
    (
        key(
            "title",
            LINE,
            "What is asked, in one line; shown, hashed and signed.",
            "Order ${order_id}: ${total} ${currency}",
            required=True,
        ),
        key(
            "body",
            LINE,
            "More about it, as Markdown; what ${...} puts into it is plain text there.",
            "Customer ${customer_id}, ${customer.history.orders_count:-0} orders so far.",
        ),
        _ROLES,
        _USERS,
        _ANYONE,
        key(
            "policy",
            noun("policy", "[policy](#policy)"),
            "How many must agree.",
            {"n_of": 2, "veto": True},
            default={"any": True},
        ),
        key(
            "exclude",
            PEOPLE,
            "Users who may not decide, such as those who decided before.",
            ["${approvals.manager.decided_by}"],
        ),
        key(
            "allow_requester",
            FLAG,
            "Whether who asked for it may decide it.",
            True,
            default=False,
        ),
        key(
            "requester",
            LINE,
            "Who asked for it; without it the event's `requested_by`.",
            "${created_by}",
        ),
        key(
            "outcomes",
            _OUTCOMES,
            "What may be answered. The first counts as approval; own names have their branches "
            "under `on`.",
            ["accept", "reduce_limits", "stop_sales"],
            default=["approved", "rejected"],
        ),
        key(
            "form",
            _FORM,
            "Fields to fill in, checked with the decision; read back as `approvals.<id>.form`. "
            "Each `pattern` is one of RE2.",
            {"discount_pct": {"type": "number", "minimum": 0, "maximum": 15}},
        ),
        key("required_fields", WORDS, "Fields that must be filled in.", ["discount_pct"]),
        key(
            "view",
            _VIEW,
            "The data that is shown, and hashed into `request_hash`; without it the payload.",
            {"total": "${total}", "customer": "${customer.history}"},
        ),
        key(
            "entity",
            noun("entity", "[entity](#entity)"),
            "What it is about, as columns of the request.",
            {"type": "order", "id": "${order_id}"},
        ),
        key(
            "expires_in",
            DURATION,
            "How long people have; then the outcome is `expired`.",
            "24h",
        ),
        key(
            "expires_at",
            INSTANT,
            "Until when people have, instead of `expires_in`.",
            "${pickup_at}",
        ),
        key("remind_every", DURATION, "Notify again this often.", "2h"),
        key(
            "escalate",
            noun("escalate", "[escalate](#escalate)"),
            "More deciders after some time.",
            {"after": "4h", "roles": ["finance-director"]},
        ),
        key(
            "priority",
            words("low", "normal", "high"),
            "Order and look in the inbox.",
            "high",
            default="normal",
        ),
        key("bulk", FLAG, "Whether it may be approved from the list.", True, default=False),
    ),
    {
        "anyOf": [*({"allOf": [_SINGLE, who]} for who in _DECIDERS), _STAGED],
        **not_both("expires_in", "expires_at"),
    },
)

ENTITY = Noun(
    "entity",
    "Entity",
    "What an approval is about.",
    (
        key("type", LINE, "Kind of thing.", "order", required=True),
        key("id", LINE, "Which one.", "${order_id}", required=True),
    ),
)

ESCALATE = Noun(
    "escalate",
    "Escalation",
    "Adds deciders to an approval that nobody has decided.",
    (
        key("after", DURATION, "How long after the request.", "4h", required=True),
        key("roles", WORDS, "Further roles.", ["finance-director"]),
        key("users", PEOPLE, "Further users.", ["ana@example.com"]),
    ),
    {"anyOf": list(_DECIDERS[:2])},
)

STAGE = Noun(
    "stage",
    "Stage",
    "One question of a sequence. It needs `roles`, `users` or `anyone: true`.",
    (
        key("title", LINE, "What is asked; without it the approval's title.", "First signature"),
        _ROLES,
        _USERS,
        _ANYONE,
        key(
            "policy",
            noun("policy", "[policy](#policy)"),
            "How many must agree; not a sequence again.",
            {"n_of": 2},
            default={"any": True},
        ),
    ),
    {"anyOf": list(_DECIDERS), "allOf": [_SINGLE]},
)
_VETO = key("veto", FLAG, "Whether one rejection rejects.", True, default=False)
POLICIES = (
    Noun(
        "any_policy",
        "Any",
        "The first vote decides.",
        (
            key("any", Value("`true`", {"const": True}), "The default.", True, required=True),
            _VETO,
        ),
    ),
    Noun(
        "all_policy",
        "All",
        "Each of these roles or users must agree.",
        (
            key(
                "all",
                _SEATS,
                "Roles or users of the approval.",
                ["finance", "legal"],
                required=True,
            ),
            _VETO,
        ),
    ),
    Noun(
        "n_of_policy",
        "Quorum",
        "So many different people must agree.",
        (key("n_of", whole(1, 50), "How many.", 2, required=True), _VETO),
    ),
    Noun(
        "percent_policy",
        "Share",
        "A share of these roles or users must agree.",
        (
            key(
                "percent",
                whole(1, 100),
                "The share.",
                60,
                required=True,
            ),
            key(
                "of", _SEATS, "Roles or users of the approval.", ["ana", "bo", "cy"], required=True
            ),
            _VETO,
        ),
    ),
    Noun(
        "sequence_policy",
        "Sequence",
        "Questions to one after another; the first that is not approved ends it.",
        (
            key(
                "sequence",
                nouns("stage", "list of 2 to 10 [stages](#stage)", 2, 10),
                "The stages, in order.",
                [{"title": "First signature", "roles": ["finance"]}, {"users": ["${owner}"]}],
                required=True,
            ),
            _VETO,
        ),
    ),
)
DEFINITIONS = {
    "policy": {
        "title": "Policy",
        "description": "How many must agree; votes count by different people.",
        "type": "object",
        "examples": [{"any": True}, {"n_of": 2, "veto": True}],
        "anyOf": [ref(policy.name) for policy in POLICIES],
    },
}
NOUNS = (APPROVAL, ENTITY, ESCALATE, STAGE, *POLICIES)
