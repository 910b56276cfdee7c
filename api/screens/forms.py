"""HTML forms from the `form` schema of a request, and their answers back to JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

import orjson

from streams.schemas import compile_schema, form_schema

PREFIX = "form."
KINDS = {"number": "number", "integer": "integer", "boolean": "checkbox"}
FORMATS = {"date": "date", "email": "email", "uri": "url", "date-time": "text"}
LONG_TEXT = 200
"""A text that may be longer than this gets several lines."""


@dataclass(frozen=True, slots=True)
class Field:
    """One input of a decision form."""

    name: str
    title: str
    kind: str
    required: bool
    options: tuple[str, ...] = ()
    minimum: Any = None
    maximum: Any = None
    longest: int | None = None
    help: str = ""
    value: str = ""
    error: str = ""

    @property
    def input_name(self) -> str:
        """The name of the HTML input."""
        return PREFIX + self.name

    @property
    def bounds(self) -> str:
        """What fits, in words."""
        match self.minimum, self.maximum:
            case None, None:
                return ""
            case low, None:
                return f"at least {low}"
            case None, high:
                return f"at most {high}"
            case low, high:
                return f"{low} to {high}"


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return "select"
    if schema.get("type") in ("object", "array"):
        return "json"
    kind = KINDS.get(str(schema.get("type")))
    if kind is not None:
        return kind
    if int(schema.get("maxLength") or 0) > LONG_TEXT:
        return "textarea"
    return FORMATS.get(str(schema.get("format")), "text")


def fields_of(
    record: Mapping[str, Any],
    answers: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
) -> list[Field]:
    """Return the inputs that a waiting record asks for, with what was typed and what is wrong."""
    required = record.get("required_fields") or []
    found = []
    for name, schema in (record.get("form") or {}).items():
        schema = schema if isinstance(schema, Mapping) else {}
        default = schema.get("default")
        found.append(
            Field(
                name,
                str(schema.get("title") or name),
                _kind(schema),
                name in required,
                tuple(map(str, schema.get("enum", ()))),
                schema.get("minimum"),
                schema.get("maximum"),
                schema.get("maxLength"),
                str(schema.get("description") or ""),
                answers.get(PREFIX + name, "" if default is None or answers else str(default)),
                (errors or {}).get(name, ""),
            )
        )
    return found


def read_answers(record: Mapping[str, Any], answers: Mapping[str, str]) -> dict[str, Any]:
    """Return what was typed as the JSON that the schema expects; empty inputs are left out."""
    found: dict[str, Any] = {}
    for name, schema in (record.get("form") or {}).items():
        schema = schema if isinstance(schema, Mapping) else {}
        text = answers.get(PREFIX + name, "").strip()
        if _kind(schema) == "checkbox":
            found[name] = text == "on"
        elif text:
            found[name] = _typed(schema, text)
    return found


def _typed(schema: Mapping[str, Any], text: str) -> Any:
    for option in schema.get("enum", ()):
        if str(option) == text:
            return option
    try:
        if schema.get("type") == "integer":
            return int(text)
        if schema.get("type") == "number":
            number = float(text)
            if not isfinite(number):
                return text
            return int(number) if number.is_integer() and "." not in text else number
        if _kind(schema) == "json":
            return orjson.loads(text)
    except ValueError:
        return text
    return text


def errors_of(
    record: Mapping[str, Any], filled: Mapping[str, Any], *, partial: bool
) -> dict[str, str]:
    """Return what is wrong with each field; a rejection need not fill the required ones."""
    schema = form_schema(record, partial=partial)
    found: dict[str, str] = {}
    for name in schema["required"] if isinstance(schema["required"], list) else ():
        if name not in filled:
            found[name] = "This must be filled in."
    for error in compile_schema(schema).iter_errors(filled):
        path = [str(part) for part in error.instance_path]
        if path:
            found.setdefault(path[0], _in_words(error.message))
    return found


def _in_words(message: str) -> str:
    text = message[:200]
    return f"{text[:1].upper()}{text[1:]}."
