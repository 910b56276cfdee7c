"""Slots of cron schedules on the days when clocks change, and what becomes of missed ones (S10)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.schedule import (
    Answer,
    CatchUp,
    Due,
    Overlap,
    Schedule,
    decide_overlap,
    due,
    jitter_of,
    next_slot,
    read_cron,
    slot_id,
    slots,
)

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def on_the_wall(cron: str, timezone: str, since: str, length: timedelta = DAY) -> list[str]:
    """Return the slots of a cron from a local midnight on, as the wall clock shows them."""
    zone = ZoneInfo(timezone)
    start = datetime.fromisoformat(since).replace(tzinfo=zone).astimezone(UTC)
    # A slot at midnight belongs to the day that begins.
    moment = timedelta.resolution
    found = slots(Schedule(cron, timezone), start - moment, start + length - moment, 100)
    return [at.astimezone(zone).strftime("%d %H:%M:%S%z") for at in found]


NIGHTS = [
    # The skipped hour: a slot at a fixed hour runs once, when the gap is over.
    ("30 2 * * *", "Europe/Berlin", "2026-03-29", ["29 03:00:00+0200"]),
    ("0 2 * * *", "Europe/Berlin", "2026-03-29", ["29 03:00:00+0200"]),
    ("0 3 * * *", "Europe/Berlin", "2026-03-29", ["29 03:00:00+0200"]),
    ("30 1 * * *", "Europe/Berlin", "2026-03-29", ["29 01:30:00+0100"]),
    ("15 30 2 * * *", "Europe/Berlin", "2026-03-29", ["29 03:00:00+0200"]),
    ("30 2 * * *", "America/New_York", "2026-03-08", ["08 03:00:00-0400"]),
    ("15 2 * * *", "Australia/Lord_Howe", "2026-10-04", ["04 02:30:00+1100"]),
    ("45 2 * * *", "Australia/Lord_Howe", "2026-10-04", ["04 02:45:00+1100"]),
    # Several slots that fall into one gap, or at its end, run as one.
    ("30,45 2 * * *", "Europe/Berlin", "2026-03-29", ["29 03:00:00+0200"]),
    ("*/15 2 * * *", "Europe/Berlin", "2026-03-29", ["29 03:00:00+0200"]),
    ("0 2,3 * * *", "Europe/Berlin", "2026-03-29", ["29 03:00:00+0200"]),
    ("30 2,3 * * *", "Europe/Berlin", "2026-03-29", ["29 03:00:00+0200", "29 03:30:00+0200"]),
    # The doubled hour: a slot at a fixed hour runs once, in the first pass.
    ("30 2 * * *", "Europe/Berlin", "2026-10-25", ["25 02:30:00+0200"]),
    ("0 2 * * *", "Europe/Berlin", "2026-10-25", ["25 02:00:00+0200"]),
    ("0 3 * * *", "Europe/Berlin", "2026-10-25", ["25 03:00:00+0100"]),
    ("15 30 2 * * *", "Europe/Berlin", "2026-10-25", ["25 02:30:15+0200"]),
    ("30 1 * * *", "America/New_York", "2026-11-01", ["01 01:30:00-0400"]),
    ("45 1 * * *", "Australia/Lord_Howe", "2026-04-05", ["05 01:45:00+1100"]),
    ("30 0 * * *", "America/Havana", "2026-11-01", ["01 00:30:00-0400"]),
    # A day that a zone left out: its slot runs when the next day begins.
    ("0 9 30 12 *", "Pacific/Apia", "2011-12-31", ["31 00:00:00+1400"]),
    ("30 2 * * *", "Pacific/Apia", "2011-12-31", ["31 00:00:00+1400", "31 02:30:00+1400"]),
    # Zones that never change, or stand at odd offsets.
    ("30 2 * * *", "UTC", "2026-03-29", ["29 02:30:00+0000"]),
    ("30 2 * * *", "Asia/Kathmandu", "2026-03-29", ["29 02:30:00+0545"]),
    # Every two hours is fixed hours too.
    (
        "0 */2 * * *",
        "Europe/Berlin",
        "2026-03-29",
        ["29 00:00:00+0100", "29 03:00:00+0200"]
        + [f"29 {hour:02}:00:00+0200" for hour in range(4, 24, 2)],
    ),
]


# S10
@pytest.mark.parametrize(("cron", "timezone", "day", "expected"), NIGHTS)
def test_a_slot_at_a_fixed_hour_runs_once_when_the_clock_changes(
    cron: str, timezone: str, day: str, expected: list[str]
) -> None:
    length = DAY - HOUR if "-03-" in day or "-10-04" in day else DAY
    assert on_the_wall(cron, timezone, day, length) == expected


# S10
@pytest.mark.parametrize(
    ("cron", "timezone", "day", "expected"),
    [
        ("0 * * * *", "Europe/Berlin", "2026-03-29", ["00+0100", "01+0100", "03+0200", "04+0200"]),
        (
            "0 * * * *",
            "Europe/Berlin",
            "2026-10-25",
            ["00+0200", "01+0200", "02+0200", "02+0100", "03+0100"],
        ),
        ("0 0-23 * * *", "America/New_York", "2026-11-01", ["00-0400", "01-0400", "01-0500"]),
    ],
)
def test_a_cron_of_every_hour_runs_through_in_elapsed_time(
    cron: str, timezone: str, day: str, expected: list[str]
) -> None:
    found = on_the_wall(cron, timezone, day)[: len(expected)]
    assert found == [f"{day[-2:]} {hour[:2]}:00:00{hour[2:]}" for hour in expected]


# S10
@pytest.mark.parametrize(
    ("cron", "timezone", "change", "steps"),
    [
        ("*/15 * * * *", "Europe/Berlin", "2026-03-29T01:00Z", 15 * MINUTE),
        ("*/15 * * * *", "Europe/Berlin", "2026-10-25T01:00Z", 15 * MINUTE),
        ("*/15 * * * *", "America/New_York", "2026-11-01T06:00Z", 15 * MINUTE),
        ("*/10 * * * *", "Australia/Lord_Howe", "2026-10-03T15:30Z", 10 * MINUTE),
        ("*/10 * * * *", "Australia/Lord_Howe", "2026-04-04T15:00Z", 10 * MINUTE),
        ("*/15 * * * *", "Pacific/Apia", "2011-12-30T10:00Z", 15 * MINUTE),
        ("*/20 * * * * *", "Europe/Berlin", "2026-10-25T01:00Z", MINUTE / 3),
        ("*/20 * * * * *", "Europe/Berlin", "2026-03-29T01:00Z", MINUTE / 3),
    ],
)
def test_the_pauses_of_a_frequent_cron_stay_equal_when_the_clock_changes(
    cron: str, timezone: str, change: str, steps: timedelta
) -> None:
    start = instant(change) - 3 * HOUR
    found = slots(Schedule(cron, timezone), start, start + 6 * HOUR, 5000)
    assert found == [start + n * steps for n in range(1, 6 * HOUR // steps + 1)]


# S10
def test_slots_can_be_asked_for_from_inside_both_passes_of_a_doubled_hour() -> None:
    half_hourly = Schedule("*/30 * * * *", "Europe/Berlin")
    first, second = instant("2026-10-25T00:45Z"), instant("2026-10-25T01:15Z")
    assert slots(half_hourly, first, first + HOUR, 9) == [
        instant("2026-10-25T01:00Z"),
        instant("2026-10-25T01:30Z"),
    ]
    assert slots(half_hourly, second, second + HOUR, 9) == [
        instant("2026-10-25T01:30Z"),
        instant("2026-10-25T02:00Z"),
    ]
    nightly = Schedule("30 2 * * *", "Europe/Berlin")
    assert slots(nightly, second, second + HOUR, 9) == []


@pytest.mark.parametrize(
    ("cron", "since", "expected"),
    [
        ("0 0 29 2 *", "2026-01-01", ["2028-02-29", "2032-02-29"]),
        ("0 0 31 * *", "2026-01-01", ["2026-01-31", "2026-03-31", "2026-05-31"]),
        ("0 0 L * *", "2026-01-01", ["2026-01-31", "2026-02-28", "2026-03-31"]),
        ("0 0 L 2 *", "2027-01-01", ["2027-02-28", "2028-02-29"]),
        ("0 0 LW * *", "2026-01-01", ["2026-01-30", "2026-02-27", "2026-03-31"]),
        ("0 0 * * MON#1", "2026-01-01", ["2026-01-05", "2026-02-02", "2026-03-02"]),
        ("0 0 * * 1#5", "2026-01-01", ["2026-03-30", "2026-06-29"]),
        ("0 0 * * 5L", "2026-01-01", ["2026-01-30", "2026-02-27", "2026-03-27"]),
        ("0 0 * * 0,7", "2026-01-01", ["2026-01-04", "2026-01-11"]),
        ("0 0 13 * 5", "2026-01-01", ["2026-01-02", "2026-01-09", "2026-01-13", "2026-01-16"]),
        ("0 0 * 2 MON#5", "2026-01-01", ["2044-02-29"]),
    ],
)
def test_days_of_the_month_and_of_the_week(cron: str, since: str, expected: list[str]) -> None:
    start = datetime.fromisoformat(since).replace(tzinfo=UTC)
    found = slots(Schedule(cron), start, start + 9000 * DAY, len(expected))
    assert [str(at.date()) for at in found] == expected


def test_the_span_excludes_its_beginning_and_includes_its_end() -> None:
    hourly = Schedule("0 * * * *")
    assert slots(hourly, NOON, NOON + 2 * HOUR, 9) == [NOON + HOUR, NOON + 2 * HOUR]
    assert slots(hourly, NOON - timedelta.resolution, NOON, 9) == [NOON]
    assert slots(hourly, NOON, NOON + 9 * HOUR, 3) == [NOON + n * HOUR for n in (1, 2, 3)]


def test_a_cron_has_one_form_however_it_is_spaced() -> None:
    assert read_cron("  30 2\t* *  mon-fri ") == "30 2 * * MON-FRI"


@pytest.mark.parametrize(
    ("cron", "problem"),
    [
        ("60 * * * *", "'60' is no minute; allowed: 0-59"),
        ("0 24 * * *", "'24' is no hour; allowed: 0-23"),
        ("0 0 0 * *", "'0' is no day-of-month; allowed: 1-31, L"),
        ("0 0 32 2 *", "'32' is no day-of-month"),
        ("0 0 * 13 *", "'13' is no month; allowed: 1-12 or JAN-DEC"),
        ("0 0 * * 8", "'8' is no day-of-week; allowed: 0-7, SUN-SAT"),
        ("60 0 0 * * *", "'60' is no second"),
        ("*/0 * * * *", "'*/0' is no minute"),
        ("5-1 * * * *", "'5-1' is no minute"),
        ("0 0 * * mon#6", "'MON#6' is no day-of-week"),
        ("a * * * *", "'A' is no minute"),
        ("9" * 150 + " * * * *", "is no minute"),
        ("* * * *", "'* * * *' is no cron; write five fields, minute hour day month weekday"),
        ("* * * * * * *", "or six with the second first"),
        ("@daily", "'@daily' is no cron"),
        ("", "'' is no cron"),
        (" ".join(["0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0"] * 5), "is no cron"),
        ("0 0 30 2 *", "'0 0 30 2 *' never fires: no date has that day; the last of a month is L"),
        ("0 0 31 4,6,9,11 *", "never fires"),
        ("0 0 */30 2 MON#5", "never fires"),
    ],
)
def test_a_cron_that_is_wrong_names_the_field(cron: str, problem: str) -> None:
    with pytest.raises(ValueError, match=r"is no|never fires") as refused:
        read_cron(cron)
    assert problem in str(refused.value)


HOURLY = "0 * * * *"
CREATED = NOON - DAY


def at_three_missed(catch_up: CatchUp, *, late: timedelta, limit: int = 10, hours: int = 9) -> Due:
    """Look `late` after noon at an hourly schedule, last seen at nine."""
    schedule = Schedule(HOURLY, catch_up=catch_up, window=hours * HOUR)
    return due(schedule, NOON - 3 * HOUR, CREATED, NOON + late, limit)


# S10
@pytest.mark.parametrize(
    ("catch_up", "late", "hours_ago", "dropped"),
    [
        ("none", timedelta(), [0], 2),
        ("none", MINUTE, [0], 2),
        ("none", MINUTE + timedelta.resolution, [], 3),
        ("last", timedelta(), [0], 2),
        ("last", 30 * MINUTE, [0], 2),
        ("all", timedelta(), [2, 1, 0], 0),
        ("all", 30 * MINUTE, [2, 1, 0], 0),
    ],
)
def test_missed_slots_are_caught_up_as_the_schedule_says(
    catch_up: CatchUp, late: timedelta, hours_ago: list[int], dropped: int
) -> None:
    found = at_three_missed(catch_up, late=late)
    assert found.slots == tuple(NOON - ago * HOUR for ago in hours_ago)
    assert found.dropped == dropped
    assert found.next_at == NOON + HOUR
    assert found.handled_until == NOON + late


# S10
@pytest.mark.parametrize("catch_up", ["none", "last", "all"])
def test_a_slot_that_jitter_puts_off_is_not_missed(catch_up: CatchUp) -> None:
    jitter = 30 * MINUTE
    schedule = Schedule(HOURLY, catch_up=catch_up, window=MINUTE, jitter=jitter)
    found = due(schedule, NOON - MINUTE, CREATED, NOON + jitter, 10)
    assert (found.slots, found.dropped) == ((NOON,), 0)


# S10
def test_slots_older_than_the_window_are_dropped_and_counted() -> None:
    found = at_three_missed("all", late=timedelta(), hours=1)
    assert (found.slots, found.dropped) == ((NOON - HOUR, NOON), 1)
    too_late = at_three_missed("last", late=MINUTE, hours=0)
    assert (too_late.slots, too_late.dropped) == ((), 3)


# S10
def test_what_a_limit_leaves_over_is_due_at_once_at_the_next_look() -> None:
    first = at_three_missed("all", late=MINUTE, limit=2)
    assert first.slots == (NOON - 2 * HOUR, NOON - HOUR)
    assert first.next_at == NOON
    schedule = Schedule(HOURLY, catch_up="all", window=9 * HOUR)
    second = due(schedule, first.handled_until, CREATED, NOON + MINUTE, 2)
    assert (second.slots, second.next_at) == ((NOON,), NOON + HOUR)


def test_a_new_schedule_starts_nothing_from_before_it_was_made() -> None:
    schedule = Schedule(HOURLY, catch_up="all", window=DAY)
    found = due(schedule, None, NOON - 90 * MINUTE, NOON, 10)
    assert found == Due((NOON - HOUR, NOON), NOON + HOUR, NOON, 0)


def test_a_clock_that_was_set_back_starts_nothing_twice() -> None:
    schedule = Schedule(HOURLY, catch_up="all", window=DAY)
    found = due(schedule, NOON, CREATED, NOON - 2 * HOUR, 10)
    assert found == Due((), NOON + HOUR, NOON, 0)


def test_a_year_of_missed_seconds_is_looked_at_quickly_and_counted_to_a_bound() -> None:
    schedule = Schedule("* * * * * *", "Europe/Berlin", "last", 30 * DAY)
    found = due(schedule, NOON - 365 * DAY, CREATED, NOON + MINUTE / 120, 10)
    assert (found.slots, found.dropped) == ((NOON,), 1000)


def test_a_leap_day_schedule_knows_its_next_slot_years_ahead() -> None:
    assert next_slot(Schedule("0 0 29 2 *"), NOON) == instant("2028-02-29T00:00Z")


# S10
def test_a_slot_has_one_name_for_everybody_who_looks() -> None:
    berlin = Schedule("30 2 * * 1-5", "Europe/Berlin", "last", 2 * HOUR, "skip", MINUTE)
    name = "nightly|30 2 * * 1-5|Europe/Berlin|2026-03-02T12:00:00Z"
    assert slot_id("nightly", berlin, NOON) == name
    assert slot_id("nightly", berlin, NOON.astimezone(ZoneInfo("Asia/Tokyo"))) == name
    assert slot_id("nightly", Schedule("30 2 * * 1-5", "Europe/Berlin"), NOON) == name


# S10
def test_two_nodes_that_look_at_different_times_name_the_same_slots() -> None:
    schedule = Schedule("*/15 * * * *", "Europe/Berlin", "all", DAY)
    early = due(schedule, None, CREATED, NOON, 500)
    late = due(schedule, None, CREATED, NOON + 7 * MINUTE, 500)
    names = [{slot_id("w", schedule, at) for at in node.slots} for node in (early, late)]
    assert names[0] == names[1]
    assert len(names[0]) == len(early.slots) == 96


def test_jitter_puts_off_by_less_than_its_length_and_the_same_each_time() -> None:
    puts_off = [jitter_of(f"w|{n}", 10 * MINUTE) for n in range(200)]
    assert puts_off == [jitter_of(f"w|{n}", 10 * MINUTE) for n in range(200)]
    assert all(timedelta() <= length < 10 * MINUTE for length in puts_off)
    assert min(puts_off) < MINUTE
    assert max(puts_off) > 9 * MINUTE
    assert jitter_of("w|1", timedelta()) == timedelta()
    # Another release must give the same, or two side by side would disagree.
    assert jitter_of("w|1", 10 * MINUTE) == timedelta(seconds=225, microseconds=598033)


# S10
@pytest.mark.parametrize(
    ("overlap", "idle", "running", "buffered"),
    [
        ("allow", "start", "start", "start"),
        ("skip", "start", "skip", "skip"),
        ("buffer_one", "start", "buffer", "skip"),
        ("cancel_other", "start", "cancel_then_start", "cancel_then_start"),
    ],
)
def test_a_slot_meets_a_run_as_the_schedule_says(
    overlap: Overlap, idle: Answer, running: Answer, buffered: Answer
) -> None:
    assert decide_overlap(overlap, running=False, buffered=False) == idle
    assert decide_overlap(overlap, running=True, buffered=False) == running
    assert decide_overlap(overlap, running=True, buffered=True) == buffered


def test_a_slot_does_not_overtake_one_that_waits_for_its_turn() -> None:
    assert decide_overlap("buffer_one", running=False, buffered=True) == "skip"
