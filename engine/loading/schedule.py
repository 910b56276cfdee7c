"""The `schedule` of a trigger: a cron in a time zone (definitions.md, Trigger; S10)."""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import available_timezones

from engine.hints import nearest
from engine.loading.node import Fields, Node
from engine.schedule import DEFAULT_WINDOW, ON_TIME, CatchUp, Overlap, Schedule, read_cron, slots

KEYS = ("cron", "timezone", "catch_up", "window", "overlap", "jitter")
LONGEST_WINDOW = timedelta(days=30)
LONGEST_JITTER = timedelta(days=7)
UNREAD = ""
"""Stands for a cron that is wrong."""
MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_CATCH_UPS: Mapping[str, CatchUp] = {"none": "none", "last": "last", "all": "all"}
_OVERLAPS: Mapping[str, Overlap] = {
    "allow": "allow",
    "skip": "skip",
    "buffer_one": "buffer_one",
    "cancel_other": "cancel_other",
}
_SAMPLE_START = datetime(2024, 1, 1, tzinfo=UTC)
_SAMPLE_SIZE = 100


def read_schedule(node: Node) -> Schedule:
    """Read when a schedule fires, and what becomes of missed slots and of runs that overlap."""
    fields = node.fields(KEYS, required=("cron",))
    cron, timezone = fields.get("cron"), fields.get("timezone")
    catch_up, overlap = fields.get("catch_up"), fields.get("overlap")
    schedule = Schedule(
        _cron(cron) if cron is not None else UNREAD,
        _timezone(timezone) if timezone is not None else "UTC",
        _CATCH_UPS[catch_up.choice(_CATCH_UPS)] if catch_up is not None else "none",
        _window(fields),
        _OVERLAPS[overlap.choice(_OVERLAPS)] if overlap is not None else "allow",
        _jitter(fields),
    )
    _check_together(fields, schedule)
    return schedule


def _cron(node: Node) -> str:
    text = node.text()
    if not isinstance(node.value, str):
        return UNREAD
    macro = MACROS.get(text.strip().lower())
    if macro is not None:
        node.mistake(f"write {text} as {macro!r}")
        return macro
    try:
        return read_cron(text)
    except ValueError as problem:
        node.mistake(str(problem))
        return UNREAD


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    # These two mean another zone on each machine, or none.
    return frozenset(available_timezones() - {"localtime", "Factory"})


def _timezone(node: Node) -> str:
    name = node.text()
    if not isinstance(node.value, str) or name in _zones():
        return name or "UTC"
    hint = _same_place(name, _zones()) or nearest(name, _zones())
    node.mistake(f"no time zone is called {name[:60]!r}{hint or '; write one as Europe/Berlin'}")
    return "UTC"


def _same_place(name: str, zones: Collection[str]) -> str:
    """Return a hint at the zone whose last part is meant, such as `berlin`."""
    place = name.rpartition("/")[2].strip().lower().replace(" ", "_")
    for zone in sorted(zones):
        if zone.lower().rpartition("/")[2] == place:
            return f"; did you mean {zone}?"
    return ""


def _window(fields: Fields) -> timedelta:
    node = fields.get("window")
    if node is None:
        return DEFAULT_WINDOW
    length = node.duration(LONGEST_WINDOW)
    if timedelta() < length < ON_TIME:
        node.mistake(f"{node.value} is too short: a slot is on time for a minute; write 1m or more")
    return length


def _jitter(fields: Fields) -> timedelta:
    node = fields.get("jitter")
    return timedelta() if node is None else node.duration(LONGEST_JITTER, zero=True)


def _check_together(fields: Fields, schedule: Schedule) -> None:
    """Note keys that contradict each other."""
    if "window" in fields and schedule.catch_up == "none":
        fields.known["window"].mistake(
            "window bounds what is caught up; write catch_up: last or all beside it"
        )
    if schedule.catch_up == "all" and schedule.overlap != "allow":
        fields.known["overlap"].warning(
            f"missed slots start together, and overlap: {schedule.overlap} lets few of them run;"
            " write overlap: allow, or catch_up: last"
        )
    if schedule.jitter and schedule.cron != UNREAD:
        _check_jitter(fields.known["jitter"], schedule)


def _check_jitter(node: Node, schedule: Schedule) -> None:
    sample = slots(
        Schedule(schedule.cron), _SAMPLE_START, datetime.max.replace(tzinfo=UTC), _SAMPLE_SIZE
    )
    shortest = min((after - before for before, after in pairwise(sample)), default=LONGEST_JITTER)
    if schedule.jitter > shortest:
        node.mistake(
            f"{node.value} reaches beyond the next slot; at most the pause between two: {shortest}"
        )
