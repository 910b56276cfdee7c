"""What options give: JSON objects, and instants."""

import json
import sys
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

from cli.errors import USAGE, fail


def read_data(text: str, option: str = "--data") -> dict[str, Any]:
    """Return a JSON object given as text, as `@file`, or as `-` for standard input."""
    if text == "-":
        text = sys.stdin.read()
    elif text.startswith("@"):
        path = Path(text[1:])
        if not path.is_file():
            fail(f"{option}: {path} is no file", USAGE)
        text = path.read_text("utf-8")
    try:
        value = json.loads(text, parse_constant=_refuse_number, parse_float=_read_float)
    except ValueError as problem:
        fail(f"{option} is no JSON: {problem}", USAGE)
    if not isinstance(value, dict):
        fail(f"{option} must be a JSON object: {{...}}", USAGE)
    return value


def _refuse_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def _read_float(text: str) -> float:
    # What is beyond the range of a float would be written as null.
    number = float(text)
    return number if isfinite(number) else _refuse_number(text)


def read_instant(text: str | None, option: str) -> datetime | None:
    """Return an ISO 8601 instant; one without zone is local time."""
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        fail(f"{option} is no instant such as 2026-12-24T18:00:00+01:00", USAGE)


def read_past(text: str | None, option: str) -> datetime | None:
    """Return an instant, given as such or as a length of time ago (2h, 5d)."""
    from engine.durations import parse_duration

    try:
        return datetime.now(UTC) - parse_duration(text) if text else None
    except (ValueError, OverflowError):
        return read_instant(text, option)
