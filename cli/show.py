"""How commands print: tables on a terminal, JSON on request, plain columns elsewhere."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

Rows = Sequence[Mapping[str, Any]]


def text_of(value: object) -> str:
    """Return a value as it stands in a cell."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)


def print_json(value: object) -> None:
    """Print a value as JSON."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2, default=_plain) + "\n")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value)


def print_rows(rows: Rows, columns: Mapping[str, str], empty: str) -> None:
    """Print rows: a table on a terminal, tab-separated columns elsewhere."""
    if not sys.stdout.isatty():
        for row in rows:
            sys.stdout.write("\t".join(text_of(row.get(name)) for name in columns) + "\n")
        return
    from rich.console import Console
    from rich.table import Table

    if not rows:
        Console().print(empty)
        return
    table = Table(box=None, header_style="bold")
    for title in columns.values():
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(text_of(row.get(name)) for name in columns))
    Console().print(table)


def print_fields(row: Mapping[str, Any]) -> None:
    """Print one thing, a field per line."""
    width = max(map(len, row), default=0)
    for name, value in row.items():
        sys.stdout.write(f"{name:<{width}}  {text_of(value)}\n")
