"""What a body or parameter that does not fit lacks, in words of ours instead of Python's."""

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from config.mistakes import text_of

WORDS = {
    "missing": "is missing",
    "dict_type": "must be a JSON object",
    "model_type": "must be a JSON object",
    "model_attributes_type": "must be a JSON object",
    "list_type": "must be a list",
    "string_type": "must be a text",
    "none_required": "must be null",
    "json_invalid": "is no JSON",
    "bool_parsing": "write true or false",
    "bool_type": "write true or false",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "string_unicode": "is no text that UTF-8 can write",
}
"""By pydantic's type of a mistake; the others are said in its own words."""


def describe(
    mistakes: Iterable[Mapping[str, Any]], model: type[BaseModel] | None = None, whole: str = "body"
) -> str:
    """Return each mistake with its place; `model` tells what is taken where a name is not."""
    return "; ".join(f"{_place(each, whole)}: {_words(each, model)}" for each in mistakes)


def _place(mistake: Mapping[str, Any], whole: str) -> str:
    return ".".join(map(str, mistake["loc"])) or whole


def _words(mistake: Mapping[str, Any], model: type[BaseModel] | None) -> str:
    kind = str(mistake["type"])
    if kind == "extra_forbidden":
        return f"is not taken here{_taken(mistake, model)}"
    if kind == "string_pattern_mismatch" and r"\x00" in mistake["ctx"]["pattern"]:
        return "a NUL character is not taken"
    if kind == "string_too_short" and mistake["ctx"]["min_length"] == 1:
        return "must not be empty"
    text = text_of(mistake)
    return WORDS.get(kind, text)


def _taken(mistake: Mapping[str, Any], model: type[BaseModel] | None) -> str:
    at = [part for part in mistake["loc"] if part != "body"]
    if model is None or len(at) != 1:
        return ""
    names = (field.alias or name for name, field in model.model_fields.items())
    return f"; what is: {', '.join(names)}"
