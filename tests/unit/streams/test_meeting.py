"""Which events are one and the same, and how many of their waits one transaction takes."""

import pytest

from streams.meeting import MOST_ENDED, is_same_event, share_of


# S12 S126
@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"id": "42", "source": "/orders"}, {"id": "42", "source": "/orders"}, True),
        ({"id": "42", "source": "/orders"}, {"id": "42", "source": "/cancellations"}, False),
        ({"id": "42", "source": "/orders"}, {"id": "43", "source": "/orders"}, False),
        ({"id": "42"}, {"id": "42", "source": "/orders"}, True),
        ({"id": "42", "source": "/orders"}, {"id": "42"}, True),
        ({}, {"id": "42", "source": "/orders"}, False),
    ],
)
def test_an_event_is_its_source_and_its_id(
    one: dict[str, object], other: dict[str, object], same: bool
) -> None:
    assert is_same_event(one, other) is same


def rows(correlation: str, count: int, *, behind: bool = False) -> list[dict[str, object]]:
    return [{"correlation": correlation, "behind": behind, "n": n} for n in range(count)]


# S47
def test_what_one_transaction_can_take_leaves_nothing() -> None:
    found = rows("a", MOST_ENDED - 1) + rows("b", 1)
    share = share_of(found, ["a", "b", "c"])
    assert (list(share.rows), share.left) == (found, frozenset())


# S47
def test_of_too_many_the_rest_is_left_with_all_that_nobody_counted() -> None:
    found = rows("b", 1) + rows("c", MOST_ENDED)
    share = share_of(found, ["a", "b", "c", "d"])
    assert list(share.rows) == found[:MOST_ENDED]
    assert share.left == {"c", "d"}


# S47
def test_a_later_event_does_not_overtake_one_that_has_waits_left() -> None:
    found = rows("a", 2) + rows("b", 3, behind=True)
    share = share_of(found, ["a", "b"])
    assert (list(share.rows), share.left) == (rows("a", 2), frozenset("b"))
