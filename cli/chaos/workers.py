"""The workers of a run: started again when they end, whoever ended them."""

import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from devstack.processes import end, spawn

STOP_SECONDS = 20.0
GRACE_SECONDS = 30.0
"""How long a worker may take to end, as under Kubernetes."""
FAKETIME = ("usr/lib/*/faketime", "usr/lib*/faketime", "usr/local/lib/faketime")
TOLD = {
    "fences": re.compile(rb"fenced at offset|owned by another worker"),
    "gaps": re.compile(rb"hold no records"),
    "repeated transactions": re.compile(rb"trying again"),
    "effects taken over": re.compile(rb"taking over effect"),
}
"""What the workers' logs tell of, by how it reads there."""


def find_faketime() -> Path | None:
    """Return the library that shifts a program's clock, where it is installed."""
    found = [path for place in FAKETIME for path in Path("/").glob(f"{place}/libfaketimeMT.so.1")]
    return found[0] if found else None


@dataclass(slots=True)
class _Slot:
    process: subprocess.Popen[bytes]
    stopped: bool = False
    asked_at: float | None = None
    """When it was asked to end."""


@dataclass(slots=True)
class Workers:
    """Some workers of one deployment; call everything from the main thread."""

    env: Mapping[str, str]
    folder: Path
    slots: list[_Slot] = field(default_factory=list)
    exits: Counter[int] = field(default_factory=Counter)
    """Exit codes; negative ones are signals."""
    unstopped: int = 0
    """How many did not end though they were asked to, and were killed."""
    shifts: dict[int, float] = field(default_factory=dict)
    """By how many seconds the clock of a worker's next process is off."""

    def start(self, count: int) -> None:
        """Start them."""
        for number in range(count):
            self.slots.append(_Slot(self._spawn(number)))

    def _spawn(self, number: int) -> subprocess.Popen[bytes]:
        env = dict(self.env)
        shift, library = self.shifts.pop(number, None), find_faketime()
        if shift is not None and library is not None:
            env |= {
                "LD_PRELOAD": str(library),
                "FAKETIME": f"{shift:+.0f}s",
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "DONT_FAKE_MONOTONIC": "1",
            }
        argv = (sys.executable, "-m", "cli", "worker")
        return spawn(argv, self.folder / f"worker-{number}.log", env=env)

    def tend(self) -> None:
        """Start again what has ended."""
        for number, slot in enumerate(self.slots):
            code = slot.process.poll()
            if slot.asked_at is not None and time.monotonic() - slot.asked_at > GRACE_SECONDS:
                self.unstopped += code is None
                slot.asked_at = None
                slot.process.kill()
            elif code is not None:
                self.exits[code] += 1
                self.slots[number] = _Slot(self._spawn(number))

    def is_up(self, number: int) -> bool:
        """Tell whether a worker runs."""
        return self.slots[number].process.poll() is None

    def send(self, number: int, what: signal.Signals) -> None:
        """Send a signal to a worker."""
        slot = self.slots[number]
        slot.process.send_signal(what)
        slot.stopped = what is signal.SIGSTOP
        if what is signal.SIGTERM:
            slot.asked_at = time.monotonic()

    def kill(self, number: int) -> bool:
        """Kill a worker; tell whether it died of that."""
        self.send(number, signal.SIGKILL)
        return self.slots[number].process.wait(STOP_SECONDS) == -signal.SIGKILL

    def shift(self, number: int, seconds: float) -> bool:
        """End a worker, so that its next process has a clock that is off."""
        self.shifts[number] = seconds
        return self.kill(number)

    def stop(self) -> list[int]:
        """Stop all in order; return their exit codes."""
        for slot in self.slots:
            if slot.stopped:
                slot.process.send_signal(signal.SIGCONT)
            if slot.process.poll() is None:
                slot.process.send_signal(signal.SIGTERM)
        codes = [end(slot.process, signal.SIGTERM, STOP_SECONDS) for slot in self.slots]
        self.slots.clear()
        return codes

    def told(self) -> dict[str, int]:
        """Count what the logs tell of."""
        counts = dict.fromkeys(TOLD, 0)
        for log in self.folder.glob("worker-*.log"):
            for line in log.read_bytes().splitlines():
                for name, pattern in TOLD.items():
                    counts[name] += pattern.search(line) is not None
        return counts
