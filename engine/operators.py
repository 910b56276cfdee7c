"""The operators of conditions (requirements.md D16, S64-S72): each a test of two values."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeAlias

import re2

from engine.durations import parse_instant

MAX_PATTERN = 512
MAX_REGEX_INPUT = 64 * 1024

Verdict: TypeAlias = tuple[bool, str | None]
"""Whether the operator holds, and the warning of a mismatch of types."""
Test: TypeAlias = Callable[[object, object], Verdict]

HOLDS: Verdict = (True, None)
FAILS: Verdict = (False, None)


def _verdict(holds: bool) -> Verdict:
    return HOLDS if holds else FAILS


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def equal(left: object, right: object) -> bool:
    """Tell deep equality without coercion: 1 equals 1.0, true never equals 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(left[k], right[k]) for k in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    return left == right


def _mismatch(name: str, left: object, right: object) -> Verdict:
    if left is None or right is None:
        return FAILS
    return False, f"{name} cannot compare {type_name(left)} with {type_name(right)}"


def type_name(value: object) -> str:
    """Return the JSON type of a value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if _is_number(value):
        return "number"
    names = {"str": "text", "dict": "object"}
    return names.get(type(value).__name__, type(value).__name__)


def _instant(value: object) -> datetime | None:
    if not isinstance(value, str) or len(value) < 10 or not value[:4].isdigit():
        return None
    try:
        return parse_instant(value)
    except ValueError:
        return None


def _ordered(name: str, test: Callable[[int], bool]) -> Test:
    def compare(left: object, right: object) -> Verdict:
        order = _order(left, right)
        return _mismatch(name, left, right) if order is None else _verdict(test(order))

    return compare


def _order(left: object, right: object) -> int | None:
    """Return -1, 0 or 1 for numbers, instants or texts; None where the types differ."""
    if isinstance(left, int | float) and isinstance(right, int | float):
        if isinstance(left, bool) or isinstance(right, bool):
            return None
        return (left > right) - (left < right)
    if not isinstance(left, str) or not isinstance(right, str):
        return None
    first, second = _instant(left), _instant(right)
    if first is not None and second is not None:
        return (first > second) - (first < second)
    return (left > right) - (left < right)


def _in(left: object, right: object) -> Verdict:
    if left is None:
        return FAILS
    if not isinstance(right, list):
        return _mismatch("in", left, right)
    return _verdict(any(equal(left, item) for item in right))


def _contains(left: object, right: object) -> Verdict:
    if left is None or right is None:
        return FAILS
    if isinstance(left, list):
        return _verdict(any(equal(item, right) for item in left))
    if isinstance(left, str) and isinstance(right, str):
        return _verdict(right in left)
    if isinstance(left, dict) and isinstance(right, str):
        return _verdict(right in left)
    return _mismatch("contains", left, right)


def _affix(name: str, test: Callable[[str, str], bool]) -> Test:
    def compare(left: object, right: object) -> Verdict:
        if isinstance(left, str) and isinstance(right, str):
            return _verdict(test(left, right))
        return _mismatch(name, left, right)

    return compare


def _exists(left: object, right: object) -> Verdict:
    return _verdict((left is not None) is bool(right))


def _between(left: object, right: object) -> Verdict:
    if not isinstance(right, list) or len(right) != 2:
        return _mismatch("between", left, right)
    low, high = _order(left, right[0]), _order(left, right[1])
    if low is None or high is None:
        return _mismatch("between", left, right[0])
    return _verdict(low >= 0 and high <= 0)


TESTS: Mapping[str, Test] = {
    "eq": lambda left, right: _verdict(equal(left, right)),
    "neq": lambda left, right: _verdict(not equal(left, right)),
    "gt": _ordered("gt", lambda order: order > 0),
    "gte": _ordered("gte", lambda order: order >= 0),
    "lt": _ordered("lt", lambda order: order < 0),
    "lte": _ordered("lte", lambda order: order <= 0),
    "in": _in,
    "contains": _contains,
    "exists": _exists,
    "starts_with": _affix("starts_with", str.startswith),
    "ends_with": _affix("ends_with", str.endswith),
    "between": _between,
}
OPERATORS = (*TESTS, "regex")


def compile_regex(pattern: str) -> Test:
    """Return the test of a pattern in RE2's syntax; raises ValueError for what RE2 refuses."""
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"a pattern has at most {MAX_PATTERN} characters")
    options = re2.Options()
    options.log_errors, options.max_mem = False, 1 << 20
    try:
        search = re2.compile(pattern, options=options).search
    except re2.error as problem:
        reason = problem.args[0] if problem.args else problem
        text = reason.decode() if isinstance(reason, bytes) else str(reason)
        raise ValueError(
            f"{text}; patterns run in linear time (RE2): no look-around, no back-references"
        ) from None

    def test(left: object, _right: object) -> Verdict:
        if left is None:
            return FAILS
        if not isinstance(left, str):
            return False, f"regex needs text, not {type_name(left)}"
        if len(left) > MAX_REGEX_INPUT:
            return False, f"text longer than {MAX_REGEX_INPUT} characters is not searched"
        return _verdict(search(left) is not None)

    return test
