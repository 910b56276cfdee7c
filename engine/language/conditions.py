"""Conditions: data, never code (definitions.md, Conditions)."""

from collections.abc import Mapping

from engine.language.nouns import Noun, Value, key
from engine.language.values import ANY, FLAG, NAMED, PATH, PATHNAME, TEXT, ref
from engine.values import dataclass

_REFERENCE = {"type": "string", "pattern": r"^\$\{"}
_LIST = Value("list°", {"anyOf": [{"type": "array"}, _REFERENCE]})
_PAIR = Value(
    "`[low, high]`°",
    {"anyOf": [{"type": "array", "minItems": 2, "maxItems": 2}, _REFERENCE]},
)
_PATTERN = Value("RE2 pattern", {"type": "string", "maxLength": 512, "not": {"pattern": r"\$\{"}})
_CONDITIONS = Value("list of conditions", {"type": "array", "items": ref("condition")})


@dataclass(frozen=True, slots=True)
class Operator:
    """One comparison of a field with a value."""

    name: str
    value: Value
    about: str
    cases: tuple[tuple[object, object], ...]
    """Pairs of field and value that show it; the reference page says what each comes to."""


OPERATORS = (
    Operator(
        "eq",
        ANY,
        "The field equals the value; lists and mappings deeply, nothing is converted.",
        ((1, 1.0), ("DE", "de"), (True, 1), (None, None)),
    ),
    Operator("neq", ANY, "Not `eq`.", (("DE", "FR"), (None, "DE"))),
    Operator(
        "gt",
        ANY,
        "The field is greater: numbers, instants (ISO 8601 with zone), or texts.",
        ((10, 5), ("10", 5), ("2026-01-02T00:00:00Z", "2026-01-01T23:00:00-05:00"), (None, 5)),
    ),
    Operator("gte", ANY, "Greater or equal.", ((5, 5), (None, 5))),
    Operator("lt", ANY, "Less.", ((4, 5), (None, 5))),
    Operator("lte", ANY, "Less or equal.", ((5, 5), (None, 5))),
    Operator(
        "in",
        _LIST,
        "The field equals an element of the list.",
        (("DE", ["DE", "FR"]), ("IT", ["DE", "FR"]), (None, [None])),
    ),
    Operator(
        "contains",
        ANY,
        "The field is a list with this element, a text with this part, or a mapping with this key.",
        ((["a", "b"], "b"), ("invoice 12", "voice"), ({"vat": 19}, "vat"), (12, 1)),
    ),
    Operator(
        "regex",
        _PATTERN,
        "The pattern is found somewhere in the text. RE2: linear time, no look-around, no "
        "back-references; it is compiled when the definition is loaded, so it holds no `${...}`.",
        (("new@tempmail.example", "@(mailinator|tempmail)\\."), (12, "1"), (None, ".*")),
    ),
    Operator(
        "exists",
        FLAG,
        "The field is there and not null, or with `false` the opposite.",
        ((0, True), (None, True), (None, False)),
    ),
    Operator(
        "starts_with",
        TEXT,
        "The text begins with the value.",
        (("order-12", "order-"), (12, "1")),
    ),
    Operator("ends_with", TEXT, "The text ends with the value.", (("ana@example.com", ".com"),)),
    Operator(
        "between",
        _PAIR,
        "From low to high, both included.",
        ((5, [1, 5]), (6, [1, 5]), (None, [1, 5])),
    ),
)

TESTS = Noun(
    "tests",
    "Tests of a field",
    "One or more operators, which must all hold.",
    (
        *(
            key(operator.name, operator.value, operator.about, operator.cases[0][1])
            for operator in OPERATORS
        ),
        key(
            "strict",
            FLAG,
            "Whether types that do not fit are an error of the step, instead of false with a "
            "warning in its output.",
            True,
            default=False,
        ),
    ),
    {
        "minProperties": 1,
        "if": {"required": ["strict"]},
        "then": {"minProperties": 2},
    },
)

GROUP = Noun(
    "fields",
    "Fields and groups",
    "Fields with their tests, and groups of conditions; all entries must hold.",
    (
        key("all", _CONDITIONS, "Each must hold; an empty list holds.", [{"total": {"gt": 5}}]),
        key("any", _CONDITIONS, "One must hold; an empty list does not.", [{"total": {"gt": 5}}]),
        key(
            "not",
            Value("condition", ref("condition")),
            "It must not hold.",
            {"country": {"eq": "DE"}},
        ),
        key("and", _CONDITIONS, "The predecessor's `all`.", [{"total": {"gt": 5}}]),
        key("or", _CONDITIONS, "The predecessor's `any`.", [{"total": {"gt": 5}}]),
    ),
    {
        "minProperties": 1,
        "propertyNames": {"pattern": PATH},
        "additionalProperties": ref("tests"),
    },
)

LITERAL = Noun(
    "literal_condition",
    "Literal form",
    "The predecessor's form of a test.",
    (
        key("field", PATHNAME, "Dotted path.", "order.total", required=True),
        key(
            "operator",
            Value("operator", {"enum": [operator.name for operator in OPERATORS]}),
            "How to compare.",
            "gt",
            required=True,
        ),
        key("value", ANY, "What to compare with.", 5, default=None),
        key(
            "strict",
            FLAG,
            "Whether types that do not fit are an error.",
            True,
            default=False,
        ),
    ),
)

ANSWERED = Noun(
    "approval_condition",
    "Outcome of an approval",
    "How an approval ended.",
    (
        key("approval", NAMED, "Id of the approval's step.", "manager", required=True),
        key("is", TEXT, "The outcome.", "approved", required=True),
    ),
)

FORMS = (GROUP, LITERAL, ANSWERED)
DEFINITIONS: Mapping[str, object] = {
    "condition": {
        "title": "Condition",
        "description": "Fields with tests, such as {total: {gte: 1000}}; nested by all, any, not.",
        "type": "object",
        "examples": [
            {"total": {"gte": 1000}},
            {"any": [{"country": {"in": ["KP", "SY"]}}, {"not": {"email": {"exists": True}}}]},
            {"approval": "manager", "is": "approved"},
        ],
        "anyOf": [ref(form.name) for form in FORMS],
    },
}
NOUNS = (TESTS, *FORMS)
