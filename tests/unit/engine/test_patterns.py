"""Event patterns (requirements.md D12, S1, S2)."""

import pytest

from engine.patterns import PatternIndex, check_pattern, matches


# S1
@pytest.mark.parametrize(
    ("pattern", "event_type", "expected"),
    [
        ("order.created", "order.created", True),
        ("order.created", "Order.created", False),
        ("order.created", "order.created.v2", False),
        ("order.created", "order", False),
        ("order", "order", True),
        ("order.created", "order.create", False),
    ],
)
def test_a_name_matches_itself_alone(pattern: str, event_type: str, expected: bool) -> None:
    assert matches(pattern, event_type) is expected


# S2
@pytest.mark.parametrize(
    ("pattern", "event_type", "expected"),
    [
        ("order.*", "order.created", True),
        ("order.*", "order.item.added", True),
        ("order.*", "order", False),
        ("order.*", "orders.created", False),
        ("order.*", "Order.created", False),
        ("*.created", "order.created", True),
        ("*.created", "a.b.created", False),
        ("*.created", "created", False),
        ("order.*.added", "order.item.added", True),
        ("order.*.added", "order.added", False),
        ("order.*.added", "order.a.b.added", False),
        ("order.*.added", "order.item.added.twice", False),
        ("order.*.*", "order.item", False),
        ("order.*.*", "order.item.added", True),
        ("order.*.*", "order.item.added.twice", True),
        ("*", "order", True),
        ("*", "order.item.added", True),
        ("*.*", "order", False),
        ("*.*", "order.created", True),
        ("*.*.c", "a.b.c", True),
    ],
)
def test_a_star_is_one_segment_inside_and_all_the_rest_at_the_end(
    pattern: str, event_type: str, expected: bool
) -> None:
    assert matches(pattern, event_type) is expected


# S2
def test_the_index_finds_every_pattern_in_the_order_of_adding() -> None:
    index: PatternIndex[str] = PatternIndex()
    patterns = ["*", "order.created", "*.created", "order.*", "order.*.added", "order.created"]
    for pattern in patterns:
        index.add(pattern, pattern)
    expected = ["*", "order.created", "*.created", "order.*", "order.created"]
    assert index.match("order.created") == expected
    assert index.match("order.item.added") == ["*", "order.*", "order.*.added"]
    assert index.match("user.created") == ["*", "*.created"]


@pytest.mark.parametrize(
    "text",
    ["", ".", "a.", ".a", "a..b", " a", "a ", "a\tb", "a\u2028b", "a.b*", "**", "a.*b", "a\x00"],
)
def test_what_is_no_pattern_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no event pattern"):
        check_pattern(text)


@pytest.mark.parametrize(
    "text", ["a", "a.b", "a.*", "*", "*.b", "com.example-x.order_made", "a b", "a b.*", "größe/1:2"]
)
def test_what_is_a_pattern_is_taken(text: str) -> None:
    check_pattern(text)
    assert matches(text, text.replace("*", "x"))
