"""When each step began and ended, as bars; waits dwarf steps, so the axis can be logarithmic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import log1p
from typing import Any

WIDTH = 1_000.0
NARROWEST = 3.0
"""A bar never vanishes."""
FINEST_SECONDS = 0.01
"""Where the logarithmic axis begins to be one."""
HOLDING = frozenset({"approval", "wait", "block"})


@dataclass(frozen=True, slots=True)
class Bar:
    """One attempt of a step, from where to where on an axis of 1000."""

    step_path: str
    attempt: int
    status: str
    x: float
    width: float
    is_wait: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class Timeline:
    """The bars, and how long the axis is."""

    bars: tuple[Bar, ...]
    seconds: float
    logarithmic: bool


def timeline_of(
    steps: Sequence[Mapping[str, Any]], begin: datetime, end: datetime, *, logarithmic: bool
) -> Timeline:
    """Return the bars of steps between two instants."""
    total = max((end - begin).total_seconds(), FINEST_SECONDS)

    def place(at: datetime) -> float:
        seconds = min(max((at - begin).total_seconds(), 0.0), total)
        if logarithmic:
            return WIDTH * log1p(seconds / FINEST_SECONDS) / log1p(total / FINEST_SECONDS)
        return WIDTH * seconds / total

    bars = tuple(_bar(step, place, end) for step in steps)
    return Timeline(bars, total, logarithmic)


def _bar(step: Mapping[str, Any], place: Any, end: datetime) -> Bar:
    begun, over = step["started_at"], step["completed_at"] or end
    x, until = place(begun), place(max(over, begun))
    width = max(until - x, NARROWEST)
    seconds = max((over - begun).total_seconds(), 0.0)
    # What waits rather than works: its row stays open while nobody computes anything.
    held = step["step_type"] in HOLDING and seconds > FINEST_SECONDS * 5
    return Bar(
        step["step_path"],
        step["attempt"],
        step["status"],
        round(min(x, WIDTH - width), 1),
        round(width, 1),
        step["status"] == "waiting" or held,
        seconds,
    )
