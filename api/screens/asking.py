"""What one field of a form asks for, from its JSON Schema: the input, its choices, its hints."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Schema = Mapping[str, Any]
KINDS = {"number": "number", "integer": "integer", "boolean": "checkbox"}
FORMATS = {
    "date": "date",
    "date-time": "datetime-local",
    "time": "time",
    "email": "email",
    "idn-email": "email",
    "uri": "url",
    "iri": "url",
}
LONG_TEXT = 200
"""A text that may be longer than this gets several lines."""
WORDS = {
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "string": "a text",
    "array": "a list",
    "object": "an object",
    "null": "nothing",
}
EXAMPLES = {"array": '["a", "b"]', "object": '{"name": "value"}'}
FORMAT_HINTS = {
    "date-time": "in UTC",
    "time": "in UTC",
    "uri": "an address such as https://example.com",
    "iri": "an address such as https://example.com",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the values that a field takes, and how it is shown."""

    value: Any
    label: str

    @property
    def sent(self) -> str:
        """What a form sends for it."""
        return choice_of(self.value)


@dataclass(frozen=True, slots=True)
class Asking:
    """A field's schema, told apart: what it takes and how it is filled in."""

    schema: Schema
    """The schema, with its only branch beside null put in."""
    types: frozenset[str]
    """JSON types that it names, but for null; none where it names none."""
    nullable: bool
    options: tuple[Choice, ...]
    kind: str
    """An HTML input's type, or select, textarea, json, or loose for a text that may be JSON."""

    @property
    def fixed(self) -> bool:
        """Tell whether people only read it."""
        return self.schema.get("readOnly") is True

    @property
    def given(self) -> tuple[Any, ...]:
        """The value that the definition gives; nothing where it gives none."""
        names = ("default", "const") if self.fixed else ("default",)
        return tuple(self.schema[name] for name in names if name in self.schema)[:1]


def asking_of(given: object) -> Asking:
    """Return what a field asks for."""
    whole = given if isinstance(given, Mapping) else {}
    titled = _titled(whole)
    schema, nullable = (whole, False) if titled else _only_branch(whole)
    types = _types(schema)
    nullable = nullable or "null" in types
    types -= {"null"}
    options = titled or tuple(
        Choice(value, label_of(value)) for value in _options(schema, types, nullable=nullable)
    )
    return Asking(schema, types, nullable, options, "select" if options else _kind(schema, types))


def _titled(schema: Schema) -> tuple[Choice, ...]:
    """Return the choices of a list of constants with titles; null may be one by its type."""
    for key in ("oneOf", "anyOf"):
        branches = schema.get(key)
        if not isinstance(branches, list) or "enum" in schema or "const" in schema:
            continue
        found = [_choice(one) for one in branches if isinstance(one, Mapping)]
        choices = tuple(choice for choice in found if choice is not None)
        if len(choices) == len(branches) and any("const" in one for one in branches):
            return choices
    return ()


def _choice(branch: Schema) -> Choice | None:
    if "const" not in branch and branch.get("type") != "null":
        return None
    value, title = branch.get("const"), branch.get("title")
    return Choice(value, title if isinstance(title, str) and title else label_of(value))


def _only_branch(schema: Schema) -> tuple[Schema, bool]:
    """Put in what stands beside null in a choice of two: `T or null` is often written so."""
    for key in ("anyOf", "oneOf"):
        branches = schema.get(key)
        if not isinstance(branches, list) or not all(isinstance(one, Mapping) for one in branches):
            continue
        real = [one for one in branches if one.get("type") != "null"]
        if len(real) == 1:
            rest = {name: value for name, value in schema.items() if name != key}
            return {**real[0], **rest}, len(real) < len(branches)
    return schema, False


def _types(schema: Schema) -> frozenset[str]:
    named = schema.get("type")
    if isinstance(named, str):
        return frozenset({named})
    if isinstance(named, list):
        return frozenset(map(str, named))
    branches = [*(schema.get("anyOf") or ()), *(schema.get("oneOf") or ())]
    found = [_types(one) for one in branches if isinstance(one, Mapping)]
    return frozenset().union(*found) if found and all(found) else frozenset()


def _options(schema: Schema, types: frozenset[str], *, nullable: bool) -> tuple[Any, ...]:
    if isinstance(schema.get("enum"), list):
        return tuple(schema["enum"])
    if "const" in schema:
        return (schema["const"],)
    if nullable and types == {"boolean"}:
        return (True, False, None)
    return (None,) if nullable and not types and schema.get("type") else ()


def _kind(schema: Schema, types: frozenset[str]) -> str:
    if types and types <= {"object", "array"}:
        return "json"
    if types == {"integer", "number"}:
        return "number"
    if len(types) > 1 or not types:
        return "loose"
    (named,) = types
    if named in KINDS:
        return KINDS[named]
    if (_limit(schema, "maxLength") or 0) > LONG_TEXT:
        return "textarea"
    return FORMATS.get(str(schema.get("format")), "text")


def _limit(schema: Schema, name: str) -> Any:
    """Return a number that a schema gives; None where it gives none."""
    value = schema.get(name)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def longest(asking: Asking) -> int | None:
    """Return how many characters a text may have at most."""
    limit = _limit(asking.schema, "maxLength")
    return None if limit is None else int(limit)


def hints_of(asking: Asking) -> str:
    """Return what fits, in words, before anything is typed."""
    stale = ["no longer used"] if asking.schema.get("deprecated") is True else []
    return "; ".join([*stale, *(() if asking.options or asking.fixed else _hints(asking))])


def _hints(asking: Asking) -> Iterator[str]:
    schema = asking.schema
    if asking.kind == "json":
        kinds = sorted(asking.types)
        yield f"{' or '.join(WORDS[kind] for kind in kinds)} in JSON, such as {EXAMPLES[kinds[0]]}"
    elif asking.kind == "loose" and asking.types:
        yield words_of(asking.types)
    yield from _range(schema, "minimum", "maximum", "")
    if (low := _limit(schema, "exclusiveMinimum")) is not None:
        yield f"more than {low}"
    if (high := _limit(schema, "exclusiveMaximum")) is not None:
        yield f"less than {high}"
    if (step := _limit(schema, "multipleOf")) is not None:
        yield f"a multiple of {step}"
    yield from _range(schema, "minLength", "maxLength", " characters")
    yield from _range(schema, "minItems", "maxItems", " entries")
    if schema.get("pattern"):
        yield f"fits the pattern {schema['pattern']}"
    if hint := FORMAT_HINTS.get(str(schema.get("format"))):
        yield hint


def _range(schema: Schema, low: str, high: str, unit: str) -> Iterator[str]:
    match _limit(schema, low), _limit(schema, high):
        case None, None:
            return
        case least, None:
            yield f"at least {least}{unit}"
        case None, most:
            yield f"at most {most}{unit}"
        case least, most:
            yield f"{least} to {most}{unit}"


def words_of(types: frozenset[str] | list[str]) -> str:
    """Return JSON types in words: `a whole number or true or false`."""
    return ", or ".join(WORDS.get(name, name) for name in sorted(types, reverse=True))


def choice_of(option: object) -> str:
    """Return what a form sends for a choice: its JSON, in which every space counts."""
    return json.dumps(option, ensure_ascii=False, separators=(",", ":"))


def label_of(option: object) -> str:
    """Return a choice as people read it."""
    match option:
        case None:
            return "none"
        case bool():
            return "yes" if option else "no"
        case str():
            return option
        case _:
            return choice_of(option)


def shown(asking: Asking) -> str:
    """Return the value that the definition gives as people read it, empty if it gives none."""
    if not asking.given:
        return ""
    (value,) = asking.given
    labels = {choice.sent: choice.label for choice in asking.options}
    return labels.get(choice_of(value)) or label_of(value)
