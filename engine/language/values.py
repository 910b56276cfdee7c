"""Values that many keys hold."""

from engine.language.nouns import Schema, Value

SEGMENT = r"([A-Za-z_@][A-Za-z0-9_-]*|[0-9]{1,9})"
PATH = rf"^{SEGMENT}(\.{SEGMENT})*$"
FIELD = rf"^{SEGMENT}$"
"""A name that can be one part of a path."""
NAME = "^[a-z][a-z0-9_]{0,99}$"
RESOURCE_NAME = r"^[a-z][a-z0-9_]{0,99}(\.[a-z][a-z0-9_]{0,99})*$"
WORKFLOW_NAME = "^[a-z][a-z0-9_-]{0,99}$"
REFERENCE = r"^\$\{[^{}]+\}$"
"""A text that is one reference, and so takes the type of what it refers to."""
_OWN = ("event", "steps", "approvals", "waits", "execution", "secrets", "error")
TAKEN = frozenset({*_OWN, "context", "index", "round"})
"""Names that the element of a loop cannot have."""
RESERVED = rf"^(context\.)?({'|'.join(_OWN)})(\.|$)"
_NUMBER = r"[0-9]{1,9}(\.[0-9]{1,6})?"
_DURATION = (
    rf"^({_NUMBER}(ms|s|m|h|d|w)|"
    rf"P({_NUMBER}[WD])+|P({_NUMBER}[WD])*T({_NUMBER}[HMS])+)$"
)
_EVENT = r"[^*.\u0000-\u001f\u007f-\u009f\u2028\u2029]+"
_TRIMMED = r"(?!\s)(?!.*\s$)"


def ref(name: str) -> Schema:
    """Return a reference to a definition of the schema."""
    return {"$ref": f"#/$defs/{name}"}


def words(*choices: str) -> Value:
    """Return one of some words."""
    return Value(" \\| ".join(f"`{choice}`" for choice in choices), {"enum": list(choices)})


def whole(low: int, high: int) -> Value:
    """Return a whole number between bounds."""
    schema = {"type": "integer", "minimum": low, "maximum": high}
    return Value(f"whole number, {low:,} to {high:,}", schema)


def noun(name: str, said: str) -> Value:
    """Return a mapping that is described on its own."""
    return Value(said, ref(name))


def nouns(name: str, said: str, least: int, most: int) -> Value:
    """Return a list of so many such mappings."""
    bounds = {"minItems": least, "maxItems": most}
    return Value(said, {"type": "array", "items": ref(name), **bounds})


ANY = Value("any value°", {})
TEXT = Value("text", {"type": "string"})
LINE = Value("text°", {"type": ["string", "number", "boolean"]})
WORD = Value("fixed text", {"type": "string", "minLength": 1, "pattern": r"^([^$]|\$+[^${])*\$*$"})
"""A text without references."""
NAMED = Value("name", {"type": "string", "pattern": NAME})
PATHNAME = Value("dotted path", {"type": "string", "pattern": PATH})
LANDING = Value("dotted path", {"type": "string", "pattern": PATH, "not": {"pattern": RESERVED}})
"""A place in the context that is free to be filled."""
FLAG = Value("`true` \\| `false`", {"type": "boolean"})
DURATION = Value("duration", ref("duration"))
CACHE = Value("duration, or 0", {"anyOf": [ref("duration"), {"const": 0}]})
INSTANT = Value("instant°", {"type": "string", "minLength": 1})
PATTERN = Value(
    "event pattern",
    {"type": "string", "pattern": rf"^{_TRIMMED}({_EVENT}|\*)(\.({_EVENT}|\*))*$"},
)
EVENT = Value("event type", {"type": "string", "pattern": rf"^{_TRIMMED}{_EVENT}(\.{_EVENT})*$"})
MAPPING = Value(
    "mapping°", {"anyOf": [{"type": "object"}, {"type": "string", "pattern": REFERENCE}]}
)
WORDS = Value("list of texts", {**WORD.schema, "type": ["array", "string"], "items": WORD.schema})
PEOPLE = Value("list of texts°", {"type": ["array", "string"], "items": LINE.schema})
JSON_SCHEMA = Value("JSON Schema", {"type": "object"})
CONDITION = Value("condition", ref("condition"))
STEPS = Value("steps", ref("steps"))
FIRST_STEPS = Value("steps", {**ref("steps"), "minItems": 1})
MATCH = Value("map of paths to values°", {"type": "object", "propertyNames": {"pattern": PATH}})

DEFINITIONS: Schema = {
    "duration": {
        "title": "Duration",
        "description": "A number with ms, s, m, h, d or w, such as 30s; or ISO 8601: PT24H.",
        "type": "string",
        "pattern": _DURATION,
        "examples": ["500ms", "30s", "10m", "24h", "5d", "2w", "PT24H"],
    },
}
