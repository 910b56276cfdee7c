"""Pauses between attempts (requirements.md D13, S27, S28)."""

from datetime import timedelta
from random import Random
from typing import Literal

import pytest

from engine.retry import RetryPolicy

SECOND = timedelta(seconds=1)


def samples(policy: RetryPolicy) -> list[tuple[int, timedelta]]:
    """Return 1000 pairs of a failed attempt and the pause after it."""
    chance = Random(7)
    return [
        (attempt, policy.delay(attempt, chance.random()))
        for attempt in range(1, 11)
        for _ in range(100)
    ]


# S27
def test_exponential_pauses_double_up_to_the_cap_and_jitter_spreads_them() -> None:
    found = samples(RetryPolicy())
    for attempt, pause in found:
        assert timedelta() <= pause <= min(SECOND * 2 ** (attempt - 1), 60 * SECOND)
    last = [pause for attempt, pause in found if attempt == 10]
    assert min(last) < 10 * SECOND
    assert max(last) > 50 * SECOND


# S28
def test_linear_pauses_grow_by_the_base_up_to_the_cap() -> None:
    found = samples(RetryPolicy(backoff="linear", base=2 * SECOND, cap=15 * SECOND))
    for attempt, pause in found:
        assert timedelta() <= pause <= min(2 * SECOND * attempt, 15 * SECOND)
    last = [pause for attempt, pause in found if attempt == 10]
    assert min(last) < 3 * SECOND
    assert max(last) > 12 * SECOND


# S27 S28
@pytest.mark.parametrize(
    ("backoff", "seconds"),
    [
        ("exponential", [1, 2, 4, 8, 16, 20, 20]),
        ("linear", [1, 2, 3, 4, 5, 6, 7]),
        ("fixed", [1, 1, 1, 1, 1, 1, 1]),
    ],
)
def test_without_jitter_the_pauses_are_exact(
    backoff: Literal["exponential", "linear", "fixed"], seconds: list[int]
) -> None:
    policy = RetryPolicy(backoff=backoff, cap=20 * SECOND, jitter="none")
    pauses = [policy.delay(attempt, 0.5) for attempt in range(1, 8)]
    assert pauses == [SECOND * count for count in seconds]


def test_a_very_late_attempt_pauses_for_the_cap() -> None:
    assert RetryPolicy(jitter="none").delay(10_000, 0.0) == 60 * SECOND


# S26
def test_the_default_is_three_retries_from_one_second_to_sixty_with_full_jitter() -> None:
    expected = RetryPolicy(3, "exponential", SECOND, 60 * SECOND, "full")
    assert RetryPolicy() == expected
