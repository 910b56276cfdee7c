"""Conditions, patterns and canonical JSON against slower ways to the same answer."""

import json
import re
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.canonical import canonical_json
from engine.conditions import compile_condition
from engine.errors import Invalid
from engine.operators import TESTS
from engine.patterns import PatternIndex, matches
from engine.templates import compile_template

NAMES = st.sampled_from(["a", "b", "c.d", "c.e.0", "nowhere"])
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from([0.5, "a", "b", "ab", "1"])
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.just("k"), inner)
)
TESTED = st.sampled_from(["eq", "neq", "gt", "gte", "lt", "lte", "contains"])
SINGLE = st.builds(lambda name, test, value: {name: {test: value}}, NAMES, TESTED, VALUES)
CONDITIONS = st.recursive(
    SINGLE,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(inner, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=12,
)
SCOPES = st.fixed_dictionaries(
    {"a": VALUES, "b": VALUES, "c": st.fixed_dictionaries({"d": LEAVES, "e": st.lists(LEAVES)})}
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def find(scope: Any, name: str) -> object:
    """Return what a dotted name leads to, null for nothing."""
    for part in name.split("."):
        try:
            scope = scope[int(part) if isinstance(scope, list) else part]
        except (KeyError, IndexError, TypeError, ValueError):
            return None
    found: object = scope
    return found


def reference(condition: Mapping[str, Any], scope: Mapping[str, object]) -> bool:
    """Return the verdict by plain recursion over the data, without short cuts."""
    ((key, value),) = condition.items()
    if key == "all":
        return min([reference(part, scope) for part in value], default=True)
    if key == "any":
        return max([reference(part, scope) for part in value], default=False)
    if key == "not":
        return not reference(value, scope)
    ((operator, expected),) = value.items()
    return TESTS[operator](find(scope, key), expected)[0]


# S75
@settings(max_examples=1_000, deadline=None)
@given(CONDITIONS, SCOPES)
def test_a_nested_condition_agrees_with_the_reference(
    condition: dict[str, object], scope: dict[str, object]
) -> None:
    compiled = compile_condition(condition)
    assert compiled.holds(scope) == compiled.explain(scope)[0] == reference(condition, scope)


# S64 S65 S66 S67 S68 S69
@settings(max_examples=1_000, deadline=None)
@given(VALUES, VALUES)
def test_the_orderings_fit_each_other(left: object, right: object) -> None:
    holds = {name: test(left, right)[0] for name, test in TESTS.items() if name in "gte lte neq"}
    assert holds["neq"] is not TESTS["eq"](left, right)[0]
    assert not (holds["gt"] and holds["lt"])
    assert holds["gte"] == (holds["gt"] or (holds["gte"] and holds["lte"]))
    assert TESTS["eq"](left, right) == TESTS["eq"](right, left)
    assert TESTS["gt"](left, right)[0] == TESTS["lt"](right, left)[0]


PARTS = st.sampled_from(["a", "b", "*"])
PATTERNS = st.lists(PARTS, min_size=1, max_size=4).map(".".join)
TYPES = st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=5).map(".".join)


def as_regex(pattern: str) -> str:
    """Return a pattern as a regular expression (D12)."""
    *inner, last = pattern.split(".")
    parts = [part.replace("*", "[^.]+") for part in inner]
    return r"\.".join([*parts, ".+" if last == "*" else last])


# S1 S2
@settings(max_examples=1_000, deadline=None)
@given(st.lists(PATTERNS, max_size=6), TYPES)
def test_the_index_agrees_with_regular_expressions(patterns: list[str], name: str) -> None:
    index: PatternIndex[int] = PatternIndex()
    for number, pattern in enumerate(patterns):
        index.add(pattern, number)
    expected = [n for n, text in enumerate(patterns) if re.fullmatch(as_regex(text), name)]
    assert index.match(name) == expected
    for text in patterns:
        if matches(text, name):
            assert fnmatchcase(name, text)


def as_floats(value: object) -> object:
    """Return a value with every number as JavaScript holds it."""
    if isinstance(value, dict):
        return {key: as_floats(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_floats(inner) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


@settings(max_examples=1_000, deadline=None)
@given(JSON)
def test_canonical_json_reads_back_and_is_stable(value: object) -> None:
    text = canonical_json(value)
    # ECMAScript knows only one kind of number: a large float comes out without its point.
    assert as_floats(json.loads(text)) == as_floats(value)
    assert canonical_json(as_floats(json.loads(text))) == canonical_json(as_floats(value))


# S62
@settings(max_examples=1_000, deadline=None)
@given(JSON)
def test_any_value_is_a_template_or_is_refused(value: object) -> None:
    try:
        template = compile_template(value)
    except Invalid:
        assert "${" in json.dumps(value)
        return
    if template.is_constant and "$${" not in json.dumps(value):
        assert template.render({}) == value


# S62
@given(st.text(alphabet="${}:-ab. ", max_size=30))
def test_any_text_is_a_template_or_is_refused_with_a_place(text: str) -> None:
    try:
        template = compile_template([text])
    except Invalid as problem:
        assert problem.at == (0,)
        assert "${" in text
        return
    scope = {path[0]: "x" for path in template.references if len(path) == 1}
    if all(len(path) == 1 for path in template.references):
        assert isinstance(template.render(scope), list)
