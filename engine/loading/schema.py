"""JSON Schemas in definitions: what can be told of them without a validator."""

from collections.abc import Iterator, Mapping
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
    """Note each pattern that could not run in linear time; tell whether there is none."""
    sound = True
    for place, pattern in _patterns(node):
        try:
            compile_regex(pattern)
        except ValueError as problem:
            place.mistake(str(problem))
            sound = False
    return sound


def _patterns(node: Node) -> Iterator[tuple[Node, str]]:
    for schema in schemas_in(node):
        for key, inner in schema.entries():
            if key == "pattern" and isinstance(inner.value, str):
                yield inner, inner.value
            elif key == "patternProperties" and isinstance(inner.value, Mapping):
                yield from ((named, pattern) for pattern, named in inner.entries())


def refuse_impossible(node: Node) -> None:
    """Note bounds and choices that no value can fit."""
    for schema in schemas_in(node):
        known = dict(schema.entries())
        for low, high in LOW_HIGH:
            _check_order(known, low, high, equal=True)
        for low, high in BELOW:
            _check_order(known, low, high, equal=False)
        if "enum" in known and known["enum"].value == []:
            known["enum"].mistake(
                "no value fits: enum is empty; write what may be given, or remove it"
            )


def _check_order(known: Mapping[str, Node], low: str, high: str, *, equal: bool) -> None:
    least, most = (known[key].value if key in known else None for key in (low, high))
    if not _is_number(least) or not _is_number(most):
        return
    if least > most or (least == most and not equal):
        where = "above" if least > most else "not below"
        known[low].mistake(
            f"no value fits: {low} {least} is {where} {high} {most}; the lower bound is the first"
        )


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
