"""HTML forms from the `form` schema of a request, and their answers back to JSON."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from math import isfinite
from typing import Any

import orjson

from api.screens.asking import (
    Asking,
    Choice,
    asking_of,
    choice_of,
    hints_of,
    label_of,
    longest,
    shown,
)
from api.screens.faults import changed, fault_of, missing, unstorable
from api.screens.wording import as_json
from streams.json_check import MAX_INTEGER
from streams.schemas import compile_form, form_schema

PREFIX = "form."
WITH_EXAMPLE = frozenset({"text", "textarea", "email", "url", "integer", "number", "json", "loose"})
"""Inputs that can show an example while they are empty."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
Fits = Callable[[object], bool]


@dataclass(frozen=True, slots=True)
class Field:
    """One input of a decision form."""

    name: str
    title: str
    kind: str
    required: bool
    options: tuple[tuple[str, str], ...] = ()
    """Choices: what is sent, and what is shown."""
    longest: int | None = None
    help: str = ""
    bounds: str = ""
    """What fits, in words."""
    example: str = ""
    """What the input shows while it is empty."""
    value: str = ""
    error: str = ""

    @property
    def input_name(self) -> str:
        """The name of the HTML input."""
        return PREFIX + self.name


def fields_of(
    record: Mapping[str, Any],
    answers: Mapping[str, str],
    errors: Mapping[str, str] | None = None,
) -> list[Field]:
    """Return the inputs that a waiting record asks for, with what was typed and what is wrong."""
    return [
        _field(
            name,
            asking,
            answers.get(PREFIX + name, "") if answers else None,
            (errors or {}).get(name, ""),
            required=name in _required(record),
        )
        for name, asking in _askings(record)
    ]


def _field(name: str, asking: Asking, typed: str | None, error: str, *, required: bool) -> Field:
    """Return one input: as typed, or with its default where nobody has typed yet."""
    schema = asking.schema
    default = _as_typed(asking, asking.given[0]) if asking.given else ""
    return Field(
        name,
        str(schema.get("title") or name),
        "fixed" if asking.fixed else "text" if asking.kind == "loose" else asking.kind,
        required and not asking.fixed and not _may_stay_empty(asking),
        tuple((choice.sent, choice.label) for choice in asking.options),
        longest(asking) if asking.kind != "loose" else None,
        str(schema.get("description") or ""),
        hints_of(asking),
        _example(asking),
        shown(asking) if asking.fixed else default if typed is None else typed,
        error,
    )


def _example(asking: Asking) -> str:
    """Return the first example as somebody would have typed it, where an input can show one."""
    examples = asking.schema.get("examples")
    if asking.kind not in WITH_EXAMPLE or not isinstance(examples, list) or not examples:
        return ""
    return _as_typed(asking, examples[0])


def read_answers(record: Mapping[str, Any], answers: Mapping[str, str]) -> dict[str, Any]:
    """Return what was typed as the JSON that the schema expects; empty inputs are left out."""
    found: dict[str, Any] = {}
    for name, asking in _askings(record):
        text = answers.get(PREFIX + name, "").strip().replace("\r\n", "\n")
        value = _answer(record, name, asking, text)
        if asking.fixed and asking.given and (not text or value == asking.given):
            value = asking.given
        if value:
            found[name] = value[0]
    return found


def _answer(record: Mapping[str, Any], name: str, asking: Asking, text: str) -> tuple[Any, ...]:
    """Return the value that a text gives a field; nothing where it gives none."""
    if asking.kind == "checkbox" and (text or not asking.fixed):
        return (text == "on",)
    if text:
        return (_read(asking, text, _fits(record, name)),)
    return (None,) if name in _required(record) and _may_stay_empty(asking) else ()


def errors_of(
    record: Mapping[str, Any], filled: Mapping[str, Any], *, partial: bool
) -> dict[str, str]:
    """Return what is wrong with each field; a rejection need not fill the required ones."""
    found: dict[str, str] = {}
    asked = dict(_askings(record))
    if not partial:
        found |= {name: missing(asked[name]) for name in _required(record) if name not in filled}
    found |= {name: text for name, value in filled.items() if (text := unstorable(value))}
    found |= {
        name: changed(asked[name]) for name in filled if _is_changed(asked[name], filled[name])
    }
    for error in compile_form(form_schema(record, partial=partial)).iter_errors(filled):
        if error.instance_path:
            name = str(error.instance_path[0])
            found.setdefault(name, fault_of(error, asked[name], filled[name]))
    return found


def _is_changed(asking: Asking, value: Any) -> bool:
    """Tell whether a field that people only read got another value than the definition gives."""
    return asking.fixed and (value,) != (asking.given or (None,))


def _askings(record: Mapping[str, Any]) -> Iterator[tuple[str, Asking]]:
    for name, schema in (record.get("form") or {}).items():
        yield name, asking_of(schema)


def _required(record: Mapping[str, Any]) -> list[str]:
    return list(record.get("required_fields") or ())


def _may_stay_empty(asking: Asking) -> bool:
    """Tell whether an empty input says null, which the schema takes."""
    return asking.nullable and not asking.options


def _fits(record: Mapping[str, Any], name: str) -> Fits:
    """Return what tells whether a value fits a field."""
    schema = form_schema(record, partial=True)
    return lambda value: compile_form(schema).is_valid({name: value})


def _read(asking: Asking, text: str, fits: Fits) -> Any:
    """Return a text as the value that it stands for; as itself where it stands for none."""
    match asking.kind:
        case "select":
            return _chosen(asking.options, text)
        case "integer" | "number":
            return _number(text)
        case "json":
            return _parsed(text)
        case "loose":
            parsed = _parsed(text)
            order = (parsed, text) if asking.types else (text, parsed)
            return next(filter(fits, order), parsed if asking.types else text)
        case "datetime-local":
            return _in_utc(datetime.fromisoformat, text)
        case "time":
            return _in_utc(time.fromisoformat, text)
        case _:
            return text


def _chosen(options: tuple[Choice, ...], text: str) -> Any:
    """Return the choice that a text names: as the form sends it, as it is shown, as it is."""
    names: tuple[Callable[[Choice], str], ...] = (
        lambda choice: choice.sent,
        lambda choice: choice.label,
        lambda choice: label_of(choice.value),
    )
    for name in names:
        for choice in options:
            if name(choice) == text:
                return choice.value
    return text


def _number(text: str) -> Any:
    if _NUMBER.fullmatch(text) is None:
        return text
    number = float(text)
    if not isfinite(number):
        return text
    if text.lstrip("+-").isdigit():
        return int(text)
    return int(number) if number.is_integer() and abs(number) < MAX_INTEGER else number


def _parsed(text: str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:
        return text


def _in_utc(read: "Callable[[str], datetime | time]", text: str) -> str:
    """Return an instant or a time of day with its zone: UTC where none is named."""
    try:
        at = read(text)
    except ValueError:
        return text
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).isoformat().replace("+00:00", "Z")


def _as_typed(asking: Asking, value: Any) -> str:
    """Return a value as somebody would have typed it."""
    match asking.kind:
        case "select":
            return choice_of(value)
        case "checkbox":
            return "on" if value is True else ""
        case "json":
            return as_json(value)
        case "datetime-local":
            return _local(value)
        case "time":
            return str(value).removesuffix("Z")
        case _:
            return "" if value is None else value if isinstance(value, str) else choice_of(value)


def _local(value: object) -> str:
    """Return an instant as an input of the browser takes it, in UTC."""
    try:
        at = datetime.fromisoformat(str(value))
    except ValueError:
        return str(value)
    return at.astimezone(UTC).replace(tzinfo=None).isoformat() if at.tzinfo else str(value)
