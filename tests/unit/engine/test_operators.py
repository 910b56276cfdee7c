"""Truth tables of the operators (requirements.md D16, S64-S77)."""

from collections.abc import Iterable

import pytest

from engine.conditions import compile_condition
from engine.errors import ConditionMismatch, Invalid
from engine.operators import TESTS, compile_regex

Row = tuple[object, object, bool]


def check(operator: str, rows: Iterable[Row]) -> None:
    """Assert each row of left value, right value and verdict, also through a condition."""
    for left, right, expected in rows:
        holds, _ = TESTS[operator](left, right)
        assert holds is expected, (operator, left, right)
        scope = {"a": left, "b": right}
        if operator not in ("exists",):
            condition = compile_condition({"a": {operator: "${b}"}})
            assert condition.holds(scope) is expected, (operator, left, right)


EQUAL: list[Row] = [
    (1, 1, True),
    (1, 1.0, True),
    (1, 2, False),
    (1, "1", False),
    (True, 1, False),
    (False, 0, False),
    (True, True, True),
    ("a", "a", True),
    ("a", "A", False),
    (None, None, True),
    (None, 0, False),
    (None, "", False),
    ([], None, False),
    ([1, [2.0]], [1.0, [2]], True),
    ([1, 2], [2, 1], False),
    ([True], [1], False),
    ({"a": 1, "b": {"c": [1]}}, {"b": {"c": [1.0]}, "a": 1}, True),
    ({"a": 1}, {"a": True}, False),
    ({"a": 1}, {"a": 1, "b": None}, False),
]


# S64
def test_eq_is_deep_equality_without_coercion() -> None:
    check("eq", EQUAL)


# S65
def test_neq_is_the_negation_of_eq() -> None:
    check("neq", [(left, right, not equal) for left, right, equal in EQUAL])


# S65
def test_neq_holds_if_one_side_is_missing() -> None:
    assert compile_condition({"nowhere": {"neq": 1}}).holds({})


LESS: list[tuple[object, object]] = [
    (1, 2),
    (-1.5, 0),
    ("a", "b"),
    ("10", "9"),
    ("", "a"),
    ("2026-01-01T10:00:00Z", "2026-01-01T10:00:01Z"),
    ("2026-01-01T10:00:00+02:00", "2026-01-01T09:00:00Z"),
]
SAME: list[tuple[object, object]] = [
    (1, 1),
    (1, 1.0),
    ("a", "a"),
    ("2026-01-01T10:00:00Z", "2026-01-01T11:00:00+01:00"),
]
UNORDERED: list[tuple[object, object]] = [
    (None, 1),
    (1, None),
    (None, None),
    (1, "2"),
    ("2", 1),
    (True, 0),
    (False, True),
    ([1], [2]),
    ({}, {}),
    (1, [1]),
]


def ordered(less: bool, same: bool, more: bool) -> list[Row]:
    """Return the rows of an ordering operator; what has no order is false."""
    return [
        *((left, right, less) for left, right in LESS),
        *((left, right, same) for left, right in SAME),
        *((right, left, more) for left, right in LESS),
        *((left, right, False) for left, right in UNORDERED),
    ]


# S66
def test_gt_orders_numbers_instants_and_texts() -> None:
    check("gt", ordered(less=False, same=False, more=True))


# S67
def test_gte_holds_for_equals_too() -> None:
    check("gte", ordered(less=False, same=True, more=True))


# S68
def test_lt_orders_numbers_instants_and_texts() -> None:
    check("lt", ordered(less=True, same=False, more=False))


# S69
def test_lte_holds_for_equals_too() -> None:
    check("lte", ordered(less=True, same=True, more=False))


# S70
def test_in_asks_for_a_member_of_the_list() -> None:
    check(
        "in",
        [
            ("a", ["a", "b"], True),
            ("c", ["a", "b"], False),
            (1, [1.0], True),
            (1, ["1"], False),
            (True, [1], False),
            ([1], [[1], [2]], True),
            ({"a": 1}, [{"a": 1.0}], True),
            (None, [None], False),
            (None, [], False),
            ("a", None, False),
            ("a", "abc", False),
            ("a", {"a": 1}, False),
        ],
    )


# S71
def test_contains_looks_into_lists_texts_and_objects() -> None:
    check(
        "contains",
        [
            ([1, 2], 2.0, True),
            ([1, 2], 3, False),
            ([1, 2], "1", False),
            ([True], 1, False),
            ([{"a": 1}], {"a": 1}, True),
            ("abc", "bc", True),
            ("abc", "BC", False),
            ("123", 2, False),
            ({"a": None}, "a", True),
            ({"a": 1}, "b", False),
            ({"1": 1}, 1, False),
            (None, "a", False),
            ([None], None, False),
            (5, 5, False),
            (True, "t", False),
        ],
    )


# S72
@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("b", "abc", True),
        ("^b", "abc", False),
        ("^abc$", "abc", True),
        ("(?i)ABC", "abc", True),
        (r"@(mailinator|tempmail)\.", "x@tempmail.example", True),
        (r"\d{3}", "12", False),
        ("ü", "grün", True),
        ("", "", True),
        ("a", None, False),
        ("1", 1, False),
        ("true", True, False),
        ("a", ["a"], False),
        ("a", {"a": 1}, False),
    ],
)
def test_regex_searches_anywhere_in_a_text(pattern: str, value: object, expected: bool) -> None:
    assert compile_condition({"a": {"regex": pattern}}).holds({"a": value}) is expected


# S72
@pytest.mark.parametrize(
    "pattern", [r"(a)\1", "(?=a)", "(?<!a)b", "(", "a" * 513, "(a{1000}){1000}"]
)
def test_a_pattern_without_linear_time_is_refused_at_load(pattern: str) -> None:
    with pytest.raises(Invalid):
        compile_condition({"a": {"regex": pattern}})


# S72
def test_a_pattern_that_hangs_backtracking_engines_ends_at_once() -> None:
    test = compile_regex("^(a+)+$")
    assert test("a" * 60_000 + "!", None) == (False, None)


# S72
def test_a_text_beyond_the_limit_is_not_searched() -> None:
    holds, warning = compile_regex("a")("a" * (64 * 1024 + 1), None)
    assert not holds
    assert warning is not None


# S73
def test_all_holds_where_every_part_holds() -> None:
    yes, no = {"a": {"eq": 1}}, {"a": {"eq": 2}}
    for parts, expected in (([], True), ([yes], True), ([yes, no], False), ([no, yes], False)):
        assert compile_condition({"all": parts}).holds({"a": 1}) is expected
        assert compile_condition({"and": parts}).holds({"a": 1}) is expected


# S74
def test_any_holds_where_one_part_holds() -> None:
    yes, no = {"a": {"eq": 1}}, {"a": {"eq": 2}}
    for parts, expected in (([], False), ([no], False), ([yes, no], True), ([no, yes], True)):
        assert compile_condition({"any": parts}).holds({"a": 1}) is expected
        assert compile_condition({"or": parts}).holds({"a": 1}) is expected


# S73
def test_all_stops_at_the_first_part_that_fails() -> None:
    condition = compile_condition({"all": [{"a": {"eq": 2}}, {"b": {"eq": 1}}]})
    holds, leaves = condition.explain({"a": 1, "b": 1})
    assert (holds, [leaf.field for leaf in leaves]) == (False, ["a"])


# S74
def test_any_stops_at_the_first_part_that_holds() -> None:
    condition = compile_condition({"any": [{"a": {"eq": 1}}, {"b": {"eq": 1}}]})
    holds, leaves = condition.explain({"a": 1, "b": 1})
    assert (holds, [leaf.field for leaf in leaves]) == (True, ["a"])


def nested(depth: int) -> dict[str, object]:
    """Return a condition inside `depth` lists."""
    node: dict[str, object] = {"a": {"eq": 1}}
    for number in range(depth):
        node = {("all" if number % 2 else "any"): [node]}
    return node


# S75
def test_conditions_nest_to_the_limit_and_not_beyond() -> None:
    assert compile_condition(nested(16)).holds({"a": 1})
    with pytest.raises(Invalid, match="nest at most 16 deep"):
        compile_condition(nested(17))


# S77
def test_not_turns_the_verdict_round() -> None:
    condition = compile_condition({"not": {"any": [{"a": {"eq": 1}}, {"a": {"eq": 2}}]}})
    assert [condition.holds({"a": value}) for value in (1, 2, 3, None)] == [
        False,
        False,
        True,
        True,
    ]


# S77
def test_exists_tells_null_from_a_value() -> None:
    there, not_there = ({"a": {"exists": flag}} for flag in (True, False))
    for value, expected in ((0, True), ("", True), (False, True), ([], True), (None, False)):
        assert compile_condition(there).holds({"a": value}) is expected
        assert compile_condition(not_there).holds({"a": value}) is not expected
    assert compile_condition(not_there).holds({})


# S77
def test_affixes_compare_texts_alone() -> None:
    rows: list[Row] = [("abc", "", True), ("abc", "b", False), (None, "a", False), (1, "1", False)]
    check("starts_with", [*rows, ("abc", "ab", True), ("abc", "bc", False), ("a", None, False)])
    check("ends_with", [*rows, ("abc", "bc", True), ("abc", "ab", False), ("a", 1, False)])


# S77
def test_between_includes_both_bounds() -> None:
    check(
        "between",
        [
            (1, [1, 3], True),
            (3, [1, 3], True),
            (3.1, [1, 3], False),
            (2, [3, 1], False),
            ("b", ["a", "c"], True),
            ("2026-01-02T00:00:00Z", ["2026-01-01T00:00:00Z", "2026-01-03T00:00:00Z"], True),
            ("2", [1, 3], False),
            (None, [1, 3], False),
            (2, None, False),
            (2, [1], False),
            (True, [0, 1], False),
        ],
    )


def test_a_mismatch_of_types_is_false_and_leaves_a_warning() -> None:
    holds, (leaf,) = compile_condition({"a": {"gt": 5}}).explain({"a": "7"})
    assert not holds
    assert leaf.warning == "gt cannot compare text with number"


def test_null_is_no_mismatch() -> None:
    for operator in TESTS:
        assert TESTS[operator](None, None)[1] is None or operator == "between"
        expected: object = [1, 2] if operator in ("in", "between") else 1
        assert TESTS[operator](None, expected)[1] is None


def test_strict_makes_a_mismatch_an_error_but_not_null() -> None:
    condition = compile_condition({"a": {"gt": 5, "strict": True}})
    assert not condition.holds({})
    with pytest.raises(ConditionMismatch, match="a: gt cannot compare text with number"):
        condition.holds({"a": "7"})


def test_several_operators_on_one_field_must_all_hold() -> None:
    condition = compile_condition({"a": {"gte": 1, "lt": 5}, "b": {"eq": "x"}})
    verdicts = [condition.holds({"a": a, "b": b}) for a, b in ((1, "x"), (5, "x"), (1, "y"))]
    assert verdicts == [True, False, False]


def test_the_literal_form_means_the_same() -> None:
    literal = {"field": "order.total", "operator": "gt", "value": 5}
    either = compile_condition({"or": [literal, {"not": literal}]})
    assert compile_condition(literal).holds({"order": {"total": 6}})
    assert not compile_condition(literal).holds({"order": {"total": 5}})
    assert either.holds({})


def test_the_approval_form_reads_the_outcome() -> None:
    condition = compile_condition({"approval": "boss", "is": "approved"})
    assert condition.holds({"approvals": {"boss": {"outcome": "approved"}}})
    assert not condition.holds({})


def test_an_unknown_operator_names_the_nearest() -> None:
    with pytest.raises(Invalid, match="did you mean gte"):
        compile_condition({"a": {"gtee": 1}})
