"""When a worker looks again at what it opened, for events that came before or at the same time."""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

AGES = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Seconds from an opening to each look at it.

An event whose transaction found no wait may commit after the wait did. It is met at twice its delay
at most; by the last look it has ended: limits of 10 s and 2 s stand on its statements and locks
(storage/store.py).
"""


@dataclass(frozen=True, slots=True)
class Opened:
    """What one transaction opened: event waits by their rows, watches by their executions."""

    waits: Sequence[str]
    executions: Sequence[str]
    at: float


class Looks:
    """What is to be looked at, by the age at which it is; counted by time, however busy we are."""

    def __init__(self) -> None:
        self._queue: list[tuple[float, int, Opened]] = []
        self._number = 0

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, opened: Opened) -> None:
        """Look at this at all ages."""
        self._push(opened.at + AGES[0], opened)

    def take_due(self, now: float) -> list[Opened]:
        """Return what is to be looked at now; each once, though several of its looks be due."""
        due: list[Opened] = []
        while self._queue and self._queue[0][0] <= now:
            due.append(heappop(self._queue)[2])
        for opened in due:
            later = [opened.at + age for age in AGES if opened.at + age > now]
            if later:
                self._push(later[0], opened)
        return due

    def _push(self, at: float, opened: Opened) -> None:
        self._number += 1
        heappush(self._queue, (at, self._number, opened))
