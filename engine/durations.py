"""Lengths of time and instants as definitions write them."""

import re
from datetime import UTC, datetime, timedelta

LONGEST = timedelta(days=365)
"""How far off the end of a wait or a request may be (security.md, bounds)."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_SIMPLE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(ms|s|m|h|d|w)")
_NUMBER = r"([0-9]{1,9}(?:\.[0-9]{1,6})?)"
_ISO = re.compile(
    rf"P(?:{_NUMBER}W)?(?:{_NUMBER}D)?(?:T(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?"
)
_LEAP_SECOND = re.compile(r"(T\d\d:\d\d):60(?:\.\d+)?")


def parse_duration(text: str) -> timedelta:
    """Return a length such as `30s`, `24h` or `PT24H`; raises ValueError saying what is allowed."""
    simple = _SIMPLE.fullmatch(text)
    if simple is not None:
        return float(simple[1]) * _UNITS[simple[2]]
    iso = _ISO.fullmatch(text)
    if iso is not None and any(iso.groups()) and not text.endswith("T"):
        units = (_UNITS["w"], _UNITS["d"], _UNITS["h"], _UNITS["m"], _UNITS["s"])
        parts = (float(n or 0) * unit for n, unit in zip(iso.groups(), units, strict=True))
        return sum(parts, timedelta())
    raise ValueError(f"{text!r} is no duration; write 500ms, 30s, 10m, 24h, 5d, 2w or PT24H")


def read_instant(text: str) -> datetime:
    """Return an ISO 8601 instant, in any form of RFC 3339 too; raises ValueError otherwise.

    RFC 3339 allows `t` and `z` in lower case, and a leap second: here its last moment before it.
    """
    return datetime.fromisoformat(_LEAP_SECOND.sub(r"\1:59.999999", text.upper()))


def in_utc(at: datetime) -> datetime:
    """Return an instant in UTC; raises ValueError where that is in no year from 1 to 9999."""
    try:
        return at.astimezone(UTC)
    except OverflowError:
        # A database would take it, and nobody could read that row again.
        raise ValueError(f"{at.isoformat()} is outside the years 1 to 9999 in UTC") from None


def parse_instant(text: str) -> datetime:
    """Return an ISO 8601 instant with zone, in UTC; raises ValueError otherwise."""
    try:
        instant = read_instant(text)
    except ValueError:
        raise ValueError(f"{text!r} is no instant; write 2026-11-24T10:00:00Z") from None
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} has no zone; add Z or an offset such as +01:00")
    return in_utc(instant)


def length_text(length: timedelta) -> str:
    """Return a length as definitions write it, in the largest unit that fits without rest."""
    for name in ("d", "h", "m", "s"):
        if length and not length % _UNITS[name]:
            return f"{length // _UNITS[name]}{name}"
    return f"{length / _UNITS['ms']:g}ms"


def parse_end(text: str, now: datetime) -> datetime:
    """Return the instant at which something that begins now ends; raises ValueError.

    One before the epoch counts as the epoch: no timer is due earlier.
    """
    end = parse_instant(text)
    if end - now > LONGEST:
        raise ValueError(f"{text!r} is more than the {LONGEST.days} days away that are allowed")
    return max(end, EPOCH)
