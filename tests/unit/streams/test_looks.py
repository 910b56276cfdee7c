"""Looks at what has opened are counted by time, however much else is committed meanwhile."""

from streams.looks import AGES, Looks, Opened

LATE = 30.0
"""The longest that a transaction with one lock and two statements at their limits may last."""


def looked_at(looks: Looks, until: float, step: float) -> list[float]:
    """Return when something was due, asking every so many seconds."""
    return [at * step for at in range(round(until / step) + 1) if looks.take_due(at * step)]


# S47
def test_what_opened_is_looked_at_once_and_again_until_nothing_can_come_late() -> None:
    looks = Looks()
    looks.add(Opened(["w"], [], 0.0))
    assert looked_at(looks, 100.0, 1.0) == list(AGES)
    assert AGES[-1] > LATE
    assert len(looks) == 0


# S47
def test_a_thousand_looks_at_other_things_use_none_of_them_up() -> None:
    looks = Looks()
    looks.add(Opened(["w"], [], 0.0))
    assert looked_at(looks, 100.0, 0.01) == list(AGES)


def test_an_event_that_commits_late_is_met_at_twice_its_delay() -> None:
    for late in (0.5, 1.5, 3.0, 7.0, 15.0, LATE):
        first = next(age for age in AGES if age >= late)
        assert first <= max(1.0, 2 * late)


def test_looks_that_an_outage_held_up_are_one_look_and_the_last_is_never_left_out() -> None:
    looks = Looks()
    looks.add(Opened([], ["e"], 0.0))
    assert looks.take_due(0.0) == [Opened([], ["e"], 0.0)]
    assert looks.take_due(500.0) == [Opened([], ["e"], 0.0)]
    assert len(looks) == 0


def test_each_opening_has_its_own_time() -> None:
    looks = Looks()
    looks.add(Opened(["a"], [], 0.0))
    assert [opened.waits for opened in looks.take_due(0.0)] == [["a"]]
    looks.add(Opened(["b"], [], 0.5))
    assert [opened.waits for opened in looks.take_due(0.6)] == [["b"]]
    assert [opened.waits for opened in looks.take_due(1.0)] == [["a"]]
    assert [opened.waits for opened in looks.take_due(1.5)] == [["b"]]
