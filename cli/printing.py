"""Where the text of commands goes out: nothing in it steers the terminal of who reads it."""

import os
import sys
from collections.abc import Iterable
from threading import Event

from config.visible import one_line, visible

_left = Event()
"""Set once nobody reads standard output any more."""


def write(text: str) -> None:
    """Print text of one line or several, its control characters written out."""
    write_exactly(visible(text))


def write_line(line: str) -> None:
    """Print one line, whatever stands in it."""
    write_lines((line,))


def write_lines(lines: Iterable[str]) -> None:
    """Print lines; what stands in one of them begins no other."""
    write_exactly("".join(f"{one_line(line)}\n" for line in lines))


def write_document(text: str) -> None:
    """Print a document: exactly where it is piped or kept, without controls at a terminal."""
    (write if sys.stdout.isatty() else write_exactly)(text)


def write_exactly(text: str) -> None:
    """Print text as it is, such as JSON; where nobody reads any more it is dropped."""
    try:
        sys.stdout.write(text)
    except BrokenPipeError:
        _write_nowhere()


def complain(text: str) -> None:
    """Print text on standard error, its control characters written out."""
    sys.stderr.write(visible(text))


def flush() -> None:
    """Hand on what was printed."""
    # A process that was started without standard output has none.
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _write_nowhere()


def flush_or_leave() -> None:
    """Hand on what was printed; end the command if its reader has left."""
    flush()
    if _left.is_set():
        raise SystemExit(0)


def has_no_reader() -> bool:
    """Tell whether Click met a reader of a help who has left: it replaces the output then."""
    return type(sys.stdout).__name__ == "PacifyFlushWrapper"


def _write_nowhere() -> None:
    """Drop what is printed from now on: a reader such as `head` that has enough is no failure."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    _left.set()
