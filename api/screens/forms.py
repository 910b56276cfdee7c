"""HTML forms from the `form` schema of a request, and their answers back to JSON."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time
from math import isfinite
from typing import Any

import orjson

from api.screens.asking import Asking, asking_of, choice_of, hints_of, label_of, longest
from api.screens.faults import fault_of, unstorable
from api.screens.wording import as_json
from streams.json_check import MAX_INTEGER
from streams.schemas import compile_form, form_schema

PREFIX = "form."
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
    found = []
    for name, asking in _askings(record):
        schema = asking.schema
        default = _as_typed(asking, schema["default"]) if "default" in schema else ""
        found.append(
            Field(
                name,
                str(schema.get("title") or name),
                "text" if asking.kind == "loose" else asking.kind,
                name in _required(record) and not _may_stay_empty(asking),
                tuple((choice_of(option), label_of(option)) for option in asking.options),
                longest(asking) if asking.kind != "loose" else None,
                str(schema.get("description") or ""),
                hints_of(asking),
                answers.get(PREFIX + name, "") if answers else default,
                (errors or {}).get(name, ""),
            )
        )
    return found


def read_answers(record: Mapping[str, Any], answers: Mapping[str, str]) -> dict[str, Any]:
    """Return what was typed as the JSON that the schema expects; empty inputs are left out."""
    found: dict[str, Any] = {}
    for name, asking in _askings(record):
        text = answers.get(PREFIX + name, "").strip().replace("\r\n", "\n")
        if asking.kind == "checkbox":
            found[name] = text == "on"
        elif text:
            found[name] = _read(asking, text, _fits(record, name))
        elif name in _required(record) and _may_stay_empty(asking):
            found[name] = None
    return found


def errors_of(
    record: Mapping[str, Any], filled: Mapping[str, Any], *, partial: bool
) -> dict[str, str]:
    """Return what is wrong with each field; a rejection need not fill the required ones."""
    found: dict[str, str] = {}
    if not partial:
        missing = [name for name in _required(record) if name not in filled]
        found |= dict.fromkeys(missing, "This must be filled in.")
    found |= {name: text for name, value in filled.items() if (text := unstorable(value))}
    asked = dict(_askings(record))
    for error in compile_form(form_schema(record, partial=partial)).iter_errors(filled):
        if error.instance_path:
            name = str(error.instance_path[0])
            found.setdefault(name, fault_of(error, asked[name], filled[name]))
    return found


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


def _chosen(options: tuple[Any, ...], text: str) -> Any:
    """Return the option that a text names: as the form sends it, else as it is shown."""
    for name in (choice_of, label_of):
        for option in options:
            if name(option) == text:
                return option
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
