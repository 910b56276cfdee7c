"""A peer's program: one JSON request a line in, one JSON answer a line out (standard library only).

It runs in the peer's own environment, in two roles: `work` is what is measured, `drive` is the load
generator, which hands events and decisions over and counts what has become of them.
"""

import asyncio
import json
import random
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from bench.workload import an_event

SAMPLE_PAUSE = 0.02
POLL = 0.0005

Event = tuple[str, dict[str, Any]]


class Load(Protocol):
    """The load generator's side of a peer."""

    async def prepare(self) -> None:
        """Make the schema and what else is made once; no worker runs yet."""

    async def connect(self) -> None:
        """Open what is used from then on."""

    async def load(self, events: list[Event]) -> None:
        """Hand events over, each with the key of its execution."""

    async def decide(self, keys: list[str]) -> None:
        """Approve executions."""

    async def counts(self) -> tuple[int, int]:
        """Return how many executions have durably got as far as the pause, and to the end."""

    async def ended(self, key: str) -> bool:
        """Tell whether an execution is completed."""

    async def verify(self) -> int:
        """Return how many are completed, by what the peer itself has stored."""


def key(number: int) -> str:
    """Return the key of an execution."""
    return f"order-{number:06d}"


def keys(request: dict[str, Any]) -> list[str]:
    """Return the keys that a request speaks of, in random order."""
    found = [key(n) for n in range(request["first"], request["first"] + request["number"])]
    random.Random(request["first"]).shuffle(found)
    return found


def events(request: dict[str, Any]) -> list[Event]:
    """Return the events that a request speaks of."""
    numbers = range(request["first"], request["first"] + request["number"])
    return [(key(n), json.loads(an_event(n))) for n in numbers]


async def sample(load: Load, chosen: list[str]) -> list[float]:
    """Return the milliseconds from a decision to its completed execution, one after the other."""
    found = []
    for one in chosen:
        begun = time.perf_counter()
        await load.decide([one])
        while True:
            if await load.ended(one):
                break
            await asyncio.sleep(POLL)
        found.append((time.perf_counter() - begun) * 1000)
        await asyncio.sleep(SAMPLE_PAUSE)
    return found


async def answer(load: Load, request: dict[str, Any]) -> dict[str, Any]:
    """Do what a line asks for."""
    match request["do"]:
        case "prepare":
            await load.prepare()
        case "connect":
            await load.connect()
        case "load":
            await load.load(events(request))
        case "decide":
            await load.decide(keys(request))
        case "count":
            paused, completed = await load.counts()
            return {"paused": paused, "completed": completed}
        case "verify":
            return {"completed": await load.verify()}
        case "sample":
            return {"ms": await sample(load, keys(request))}
        case other:
            return {"error": f"no such request: {other}"}
    return {}


async def drive(load: Load) -> None:
    """Answer until the input ends."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        try:
            found = await answer(load, json.loads(line))
        except Exception as problem:
            found = {"error": f"{type(problem).__name__}: {problem}"}
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()


def run(load: Load, work: Callable[[], Awaitable[None]]) -> None:
    """Play the role that the command line names."""
    role = sys.argv[1]
    asyncio.run(_as_coroutine(work) if role == "work" else drive(load))


async def _as_coroutine(work: Callable[[], Awaitable[None]]) -> None:
    await work()
