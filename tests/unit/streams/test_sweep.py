"""Which waits a sweep looks at, and what it makes of what events left behind."""

from datetime import UTC, datetime, timedelta

import pytest

from streams.sweep import EPOCH, EVERY_SECONDS, REGULAR_SECONDS, SETTLED, Begun, since_of

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


def begun_before(seconds: float) -> datetime:
    """Return up to when everything has met, by a sweep that began so long ago."""
    return NOW - timedelta(seconds=seconds) - SETTLED


# S47
@pytest.mark.parametrize(
    ("swept_until", "every_seconds", "since"),
    [
        (None, EVERY_SECONDS, EPOCH),
        (begun_before(50), EVERY_SECONDS, begun_before(50)),
        (begun_before(86_400), EVERY_SECONDS, begun_before(86_400)),
        # Hastened by an event, soon after a sweep of everything.
        (begun_before(REGULAR_SECONDS - 1), EVERY_SECONDS, None),
        (begun_before(REGULAR_SECONDS + 1), EVERY_SECONDS, begun_before(REGULAR_SECONDS + 1)),
        # A worker that starts; nothing that it might have opened has been missed for longer.
        (begun_before(1), 0.0, begun_before(1)),
        # The clock of the database was set back.
        (NOW + timedelta(days=1), 0.0, NOW - SETTLED),
    ],
)
def test_a_sweep_begins_where_the_last_one_that_ended_left_off(
    swept_until: datetime | None, every_seconds: float, since: datetime | None
) -> None:
    assert since_of(NOW, swept_until, every_seconds) == since


# S47
def test_the_names_of_rests_say_what_to_look_for() -> None:
    begun = Begun(NOW, None, ["rest b 2", "rest a 1", "rest a 2"])
    assert (begun.correlations, begun.events) == (["a", "b"], ["1", "2"])
