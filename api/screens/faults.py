"""What a form's schema refuses in what was typed, in words that stand beside the field."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from api.screens.asking import EXAMPLES, Asking, choice_of, label_of, words_of
from api.screens.refusals import told
from streams.json_check import Undecodable, check_value

if TYPE_CHECKING:
    from jsonschema_rs import ValidationError

FORMATS: Mapping[str, str] = {
    "date": "Write a day that there is, such as 2026-12-31.",
    "date-time": "Write an instant, such as 2026-12-31T18:00.",
    "time": "Write a time of day, such as 18:00.",
    "email": "Write an e-mail address, such as ana@example.com.",
    "idn-email": "Write an e-mail address, such as ana@example.com.",
    "uri": "Write a whole address, such as https://example.com.",
    "iri": "Write a whole address, such as https://example.com.",
    "uuid": "Write a UUID.",
}
SAYINGS: Mapping[str, Callable[[Any], str]] = {
    "type": lambda kind: f"This must be {words_of(kind.types)}.",
    "minimum": lambda kind: f"At least {kind.limit}.",
    "maximum": lambda kind: f"At most {kind.limit}.",
    "exclusiveMinimum": lambda kind: f"More than {kind.limit}.",
    "exclusiveMaximum": lambda kind: f"Less than {kind.limit}.",
    "multipleOf": lambda kind: f"A multiple of {kind.multiple_of}.",
    "minLength": lambda kind: f"At least {kind.limit} characters.",
    "maxLength": lambda kind: f"At most {kind.limit} characters.",
    "minItems": lambda kind: f"At least {kind.limit} entries.",
    "maxItems": lambda kind: f"At most {kind.limit} entries.",
    "uniqueItems": lambda _: "No entry may come twice.",
    "pattern": lambda kind: f"This must fit the pattern {kind.pattern}.",
    "format": lambda kind: FORMATS.get(kind.format, f"This is no {kind.format}."),
    "required": lambda kind: f"{kind.property} is missing.",
    "const": lambda kind: f"This must be {label_of(kind.expected_value)}.",
    "enum": lambda kind: f"Choose one of: {', '.join(map(label_of, kind.options))}.",
}
UNSTORABLE: Mapping[str, str] = {
    "integer_too_large": "Too large: whole numbers go up to 9,007,199,254,740,992.",
    "too_deep": "Nested too deeply.",
    "string_too_long": "Too long.",
}


def fault_of(error: "ValidationError", asking: Asking, value: object) -> str:
    """Return what is wrong with the value of a field, and where inside it."""
    if asking.kind == "json" and isinstance(value, str):
        example = EXAMPLES[min(asking.types)]
        return f"This is no JSON; write {words_of(asking.types)}, such as {example}."
    if asking.options and choice_of(value) not in [choice.sent for choice in asking.options]:
        return choosing(asking)
    if error.kind.name in ("anyOf", "oneOf") and asking.types:
        text = f"This must be {words_of(asking.types)}."
    else:
        text = _said(error)
    place = ", ".join(map(_place, error.instance_path[1:]))
    return f"{place}: {text}" if place else text


def missing(asking: Asking) -> str:
    """Return what is said where a value is needed and there is none."""
    if asking.fixed:
        return "Nobody can fill this in: the workflow gives it no default."
    return choosing(asking) if asking.options else "This must be filled in."


def choosing(asking: Asking) -> str:
    """Return which choices there are."""
    labels = [choice.label for choice in asking.options]
    return (
        f"Choose one of: {', '.join(labels)}." if len(labels) > 1 else f"This must be {labels[0]}."
    )


def changed(asking: Asking) -> str:
    """Return what is said to another value of a field that people only read."""
    return f"This cannot be changed: it stays {'as shown' if asking.given else 'empty'}."


def _said(error: "ValidationError") -> str:
    saying = SAYINGS.get(error.kind.name)
    if saying is not None:
        return saying(error.kind)
    return told(error.message[:200])


def _place(part: str | int) -> str:
    return f"entry {part + 1}" if isinstance(part, int) else part


def unstorable(value: object) -> str:
    """Return why no record may hold a value, empty if one may."""
    try:
        check_value({"it": value})
    except Undecodable as problem:
        return told(UNSTORABLE.get(problem.error_type, problem.message))
    return ""
