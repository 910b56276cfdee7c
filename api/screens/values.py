"""Any JSON as rows of a table that people can read; what is left out says so."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from api.screens.wording import MAX_TEXT, hides, visible

MAX_ROWS = 150
MAX_DEPTH = 6
MAX_ITEMS = 20
MAX_COLUMNS = 7
SECRET_NAMES = ("password", "passwd", "secret", "token", "authorization", "api_key", "apikey")
MASK = "***"
_MEMBER = re.compile(r"""("((?:[^"\\]|\\.)*)"\s*:\s*)("(?:[^"\\]|\\.)*"?|[^\s",{}\[\]]+)""")
"""A member of an object whose value is no object and no list."""


@dataclass(frozen=True, slots=True)
class Item:
    """One row: a name, its depth, and a text; a group has rows of its own below it."""

    name: str
    depth: int
    text: str = ""
    kind: str = "text"
    note: str = ""
    """What is not shown of it."""
    columns: tuple[str, ...] = ()
    cells: tuple[tuple[str, ...], ...] = ()
    """Of a table inside the table: a list of like objects."""


def rows_of(value: object) -> list[Item]:
    """Return a value as rows; the last one tells how many are left out."""
    found: list[Item] = []
    more = 0
    for item in _walk(value, 0):
        if len(found) < MAX_ROWS:
            found.append(item)
        else:
            more += 1
            if more > 10_000:
                break
    if more:
        number = "more than 10,000" if more > 10_000 else f"{more:,}"
        found.append(Item("…", 0, kind="cut", note=f"{number} further rows are not shown"))
    return found


def _walk(value: object, depth: int) -> Iterator[Item]:
    if isinstance(value, Mapping):
        for name, inner in sorted(value.items(), key=_plain_first):
            yield from _entry(visible(name), inner, depth)
    elif isinstance(value, list):
        for number, inner in enumerate(value[:MAX_ITEMS], 1):
            yield from _entry(f"{number}.", inner, depth)
        if len(value) > MAX_ITEMS:
            left = f"{len(value) - MAX_ITEMS:,} of {len(value):,} entries are not shown"
            yield Item("…", depth, kind="cut", note=left)
    else:
        yield _leaf("", value, depth)


def _entry(name: str, value: object, depth: int) -> Iterator[Item]:
    if isinstance(value, list) and value and all(_is_short(inner) for inner in value):
        joined = ", ".join(_plain(inner) for inner in value[:MAX_ITEMS])
        left = len(value) - MAX_ITEMS
        note = f"{left:,} of {len(value):,} entries are not shown" if left > 0 else ""
        yield _leaf(name, joined, depth, note)
    elif isinstance(value, list) and (columns := _columns(value)):
        yield _table(name, value, columns, depth)
    elif isinstance(value, Mapping | list) and value:
        if depth >= MAX_DEPTH:
            yield Item(name, depth, kind="cut", note="nested too deeply to be shown here")
            return
        yield Item(name, depth, kind="group")
        yield from _walk(value, depth + 1)
    else:
        yield _leaf(name, value, depth)


def _plain_first(entry: tuple[str, object]) -> tuple[bool, str]:
    """Order names: the database does not keep the order in which they were written."""
    name, value = entry
    return isinstance(value, Mapping | list) and bool(value), str(name)


def _columns(value: list[object]) -> tuple[str, ...]:
    """Return the columns of a list of small, flat objects; none for any other list."""
    names: dict[str, None] = {}
    for row in value:
        if not isinstance(row, Mapping) or not all(map(_is_short, row.values())):
            return ()
        names |= dict.fromkeys(map(str, row))
    return tuple(sorted(names)) if len(names) <= MAX_COLUMNS else ()


def _table(name: str, value: list[Any], columns: tuple[str, ...], depth: int) -> Item:
    cells = tuple(
        tuple(visible(_plain(row[column])) if column in row else "" for column in columns)
        for row in value[:MAX_ITEMS]
    )
    left = len(value) - MAX_ITEMS
    note = f"{left:,} of {len(value):,} entries are not shown" if left > 0 else ""
    return Item(name, depth, "", "table", note, tuple(map(visible, columns)), cells)


def _is_short(value: object) -> bool:
    return not isinstance(value, Mapping | list) and len(_plain(value)) <= 60


def _plain(value: object) -> str:
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case Mapping() | list():
            return "empty"
        case float() if value.is_integer():
            return f"{value:.0f}"
        case _:
            return str(value)


def _leaf(name: str, value: object, depth: int, note: str = "") -> Item:
    text = _plain(value)
    notes = [note] if note else []
    if len(text) > MAX_TEXT:
        notes.append(f"cut: {MAX_TEXT:,} of {len(text):,} characters are shown")
        text = text[:MAX_TEXT]
    if hides(text):
        notes.append("holds characters that would show nothing; they stand by their numbers")
    number = isinstance(value, int | float) and not isinstance(value, bool)
    faint = value is None or (isinstance(value, Mapping | list) and not value)
    kind = "number" if number else "faint" if faint else "text"
    return Item(name, depth, visible(text), kind, "; ".join(notes))


def masked(value: Any) -> Any:
    """Return a value without what stands under names of secrets."""
    if isinstance(value, Mapping):
        return {
            name: MASK if is_secret(name) and inner not in (None, "") else masked(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [masked(inner) for inner in value]
    return value


def masked_text(text: str) -> str:
    """Return a text that holds JSON, perhaps cut, without what stands under names of secrets."""
    try:
        value = json.loads(text)
        hidden = masked(value)
    except (ValueError, RecursionError):
        return _MEMBER.sub(lambda m: f'{m[1]}"{MASK}"' if is_secret(m[2]) else m[0], text)
    return text if hidden == value else json.dumps(hidden, ensure_ascii=False, indent=2)


def is_secret(name: object) -> bool:
    """Tell whether what stands under a name is not shown."""
    text = str(name).lower().replace("-", "_")
    return any(secret in text for secret in SECRET_NAMES)
