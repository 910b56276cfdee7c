"""Places where a test may let this process fail; free while none is armed (reliability.md).

`FAILPOINT=name:probability:act[:seconds],...` arms them; the acts are exit, raise, sleep and stop.
"""

import logging
import os
import random
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast, get_args

from config.errors import ConfigError

Act = Literal["exit", "raise", "sleep", "stop"]
POINTS = frozenset(
    {
        "assign.before_seek",
        "batch.after_cas",
        "batch.mid",
        "batch.before_commit",
        "batch.after_commit",
        "batch.before_ack",
        "revoke",
        "relay.before_produce",
        "relay.after_flush",
        "effect.after_claim",
        "effect.after_call",
        "timer.after_claim",
        "resume.after_guard",
        "migrate.mid",
    }
)
ACTS = get_args(Act)
EXIT_CODE = 70
SLEEP_SECONDS = 1.0

log = logging.getLogger("sluicegate.failpoints")


class FailpointRaised(Exception):
    """What a failpoint that raises lets the code around it see: an exception nobody foresaw."""


@dataclass(frozen=True, slots=True)
class Failpoint:
    """One armed place: how likely it acts, and how."""

    name: str
    probability: float
    act: Act
    seconds: float = SLEEP_SECONDS


_armed: dict[str, Failpoint] = {}


def parse_failpoints(text: str) -> Mapping[str, Failpoint]:
    """Return the failpoints of a text by name; raises ConfigError naming what is wrong."""
    parts = (part.strip() for part in text.split(","))
    found = [_parse(part) for part in parts if part]
    return {point.name: point for point in found}


def _parse(text: str) -> Failpoint:
    name, *rest = text.split(":")
    if name not in POINTS:
        raise ConfigError(
            f"FAILPOINT: {name!r} is no failpoint; choose {', '.join(sorted(POINTS))}"
        )
    try:
        probability, act = float(rest[0]), rest[1]
        seconds = float(rest[2]) if len(rest) > 2 else SLEEP_SECONDS
    except (IndexError, ValueError):
        raise ConfigError(f"FAILPOINT: write {text!r} as name:probability:act[:seconds]") from None
    if act not in ACTS or not 0 <= probability <= 1:
        allowed = ", ".join(ACTS)
        raise ConfigError(f"FAILPOINT: {text!r} needs a probability of 0 to 1 and one of {allowed}")
    return Failpoint(name, probability, cast(Act, act), seconds)


def arm(text: str | None) -> None:
    """Arm exactly the failpoints of a text; none for an empty one."""
    _armed.clear()
    _armed.update(parse_failpoints(text or ""))
    for point in _armed.values():
        log.warning("the failpoint %s is armed: %s at %g", point.name, point.act, point.probability)


def reach(name: str) -> None:
    """Act if this place is armed."""
    if _armed and (point := _armed.get(name)) is not None:
        _act(point)


def _act(point: Failpoint) -> None:
    if random.random() >= point.probability:  # noqa: S311  (chance of a fault)
        return
    log.error("the failpoint %s acts: %s", point.name, point.act)
    match point.act:
        case "exit":
            os._exit(EXIT_CODE)
        case "raise":
            raise FailpointRaised(point.name)
        case "sleep":
            # The whole loop stalls, as it does when a machine swaps.
            time.sleep(point.seconds)
        case "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
