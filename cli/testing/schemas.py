"""JSON Schema checks of payloads and forms, as the worker makes them; nothing is fetched."""

from collections.abc import Mapping
from typing import Any

import jsonschema_rs
import orjson


def _refuse_remote(uri: str) -> Any:
    raise ValueError(f"remote reference {uri} is not allowed")


def problem_of(schema: Mapping[str, object], value: Mapping[str, object]) -> str | None:
    """Return the first thing that a schema refuses in a value, as `path: rule`."""
    text = orjson.dumps(schema).decode()
    validator = jsonschema_rs.Draft202012Validator(text, retriever=_refuse_remote)
    error = next(iter(validator.iter_errors(value)), None)
    if error is None:
        return None
    path = "/".join(str(part) for part in error.instance_path)
    return f"{path or 'the root'}: {error.message}"


def problem_of_form(
    record: Mapping[str, object], form: Mapping[str, object], outcome: str
) -> str | None:
    """Return what a request's form refuses; a rejection need not fill the required fields."""
    if not record.get("form"):
        return None
    required = [] if outcome == "rejected" else record.get("required_fields") or []
    schema = {
        "type": "object",
        "properties": record["form"],
        "required": required,
        "additionalProperties": False,
    }
    return problem_of(schema, form)
