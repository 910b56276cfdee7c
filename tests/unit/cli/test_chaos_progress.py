"""A run in which nothing moved, or nothing went wrong, is no proof."""

from datetime import UTC, datetime

import pytest

from cli.chaos.judge import Attempt, look_at_progress
from cli.chaos.sent import Sent
from cli.chaos.watch import Positions

FULL = {"ended": 100, "known": 100, "started": 100}


def an_attempt(
    events: int = 100, failed: tuple[str, ...] = (), fell: tuple[str, ...] = ()
) -> Attempt:
    sent = Sent([f"e{n}" for n in range(events)])
    return Attempt(sent, Positions("events", fell=list(fell)), 5, failed, {})


def names(attempt: Attempt, ended: int) -> list[str]:
    progress = {**FULL, "ended": ended}
    return [finding.invariant for finding in look_at_progress(attempt, progress)]


# S113
@pytest.mark.parametrize(
    ("attempt", "ended", "expected"),
    [
        (an_attempt(), 100, []),
        (an_attempt(), 95, []),
        (an_attempt(), 94, ["progress"]),
        (an_attempt(events=0), 0, ["progress"]),
        (an_attempt(failed=("kill 0",)), 100, ["faults_happen"]),
        (an_attempt(fell=("events[0] 9 -> 7",)), 100, ["positions_rise"]),
    ],
)
def test_progress_and_faults_are_part_of_the_verdict(
    attempt: Attempt, ended: int, expected: list[str]
) -> None:
    assert names(attempt, ended) == expected


def a_row(offset: int, topic_id: str = "a") -> dict[str, object]:
    return {
        "topic": "events", "partition": 0, "topic_id": topic_id, "next_offset": offset,
        "watermark": None,
    }  # fmt: skip


def test_a_position_that_goes_back_is_seen_unless_its_topic_is_new() -> None:
    positions = Positions("events")
    for row in (a_row(5), a_row(7), a_row(7), a_row(0, "b"), a_row(3, "b")):
        positions.note([row], datetime.now(UTC))
    assert positions.fell == []
    positions.note([a_row(2, "b")], datetime.now(UTC))
    assert positions.fell == ["events[0] 3 -> 2"]
