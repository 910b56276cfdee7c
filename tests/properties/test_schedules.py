"""Slots against a wall clock that is read every minute; looks that lose and double nothing."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.schedule import Schedule, due, jitter_of, slot_id, slots

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
CHANGES = {
    "Europe/Berlin": ["2026-03-29", "2026-10-25"],
    "America/New_York": ["2026-03-08", "2026-11-01"],
    "America/Havana": ["2026-03-08", "2026-11-01"],
    "Australia/Lord_Howe": ["2026-04-05", "2026-10-04"],
    "Pacific/Apia": ["2011-12-30", "2012-04-01"],
    "Asia/Kathmandu": ["2026-03-29"],
    "UTC": ["2026-03-29"],
}
ZONES = [(zone, day) for zone, days in CHANGES.items() for day in days]
ALL_HOURS = set(range(24))

minutes = st.sets(st.sampled_from([0, 1, 15, 29, 30, 31, 45, 59]), min_size=1, max_size=3)
hours = st.sets(st.integers(0, 4) | st.integers(22, 23), min_size=1, max_size=3)
spans = st.tuples(st.sampled_from(ZONES), st.integers(-36 * 60, 36 * 60), st.integers(1, 2 * 1440))


def listed(numbers: set[int]) -> str:
    return ",".join(map(str, sorted(numbers)))


def read_every_minute(
    zone: ZoneInfo, minutes: set[int], hours: set[int], after: datetime, until: datetime
) -> list[datetime]:
    """Return when a slot runs by looking at the clock each minute, as the rule is written down."""
    found: list[datetime] = []
    at = after.replace(second=0, microsecond=0) - 2 * DAY
    latest = at.astimezone(zone).replace(tzinfo=None)
    while at < until:
        at += MINUTE
        shown = at.astimezone(zone).replace(tzinfo=None)
        if hours == ALL_HOURS:
            runs = shown.minute in minutes
        else:
            runs = False
            while latest < shown:
                latest += MINUTE
                runs = runs or (latest.minute in minutes and latest.hour in hours)
        if runs and at > after:
            found.append(at)
    return found


# S10
@settings(max_examples=150, deadline=None)
@given(spans, minutes, hours | st.just(ALL_HOURS), st.booleans())
def test_slots_are_those_of_somebody_who_watches_the_clock(
    span: tuple[tuple[str, str], int, int], minutes: set[int], hours: set[int], seconds: bool
) -> None:
    (name, day), start, length = span
    after = datetime.fromisoformat(day).replace(tzinfo=UTC) + start * MINUTE
    until = after + length * MINUTE
    cron = f"{listed(minutes)} {listed(hours)} * * *"
    schedule = Schedule(f"0 {cron}" if seconds else cron, name)
    expected = read_every_minute(ZoneInfo(name), minutes, hours, after, until)
    assert slots(schedule, after, until, 10_000) == expected


crons = st.sampled_from(
    ["*/15 * * * *", "30 2 * * *", "*/20 1-3 * * *", "0 * * * *", "0 9 * * 1-5", "20 1,2 2 * * *"]
)
schedules = st.builds(
    lambda cron, zone, catch_up, hours: (
        Schedule(cron, zone[0], catch_up, timedelta(hours=hours)),
        datetime.fromisoformat(zone[1]).replace(tzinfo=UTC) - DAY,
    ),
    crons,
    st.sampled_from(ZONES),
    st.sampled_from(["none", "last", "all"]),
    st.integers(1, 100),
)


@settings(deadline=None)
@given(schedules, st.integers(0, 4000), st.integers(0, 4000))
def test_two_spans_side_by_side_hold_what_the_whole_holds(
    made: tuple[Schedule, datetime], first: int, second: int
) -> None:
    schedule, start = made
    middle, end = start + first * MINUTE, start + (first + second) * MINUTE
    parts = slots(schedule, start, middle, 10_000) + slots(schedule, middle, end, 10_000)
    assert parts == slots(schedule, start, end, 10_000)
    assert len(set(parts)) == len(parts)


pauses = st.lists(st.integers(0, 600 * 60), min_size=1, max_size=12)


def looks(
    made: tuple[Schedule, datetime], pauses: list[int], limit: int
) -> tuple[Counter[datetime], int, datetime]:
    """Look at a schedule again and again; return what was started, dropped, and handled."""
    schedule, now = made
    created_at, last = now, None
    started: Counter[datetime] = Counter()
    dropped = 0
    for pause in pauses:
        now += timedelta(seconds=pause)
        found = due(schedule, last, created_at, now, limit)
        assert found.slots == tuple(sorted(found.slots))
        assert len(found.slots) <= limit
        assert all(at <= now for at in found.slots)
        assert found.next_at is None or found.next_at > found.handled_until
        started.update(found.slots)
        dropped, last = dropped + found.dropped, found.handled_until
    assert last is not None
    return started, dropped, last


# S10
@settings(deadline=None)
@given(schedules, pauses, st.integers(1, 4))
def test_each_slot_is_started_once_or_dropped_whatever_the_looks(
    made: tuple[Schedule, datetime], pauses: list[int], limit: int
) -> None:
    started, dropped, handled_until = looks(made, pauses, limit)
    there = slots(made[0], made[1], handled_until, 10_000)
    assert set(started) <= set(there)
    assert all(count == 1 for count in started.values())
    assert len(started) + dropped == len(there)


# S10
@settings(deadline=None)
@given(schedules, pauses)
def test_catching_up_all_within_the_window_drops_nothing(
    made: tuple[Schedule, datetime], pauses: list[int]
) -> None:
    schedule = Schedule(made[0].cron, made[0].timezone, "all", timedelta(hours=121))
    started, dropped, handled_until = looks((schedule, made[1]), pauses, 1000)
    assert dropped == 0
    assert list(started) == slots(schedule, made[1], handled_until, 10_000)


# S10
@settings(deadline=None)
@given(schedules, st.integers(0, 200 * 3600))
def test_catching_up_the_last_starts_the_newest_slot_within_the_window(
    made: tuple[Schedule, datetime], pause: int
) -> None:
    schedule = Schedule(made[0].cron, made[0].timezone, "last", made[0].window)
    now = made[1] + timedelta(seconds=pause)
    newest = slots(schedule, made[1], now, 10_000)[-1:]
    expected = [at for at in newest if now - at <= schedule.window]
    assert list(due(schedule, None, made[1], now, 10).slots) == expected


# S10
@given(schedules, st.integers(1, 86_400))
def test_names_and_jitter_of_slots_depend_on_nothing_but_the_slot(
    made: tuple[Schedule, datetime], seconds: int
) -> None:
    schedule, start = made
    found = slots(schedule, start, start + 2 * DAY, 50)
    names = [slot_id("w", schedule, at) for at in found]
    assert len(set(names)) == len(names)
    length = timedelta(seconds=seconds)
    assert all(timedelta() <= jitter_of(name, length) < length for name in names)
