"""Any JSON as lines that people can read at a terminal; what is left out says so."""

from collections.abc import Iterator

from api.screens.values import Item, masked, rows_of
from config.visible import one_line


def lines_of(value: object) -> list[str]:
    """Return a value as lines, a member each, without what stands under names of secrets."""
    rows = rows_of(masked(value))
    width = max((len(row.name) + 2 * row.depth for row in rows if row.kind == "text"), default=0)
    return [one_line(line) for row in rows for line in _lines(row, min(width, 30))]


def _lines(row: Item, width: int) -> Iterator[str]:
    name = f"{'  ' * row.depth}{row.name}"
    note = f"[{row.note}]" if row.note else ""
    if row.kind == "group":
        yield name
    elif row.kind == "table":
        yield name
        for cells in row.cells:
            told = (f"{column}: {text}" for column, text in zip(row.columns, cells, strict=True))
            yield f"{'  ' * (row.depth + 1)}- {', '.join(told)}"
        if note:
            yield f"{'  ' * (row.depth + 1)}{note}"
    else:
        first, *more = row.text.split("\n")
        yield f"{name:<{width}}  {first}" + (f" {note}" if note and not more else "")
        yield from (f"{'':<{width}}  {line}" for line in more)
        if note and more:
            yield f"{'':<{width}}  {note}"
