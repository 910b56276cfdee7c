"""JSON Schema checks of payloads and forms, compiled once; remote references are refused."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

if TYPE_CHECKING:
    from jsonschema_rs import Validator

    from streams.catalog import Version

COMPILED_FORMS = 1_000
"""Most form schemas kept compiled."""
DIALECT = "https://json-schema.org/draft/2020-12/schema"
SHOWN = 300
"""How much is shown of either end of a violation."""
ADDRESSES = ("uri", "uri-reference", "iri", "iri-reference")
ACTIVE_SCHEMES = ("javascript:", "data:", "vbscript:")
"""Addresses that run or carry a program where somebody opens them (security.md, XSS)."""


def refuse_remote(uri: str) -> Any:
    """Refuse to fetch a schema: a reference must not make us call somebody."""
    raise ValueError(f"remote reference {uri} is not allowed")


def compile_schema(schema: object) -> "Validator":
    """Return a validator of the 2020-12 dialect that fetches nothing."""
    # Imported on first use: most deployments have neither input schemas nor forms.
    import jsonschema_rs

    text = orjson.dumps(schema).decode()
    return jsonschema_rs.Draft202012Validator(text, retriever=refuse_remote)


def compile_form(schema: object) -> "Validator":
    """Return a validator of what people fill in: `format` holds, and no address is a program."""
    import jsonschema_rs

    return jsonschema_rs.Draft202012Validator(
        orjson.dumps(schema).decode(),
        retriever=refuse_remote,
        validate_formats=True,
        formats={name: _passive(name) for name in ADDRESSES},
    )


@cache
def _passive(format: str) -> Callable[[str], bool]:
    """Return a check of addresses that are of a format and no program."""
    import jsonschema_rs

    plain = jsonschema_rs.Draft202012Validator({"format": format}, validate_formats=True)
    return lambda text: not text.lower().startswith(ACTIVE_SCHEMES) and plain.is_valid(text)


def first_problem(validator: "Validator", value: object) -> str | None:
    """Return the first violation as `path: rule`, or None if the value is valid."""
    error = next(iter(validator.iter_errors(value)), None)
    if error is None:
        return None
    path = "/".join(str(part) for part in error.instance_path)
    return f"{path or 'the root'}: {_brief(error.message)}"


def _brief(message: str) -> str:
    """Return a violation with the middle of a long value left out: the rule stands at its end."""
    if len(message) <= 2 * SHOWN:
        return message
    return f"{message[:SHOWN]} ... {message[-SHOWN:]}"


class Schemas:
    """Validators by version and by form."""

    def __init__(self) -> None:
        self._inputs: dict[str, Validator | None] = {}
        self._forms: dict[bytes, Validator] = {}

    def problem_of_input(self, version: "Version", payload: Mapping[str, object]) -> str | None:
        """Return what a definition's `input` schema refuses in a payload."""
        if version.definition.input_schema is None:
            return None
        validator = self._inputs.get(version.id)
        if validator is None:
            validator = compile_schema(version.definition.input_schema)
            self._inputs[version.id] = validator
        return first_problem(validator, payload)

    def problem_of_form(
        self, record: Mapping[str, object], answer: Mapping[str, object], *, partial: bool
    ) -> str | None:
        """Return what a request's form refuses; a rejection need not fill the required fields."""
        schema = form_schema(record, partial=partial)
        name = orjson.dumps(schema)
        validator = self._forms.get(name)
        if validator is None:
            if len(self._forms) >= COMPILED_FORMS:
                self._forms.clear()
            validator = self._forms.setdefault(name, compile_form(schema))
        return first_problem(validator, answer)


def form_schema(record: Mapping[str, Any], *, partial: bool) -> dict[str, object]:
    """Return the object schema of a waiting record's form."""
    form: Mapping[str, Mapping[str, object]] = record.get("form") or {}
    return {
        "type": "object",
        "properties": {name: _alone(name, field) for name, field in form.items()},
        "required": [] if partial else record.get("required_fields") or [],
        "additionalProperties": False,
    }


def _alone(name: str, field: Mapping[str, object]) -> dict[str, object]:
    """Return the schema of a field as one of its own: the root of its references."""
    return {**field, "$id": f"urn:form:{quote(name)}", "$schema": DIALECT}
