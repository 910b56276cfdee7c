"""How values read on a page: instants, lengths of time, texts that hide nothing."""

import json
import re
from datetime import datetime
from math import isfinite

UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
MAX_TEXT = 1_000
"""Longest text shown in a table; what is longer is cut, and says so."""
_HIDDEN = (
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e"
    "\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Characters that show nothing, or turn the order of what is shown around them."""
_SIGN = (
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u24c2\u25a0-\u27bf\u2934\u2935"
    "\u2b00-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff]"
)
_ONE = f"{_SIGN}(?:[\ufe0e\ufe0f]|[\U0001f3fb-\U0001f3ff])?"
_FLAGS = "|".join(
    "".join(chr(0xE0000 + ord(c)) for c in land) for land in ("gbeng", "gbsct", "gbwls")
)
_EMOJI = f"\U0001f3f4(?:{_FLAGS})\U000e007f|[0-9#*]\ufe0f\u20e3|{_ONE}(?:\u200d{_ONE})*"
"""Emoji with their own selectors, joiners and tags, which show what they belong to."""
_ARABIC = "[\u0620-\u064a\u066e-\u06d3\u06fa-\u06ff\u0750-\u077f\u08a0-\u08c9]"
_VIRAMA = "[\u094d\u09cd\u0a4d\u0acd\u0b4d\u0bcd\u0c4d\u0ccd\u0d4d\u0dca\u0f84\u1039\u17d2\u1a60]"
_JOINER = (
    f"(?<={_ARABIC})\u200c(?={_ARABIC})|(?<={_VIRAMA})[\u200c\u200d]|[\u200c\u200d](?={_VIRAMA})"
)
"""Joiners where writing needs them (RFC 5892, A.1 and A.2): in Persian and in Indic words."""
_SHOWN = re.compile(f"(?P<needed>{_EMOJI}|{_JOINER})|{_HIDDEN}")


def length(seconds: float) -> str:
    """Return a length of time in its two largest units: `2 d 3 h`."""
    if not isfinite(seconds):
        return "for ever"
    left = abs(seconds)
    if left < 1:
        return f"{left * 1000:.0f} ms"
    if left < 60:
        return f"{left:.1f} s" if left < 10 else f"{left:.0f} s"
    number = next(n for n, (size, _) in enumerate(UNITS) if left >= size)
    size, unit = UNITS[number]
    text = f"{int(left // size)} {unit}"
    if number + 1 < len(UNITS) - 1 or unit == "min":
        smaller, name = UNITS[number + 1]
        rest = int(left % size // smaller)
        text += f" {rest} {name}" if rest and left < size * 10 else ""
    return text


def milliseconds(value: float | None) -> str:
    """Return a length given in milliseconds."""
    return "" if value is None else length(float(value) / 1000)


def ago(at: datetime | None, now: datetime) -> str:
    """Return how long ago, or how far ahead, an instant is."""
    if at is None:
        return "never"
    seconds = (now - at).total_seconds()
    if abs(seconds) < 1:
        return "just now"
    text = length(round(seconds))
    return f"{text} ago" if seconds > 0 else f"in {text}"


def instant(at: datetime | None) -> str:
    """Return an instant to the second, in UTC."""
    return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S} UTC"


def visible(value: object) -> str:
    """Return a text in which characters that would show nothing stand by their numbers."""
    return _SHOWN.sub(_number_of, str(value))


def _number_of(found: re.Match[str]) -> str:
    return found["needed"] or f"[U+{ord(found[0]):04X}]"


def hides(value: object) -> bool:
    """Tell whether a text holds characters that would show nothing."""
    return any(found["needed"] is None for found in _SHOWN.finditer(str(value)))


def titled(value: object) -> str:
    """Return the title of a request; words that can be clicked where it shows none."""
    return visible(value if value is not None else "").strip() or "Untitled request"


def as_json(value: object) -> str:
    """Return a value as indented JSON."""
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=False, default=str)


def counted(number: int, most: int) -> str:
    """Return a number that was counted up to a limit."""
    return f"{most:,}+" if number > most else f"{number:,}"


def size_of(number: int) -> str:
    """Return a number of bytes."""
    return f"{number:,} bytes" if number < 10_000 else f"{number / 1024:,.0f} KiB"


def said(outcome: str) -> str:
    """Return an outcome's name as a button shows it: the verb where there is one."""
    verbs = {"approved": "Approve", "rejected": "Reject"}
    return verbs.get(outcome) or outcome.replace("_", " ").capitalize()
