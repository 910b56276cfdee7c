"""Cron schedules: which instants are due, and what becomes of those that were missed (S10).

What a schedule does when clocks change is decided by its hour field. Where that names some hours
of the day, a slot runs when the clock on the wall first shows its time or a later one: from an hour
that is skipped it runs once, as soon as the gap is over; in an hour that comes twice it runs once,
in the first. Where the field allows every hour, the cron means elapsed time and runs whenever the
wall shows a time that fits: never in the skipped hour, and again in the doubled one. This is what
cron(8) promises for jobs at fixed times and for jobs that run more often; unlike cron we hold to it
for six fields, for `*/15 2 * * *`, and where the clock jumps by more than three hours.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import islice, takewhile
from typing import Literal, assert_never
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from engine.values import dataclass

CatchUp = Literal["none", "last", "all"]
Overlap = Literal["allow", "skip", "buffer_one", "cancel_other"]
Answer = Literal["start", "skip", "buffer", "cancel_then_start"]

ON_TIME = timedelta(minutes=1)
"""A slot of this age is still on time; only older ones were missed."""
DEFAULT_WINDOW = timedelta(hours=1)
COUNTED = 1000
"""Dropped slots are counted so far; the number then means: at least."""
LONGEST_CRON = 200
_SECOND = timedelta(seconds=1)
_LEAP_YEAR = datetime(2024, 1, 1, tzinfo=UTC)
_FIELDS = {
    "second": "0-59",
    "minute": "0-59",
    "hour": "0-23",
    "day-of-month": "1-31, L (last day) or LW (last weekday)",
    "month": "1-12 or JAN-DEC",
    "day-of-week": "0-7, SUN-SAT, 5L (last Friday) or MON#2 (second Monday)",
}


@dataclass(frozen=True, slots=True)
class Schedule:
    """A cron in a time zone, and what to do about missed slots and about runs that overlap."""

    cron: str
    timezone: str = "UTC"
    catch_up: CatchUp = "none"
    window: timedelta = DEFAULT_WINDOW
    overlap: Overlap = "allow"
    jitter: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Due:
    """What one look at a schedule found."""

    slots: tuple[datetime, ...]
    """Slots to start now, oldest first."""
    next_at: datetime | None
    """When to look again; in the past where `limit` left slots over, None if never."""
    handled_until: datetime
    """What to remember as handled: everything up to here is in `slots` or dropped."""
    dropped: int
    """Slots passed over: too old, or not to be caught up."""


def read_cron(text: str) -> str:
    """Return a cron in its one form; raises ValueError naming the field that is wrong."""
    fields = text.upper().split()
    if len(fields) not in (5, 6) or len(text) > LONGEST_CRON:
        raise ValueError(
            f"{text[:40]!r} is no cron; write five fields, minute hour day month weekday,"
            " such as 30 2 * * 1-5, or six with the second first"
        )
    cron = " ".join(fields)
    try:
        fires = next(iter(CronSim(cron, _LEAP_YEAR)), None)
    except CronSimError as problem:
        _explain(fields, str(problem).removeprefix("Bad "))
        fires = None
    if fires is None:
        raise ValueError(f"{cron!r} never fires: no date has that day; the last of a month is L")
    return cron


def _explain(fields: list[str], name: str) -> None:
    """Raise ValueError about a field, unless each is right and only no date fits them."""
    names = list(_FIELDS)[-len(fields) :]
    field = fields[names.index(name)]
    if name == "day-of-month" and _fits_some_month(field):
        return
    raise ValueError(f"{field!r} is no {name}; allowed: {_FIELDS[name]}, with , - and /")


def _fits_some_month(day: str) -> bool:
    try:
        CronSim(f"0 0 {day} * *", _LEAP_YEAR)
    except CronSimError:
        return False
    return True


def slots(schedule: Schedule, after: datetime, until: datetime, limit: int) -> list[datetime]:
    """Return the instants in UTC that are due after one instant, up to and including another."""
    due_in_time = takewhile(lambda at: at <= until, _instants(schedule, after))
    return list(islice(due_in_time, limit))


def next_slot(schedule: Schedule, after: datetime) -> datetime | None:
    """Return the first slot after an instant, None if there is none in fifty years."""
    return next(_instants(schedule, after), None)


def _instants(schedule: Schedule, after: datetime) -> Iterator[datetime]:
    zone = ZoneInfo(schedule.timezone)
    wall = after.astimezone(zone).replace(tzinfo=None)
    # In the first pass of a doubled hour, times that the wall has shown already come again.
    shift = _offset(zone, wall, wall.fold) - _offset(zone, wall, 1)
    cron = CronSim(schedule.cron, wall - shift)
    walls: Iterator[datetime] = iter(cron)
    every_hour = len(cron.hours) == 24
    found = _by_elapsed_time(walls, zone) if every_hour else _by_wall_clock(walls, zone)
    return _distinct(at for at in found if at > after)


def _distinct(instants: Iterable[datetime]) -> Iterator[datetime]:
    previous = None
    for at in instants:
        if at != previous:
            yield at
        previous = at


def _offset(zone: ZoneInfo, wall: datetime, fold: int) -> timedelta:
    return wall.replace(tzinfo=zone, fold=fold).utcoffset() or timedelta()


def _passes(zone: ZoneInfo, wall: datetime) -> tuple[datetime, datetime]:
    """Return when a wall time is shown first and again; the second lies earlier in a gap."""
    at = wall.replace(tzinfo=UTC)
    return at - _offset(zone, wall, 0), at - _offset(zone, wall, 1)


def _by_wall_clock(walls: Iterator[datetime], zone: ZoneInfo) -> Iterator[datetime]:
    for wall in walls:
        first, again = _passes(zone, wall)
        yield first if first <= again else _end_of_gap(zone, again, first)


def _by_elapsed_time(walls: Iterator[datetime], zone: ZoneInfo) -> Iterator[datetime]:
    later: deque[datetime] = deque()
    for wall in walls:
        first, again = _passes(zone, wall)
        if again < first:
            continue
        while later and later[0] < first:
            yield later.popleft()
        yield first
        if first < again:
            later.append(again)
    yield from later


def _end_of_gap(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """Return the instant between two at which the clock jumps forward."""
    old = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + (after - before) // _SECOND // 2 * _SECOND
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after


def due(
    schedule: Schedule, last: datetime | None, created_at: datetime, now: datetime, limit: int
) -> Due:
    """Return what to start now; `last` is the `handled_until` of the look before."""
    since = created_at if last is None else last
    if now <= since:
        return Due((), next_slot(schedule, since), since, 0)
    # Who looks comes by the jitter later than the slot: that is no delay.
    patience = (ON_TIME if schedule.catch_up == "none" else schedule.window) + schedule.jitter
    # A slot may be exactly as old as the window.
    oldest = max(since, now - patience - timedelta.resolution)
    if schedule.catch_up == "last":
        found = _latest(schedule, oldest, now)
    else:
        found = slots(schedule, oldest, now, limit + 1)
    starting = tuple(found[:limit])
    handled_until = starting[-1] if len(found) > limit else now
    passed_until = starting[0] - timedelta.resolution if starting else now
    dropped = len(slots(schedule, since, passed_until, COUNTED))
    return Due(starting, next_slot(schedule, handled_until), handled_until, dropped)


def _latest(schedule: Schedule, after: datetime, until: datetime) -> list[datetime]:
    """Return the last slot in a span of time, found by halving: a cron only runs forwards."""
    found = slots(schedule, after, until, 1)
    while found and until - found[0] >= _SECOND:
        middle = found[0] + (until - found[0]) / 2
        beyond = slots(schedule, middle, until, 1)
        if beyond:
            found = beyond
        else:
            until = middle
    return found


def slot_id(workflow: str, schedule: Schedule, slot: datetime) -> str:
    """Return the one name of a slot: two that look at a schedule start it once."""
    instant = slot.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return "|".join((workflow, schedule.cron, schedule.timezone, instant))


def jitter_of(slot_id: str, jitter: timedelta) -> timedelta:
    """Return how long a slot is put off, below `jitter` and the same at each call."""
    chance = int.from_bytes(blake2b(slot_id.encode(), digest_size=8).digest(), "big")
    return jitter // timedelta.resolution * chance // 2**64 * timedelta.resolution


def decide_overlap(overlap: Overlap, running: bool, buffered: bool) -> Answer:
    """Return what to do with a slot while an earlier one runs or waits for its turn."""
    match overlap:
        case "allow":
            return "start"
        case "skip":
            return "skip" if running else "start"
        case "buffer_one":
            return "skip" if buffered else "buffer" if running else "start"
        case "cancel_other":
            return "cancel_then_start" if running else "start"
        case _:
            assert_never(overlap)
