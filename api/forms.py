"""HTML forms from the `form` schema of a request, and their answers back to JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

PREFIX = "form."


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
    help: str = ""
    value: str = ""

    @property
    def input_name(self) -> str:
        """The name of the HTML input."""
        return PREFIX + self.name


def _kind(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return "select"
    kinds = {"number": "number", "integer": "integer", "boolean": "checkbox"}
    return kinds.get(str(schema.get("type")), "text")


def fields_of(record: Mapping[str, Any], answers: Mapping[str, str]) -> list[Field]:
    """Return the inputs that a waiting record asks for, with what was typed before."""
    required = record.get("required_fields") or []
    found = []
    for name, schema in (record.get("form") or {}).items():
        default = schema.get("default")
        typed = answers.get(PREFIX + name, "" if default is None else str(default))
        found.append(
            Field(
                name,
                str(schema.get("title") or name),
                _kind(schema),
                name in required,
                tuple(map(str, schema.get("enum", ()))),
                schema.get("minimum"),
                schema.get("maximum"),
                str(schema.get("description") or ""),
                typed,
            )
        )
    return found


def read_answers(record: Mapping[str, Any], answers: Mapping[str, str]) -> dict[str, Any]:
    """Return what was typed as the JSON that the schema expects; empty inputs are left out."""
    found: dict[str, Any] = {}
    for name, schema in (record.get("form") or {}).items():
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
            return int(number) if number.is_integer() and "." not in text else number
    except ValueError:
        return text
    return text
