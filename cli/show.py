"""How commands print: tables on a terminal, JSON on request, plain columns elsewhere."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from shutil import get_terminal_size
from typing import Any, Protocol, TypeVar

from cli.printing import write, write_exactly
from config.visible import one_line

T = TypeVar("T")
Rows = Sequence[Mapping[str, Any]]
NARROW = 120
"""On a narrower terminal only the essential columns of a list are shown."""
WHOLE = ("execution", "request", "wait", "status", "v", "id")
"""Columns whose cells are never broken: they are copied into the next command, or short."""


class Page(Protocol):
    """Some rows of a list, and where the next ones begin."""

    @property
    def items(self) -> Rows:
        """The rows."""

    @property
    def next_cursor(self) -> str | None:
        """Where the next ones begin."""


def text_of(value: object) -> str:
    """Return a value as it stands in a cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list):
        return ", ".join(map(text_of, value))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def cell_of(value: object) -> str:
    """Return a value as the cell of a list: one line, which ends no cell and moves nothing."""
    return one_line(text_of(value))


def print_json(value: object) -> None:
    """Print a value as JSON."""
    write_exactly(json.dumps(value, ensure_ascii=False, indent=2, default=_plain) + "\n")


def print_json_line(value: object) -> None:
    """Print a value as JSON on a line of its own."""
    write_exactly(json.dumps(value, ensure_ascii=False, default=_plain) + "\n")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def columns_that_fit(columns: Mapping[str, str], essential: Sequence[str]) -> dict[str, str]:
    """Return the columns for which the terminal is wide enough; all where there is none."""
    if not sys.stdout.isatty() or get_terminal_size().columns >= NARROW:
        return dict(columns)
    return {name: columns[name] for name in essential}


def print_rows(rows: Rows, columns: Mapping[str, str], empty: str) -> None:
    """Print rows: a table on a terminal, tab-separated columns elsewhere."""
    if not sys.stdout.isatty():
        for row in rows:
            write("\t".join(cell_of(row.get(name)) for name in columns) + "\n")
        return
    from rich.console import Console

    Console().print(table_of(rows, columns, empty))


def table_of(rows: Rows, columns: Mapping[str, str], empty: str) -> Any:
    """Return rows as rich draws them."""
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return Text(empty)
    table = Table(box=None, header_style="bold")
    for title in columns.values():
        table.add_column(title, overflow="fold", no_wrap=title in WHOLE)
    for row in rows:
        # As text: what stands in data is no markup.
        table.add_row(*(Text(cell_of(row.get(name))) for name in columns))
    return table


def print_page(page: Page, columns: Mapping[str, str], empty: str, *, as_json: bool) -> None:
    """Print a page of a list, and on a terminal how to see more."""
    if as_json:
        print_json({"items": page.items, "next_cursor": page.next_cursor})
        return
    print_rows(page.items, columns, empty)
    if page.next_cursor is not None and sys.stdout.isatty():
        write(f"\nthere are more: repeat it with --cursor {page.next_cursor}\n")


def tracked(items: Sequence[T], what: str) -> Iterator[T]:
    """Yield items, with a bar on standard error where somebody watches."""
    if len(items) < 2 or not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    yield from track(items, what, console=Console(stderr=True), transient=True)


def print_fields(row: Mapping[str, Any]) -> None:
    """Print one thing, a field per line."""
    width = max(map(len, row), default=0)
    for name, value in row.items():
        # Its further lines stand below the first: none of them passes for a field.
        first, *more = text_of(value).split("\n")
        write(f"{name:<{width}}  {first}\n" + "".join(f"{'':<{width}}  {line}\n" for line in more))
