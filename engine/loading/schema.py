"""JSON Schemas in definitions: what can be told of them without a validator."""

import re
from collections.abc import Iterator, Mapping
from math import inf
from typing import TypeGuard

from engine.loading.node import Node
from engine.operators import compile_regex

REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
SINGLE = (
    "items",
    "contains",
    "additionalProperties",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
    "not",
    "if",
    "then",
    "else",
)
LISTED = ("allOf", "anyOf", "oneOf", "prefixItems")
NAMED = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")
"""Keywords behind which one schema stands, a list of them, or some by name."""
LOW_HIGH = (
    ("minimum", "maximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
    ("minContains", "maxContains"),
)
BELOW = (
    ("exclusiveMinimum", "maximum"),
    ("minimum", "exclusiveMaximum"),
    ("exclusiveMinimum", "exclusiveMaximum"),
)
"""Bounds of which the first must not be above the second, and those that cannot be equal either."""

_CLASS = re.compile(r"\[:\^?[a-z]+:\]")


def refuse_remote(node: Node) -> None:
    """Note each reference of a schema that leads out of it."""
    if isinstance(node.value, Mapping):
        for key, inner in node.entries():
            reference = inner.value
            if key in REFERENCES and isinstance(reference, str) and not reference.startswith("#"):
                inner.mistake("only references into this schema (#/...) are allowed")
            refuse_remote(inner)
    elif isinstance(node.value, list):
        for item in node.items():
            refuse_remote(item)


def schemas_in(node: Node) -> Iterator[Node]:
    """Yield a schema and those in it; what `const` or `default` holds is no schema."""
    if not isinstance(node.value, Mapping):
        return
    yield node
    for key, inner in node.entries():
        if key in SINGLE:
            yield from schemas_in(inner)
        elif key in LISTED and isinstance(inner.value, list):
            for item in inner.items():
                yield from schemas_in(item)
        elif key in NAMED and isinstance(inner.value, Mapping):
            for _, named in inner.entries():
                yield from schemas_in(named)


def check_patterns(node: Node) -> bool:
    """Note each pattern that could not run in linear time or as it reads; tell if there is none."""
    sound = True
    for place, pattern in _patterns(node):
        try:
            compile_regex(pattern)
            _refuse_class(pattern)
        except ValueError as problem:
            place.mistake(str(problem))
            sound = False
    return sound


def _refuse_class(pattern: str) -> None:
    """Raise ValueError for a class that RE2 knows and JSON Schema reads as its letters."""
    found = _CLASS.search(pattern)
    if found is not None:
        raise ValueError(
            f"a JSON Schema has no class {found[0]}: it would fit next to nothing;"
            r" write \p{L}, \d or \s, or letters such as a-z"
        )


def _patterns(node: Node) -> Iterator[tuple[Node, str]]:
    for schema in schemas_in(node):
        for key, inner in schema.entries():
            if key == "pattern" and isinstance(inner.value, str):
                yield inner, inner.value
            elif key == "patternProperties" and isinstance(inner.value, Mapping):
                yield from ((named, pattern) for pattern, named in inner.entries())


def refuse_impossible(node: Node) -> bool:
    """Note bounds and choices that no value can fit; tell whether there are none."""
    sound = True
    for schema in schemas_in(node):
        known = dict(schema.entries())
        for key, problem in _impossible(known):
            known[key].mistake(f"no value fits: {problem}")
            sound = False
    return sound


def _impossible(known: Mapping[str, Node]) -> Iterator[tuple[str, str]]:
    """Yield the keywords that leave no value, each with what is wrong with it."""
    for low, high in LOW_HIGH:
        least, most = _numbers(known, low, high)
        if least > most:
            yield low, f"{low} {least} is above {high} {most}; lower one or raise the other"
    for low, high in BELOW:
        least, most = _numbers(known, low, high)
        if least >= most:
            yield low, f"{low} {least} is not below {high} {most}; lower one or raise the other"
    if "enum" in known and known["enum"].value == []:
        yield "enum", "enum is empty; write what may be given, or remove it"


def _numbers(known: Mapping[str, Node], low: str, high: str) -> tuple[float, float]:
    """Return two bounds; what is absent or no number bounds nothing."""
    least, most = (known[key].value if key in known else None for key in (low, high))
    return (least if _is_number(least) else -inf, most if _is_number(most) else inf)


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
