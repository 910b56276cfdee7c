"""What the load does with each execution: the same for the same seed."""

import random
from dataclasses import dataclass
from typing import Literal

Plan = Literal["plain", "nap", "signal", "brief", "unheard", "call"]
Answer = Literal["once", "twice", "again", "contradicted", "early"]
PLANS: dict[Plan, float] = {
    "plain": 0.58, "nap": 0.10, "signal": 0.08, "brief": 0.05, "unheard": 0.02, "call": 0.17
}  # fmt: skip
ANSWERS: dict[Answer, float] = {
    "once": 0.80, "twice": 0.05, "again": 0.05, "contradicted": 0.05, "early": 0.05
}  # fmt: skip
"""Decided once; the same decision twice; another like it; another against it; before the pause."""
POISONED, PUBLISHED_TWICE = 0.01, 0.01
POISONS: tuple[tuple[Literal["events", "decisions"], bytes], ...] = (
    ("events", b"{nonsense"),
    ("events", b"\xff\xfe\x00"),
    ("events", b"[1, 2]"),
    ("events", b'{"n": "\\u0000", "plan": "plain"}'),
    ("events", b'{"plan": "plain"}'),
    ("events", b"[" * 5_000),
    ("events", b'{"n": "' + b"x" * 300_000 + b'"}'),
    ("decisions", b"{nonsense"),
    ("decisions", b'{"outcome": "approved"}'),
    ("decisions", b'{"request_id": 7, "outcome": "approved", "decided_by": "x", "kind": "y"}'),
)
"""Records that nobody can use; each must become a dead letter, and nothing else."""


@dataclass(frozen=True, slots=True)
class Case:
    """One execution of the load."""

    number: int
    plan: Plan
    answer: Answer
    outcome: Literal["approved", "rejected"]
    published_twice: bool
    poison: int | None
    """Which poison goes with it."""
    chance: float
    """Between 0 and 1: when a brief request is decided, when a signal comes."""


def case_of(seed: int, number: int, *, with_calls: bool) -> Case:
    """Return what the load does with one execution."""
    dice = random.Random(f"case {seed} {number}")  # noqa: S311  (a plan, no secret)
    plan = dice.choices(list(PLANS), list(PLANS.values()))[0]
    answer = dice.choices(list(ANSWERS), list(ANSWERS.values()))[0]
    outcome: Literal["approved", "rejected"] = "approved" if dice.random() < 0.8 else "rejected"
    twice, poisoned = dice.random() < PUBLISHED_TWICE, dice.random() < POISONED
    poison = dice.randrange(len(POISONS)) if poisoned else None
    if plan == "call" and not with_calls:
        plan = "plain"
    return Case(number, plan, answer, outcome, twice, poison, dice.random())
