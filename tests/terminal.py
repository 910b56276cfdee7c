"""Commands as somebody at a terminal sees them."""

import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.world import ROOT

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


@dataclass(frozen=True, slots=True)
class Printed:
    """What a terminal showed, and how the command ended."""

    raw: str
    returncode: int

    @property
    def text(self) -> str:
        """What it showed, without colours and movements."""
        return CONTROL.sub("", self.raw)

    @property
    def coloured(self) -> bool:
        """Whether there were colours or bold letters."""
        return COLOUR.search(self.raw) is not None


def at_a_terminal(
    arguments: Sequence[str], env: Mapping[str, str], *, columns: int = 160, typed: str = ""
) -> Printed:
    """Run the command line at a terminal so many columns wide."""
    main, end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", *arguments],
        env={**env, "COLUMNS": str(columns), "TERM": "xterm"},
        cwd=ROOT,
        stdin=end,
        stdout=end,
        stderr=end,
    )
    os.close(end)
    if typed:
        os.write(main, typed.encode())
    shown = b""
    try:
        while True:
            read = os.read(main, 65536)
            if not read:
                break
            shown += read
    except OSError:
        pass  # The other end is closed: Linux says so by an error.
    finally:
        os.close(main)
    return Printed(shown.decode(), process.wait(30))


def interrupted_once_it_shows(
    words: str, arguments: Sequence[str], env: Mapping[str, str], *, columns: int = 160
) -> Printed:
    """Run the command line at a terminal, and press Ctrl-C once it has shown some words."""
    main, end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "cli", *arguments],
        env={**env, "COLUMNS": str(columns), "LINES": "400", "TERM": "xterm"},
        cwd=ROOT,
        stdin=end,
        stdout=end,
        stderr=end,
    )
    os.close(end)
    shown, pressed = b"", False
    try:
        while read := os.read(main, 65536):
            shown += read
            if not pressed and words.encode() in shown:
                pressed = True
                process.send_signal(signal.SIGINT)
    except OSError:
        pass  # The other end is closed: Linux says so by an error.
    finally:
        os.close(main)
    return Printed(shown.decode(), process.wait(30))
