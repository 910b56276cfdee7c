"""Conditions that have one answer whatever comes: allowed, and hardly meant."""

import json
from collections.abc import Iterator, Mapping

At = tuple[str | int, ...]
GROUPS = {
    "all": "always true",
    "and": "always true",
    "any": "never true",
    "or": "never true",
}

ORDERED = ("gt", "gte", "lt", "lte")
AFFIXES = ("starts_with", "ends_with")


def constants(value: object) -> Iterator[tuple[At, str]]:
    """Yield the place and the problem of each part of a condition that is always the same."""
    if not isinstance(value, Mapping):
        return
    if "field" in value and "operator" in value:
        yield from _test(str(value["operator"]), value.get("value"), ("value",))
        return
    for key, inner in value.items():
        if key in GROUPS and isinstance(inner, list):
            yield from _group(str(key), inner)
        elif key == "not":
            yield from _below(inner, ("not",))
        elif isinstance(inner, Mapping):
            for operator, expected in inner.items():
                yield from _test(str(operator), expected, (str(key), str(operator)))


def _group(key: str, conditions: list[object]) -> Iterator[tuple[At, str]]:
    if not conditions:
        yield (key,), f"{key} without conditions is {GROUPS[key]}"
    for number, condition in enumerate(conditions):
        yield from _below(condition, (key, number))


def _below(value: object, at: At) -> Iterator[tuple[At, str]]:
    for inner, problem in constants(value):
        yield (*at, *inner), problem


def _test(operator: str, expected: object, at: At) -> Iterator[tuple[At, str]]:
    if operator == "in" and isinstance(expected, list):
        if not expected:
            yield at, "in with an empty list is never true"
        elif expected.count(None) == len(expected):
            yield at, "never true: null is in no list; for a missing field write {exists: false}"
    elif operator == "between" and isinstance(expected, list) and len(expected) == 2:
        yield from _between(expected[0], expected[1], at)
    elif operator in ORDERED and not _has_order(expected):
        yield at, f"never true: {operator} compares numbers, instants or texts"
    elif operator in AFFIXES and not isinstance(expected, str):
        number = isinstance(expected, int | float)
        hint = f"; put {json.dumps(expected)} in quotes" if number else ""
        yield at, f"never true: {operator} compares texts{hint}"
    elif operator == "contains" and expected is None:
        yield at, "never true: nothing contains null"


def _has_order(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _between(low: object, high: object, at: At) -> Iterator[tuple[At, str]]:
    if not _has_order(low) or not _has_order(high):
        yield at, "never true: between compares numbers, instants or texts"
    elif isinstance(low, str) or isinstance(high, str):
        references = "${" in f"{low} {high}"
        if isinstance(low, str) != isinstance(high, str) and not references:
            yield at, "never true: one bound is a text, the other a number"
    elif isinstance(low, int | float) and isinstance(high, int | float) and low > high:
        yield at, f"never true: {low} is above {high}; the lower bound comes first"
