"""JSON Schema checks of payloads and forms, as the worker makes them; nothing is fetched."""

from collections.abc import Mapping

from streams.schemas import compile_form, compile_schema, first_problem, form_schema


def problem_of(schema: Mapping[str, object], value: Mapping[str, object]) -> str | None:
    """Return the first thing that a schema refuses in a value, as `path: rule`."""
    return first_problem(compile_schema(schema), value)


def problem_of_form(
    record: Mapping[str, object], form: Mapping[str, object], outcome: str
) -> str | None:
    """Return what a request's form refuses; a rejection need not fill the required fields."""
    if not record.get("form"):
        return None
    schema = form_schema(record, partial=outcome == "rejected")
    return first_problem(compile_form(schema), form)
