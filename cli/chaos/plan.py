"""Which faults happen, in what order and for how long: the same for the same seed."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

Kind = Literal[
    "kill",
    "pause",
    "terminate",
    "clock_shift",
    "postgres_restart",
    "postgres_latency",
    "postgres_stall",
    "postgres_reset",
    "postgres_lost_commit",
    "broker_restart",
    "broker_latency",
    "broker_stall",
    "broker_reset",
    "broker_cut",
    "redis_kill",
    "redis_hang",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
SHARES: dict[Kind, int] = {"kill": 6, "pause": 2, "terminate": 2}
"""How often a kind comes while the others come once."""
HOLDS: dict[Kind, tuple[float, float]] = {
    "pause": (3.0, 9.0),
    "postgres_latency": (2.0, 4.0),
    "postgres_stall": (2.0, 6.0),
    "postgres_lost_commit": (1.0, 2.0),
    "broker_latency": (2.0, 4.0),
    "broker_stall": (2.0, 6.0),
    "broker_cut": (1.0, 4.0),
    "redis_hang": (2.0, 4.0),
}
"""How many seconds a fault lasts; the others are over at once."""
CALM = (1.0, 4.0)
"""Seconds between the end of a fault and the next."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong."""

    kind: Kind
    victim: int
    """Which worker, where it is one."""
    seconds: float
    calm_seconds: float
    chance: float
    """Between 0 and 1: how slow, how far off, applied or not."""


def plan_faults(seed: int, count: int, kinds: Sequence[Kind], workers: int) -> list[Fault]:
    """Return the faults of a run; every kind comes before one comes again as often as its share."""
    dice = random.Random(f"faults {seed}")  # noqa: S311  (a plan, no secret)
    order: list[Kind] = []
    while len(order) < count:
        deck = [kind for kind in kinds for _ in range(SHARES.get(kind, 1))]
        dice.shuffle(deck)
        order += deck
    return [_fault(dice, kind, workers) for kind in order[:count]]


def _fault(dice: random.Random, kind: Kind, workers: int) -> Fault:
    return Fault(
        kind,
        dice.randrange(workers),
        round(dice.uniform(*HOLDS.get(kind, (0.0, 0.0))), 2),
        round(dice.uniform(*CALM), 2),
        round(dice.random(), 3),
    )
