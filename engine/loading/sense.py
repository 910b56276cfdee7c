"""Conditions that have one answer whatever comes: allowed, and hardly meant."""

from collections.abc import Iterator, Mapping

At = tuple[str | int, ...]
GROUPS = {
    "all": "always true",
    "and": "always true",
    "any": "never true",
    "or": "never true",
}


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
    if operator == "in" and expected == []:
        yield at, "in with an empty list is never true"
    if operator == "between" and isinstance(expected, list) and len(expected) == 2:
        low, high = expected
        both = isinstance(low, int | float) and isinstance(high, int | float)
        if both and low > high:
            yield at, f"never true: {low} is above {high}; the lower bound comes first"
