"""Everything that happens by the clock: due timers, held decisions, early events, housekeeping."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from engine.ids import ChildId, ExecutionId, WaitId
from engine.inputs import (
    CancelRequested,
    ChildEnded,
    EventArrived,
    Input,
    Started,
    TimerFired,
)
from streams.agents.decisions import DecisionsHandler
from streams.driver import Driver
from streams.failpoints import reach
from streams.gathering import Gathering
from streams.work import Work

TICK_SECONDS = 0.2
"""How often due timers are looked for; their lateness stays below 1 s (requirements.md S50)."""
CLAIM = 500
SWEEP_SECONDS = 1.0
LOOKS = 12
"""How often a new event wait looks for early events: longer than any transaction lasts."""
KEEP_EARLY_SECONDS = 24 * 3600.0
"""How long a decision about nothing we know is held before it is refused (interfaces.md)."""

log = logging.getLogger("sluicegate.ticker")


def input_of(row: Mapping[str, Any], work: Work) -> Input:
    """Return what a due row means to its execution."""
    body = row["body"]
    match row["kind"]:
        case "child_ended":
            child = {**body, "child": ExecutionId(body["child"])}
            return ChildEnded(work.now, **child)
        case "cancel":
            return CancelRequested(work.now, body["by"], body.get("reason"))
        case "start":
            return Started(work.now)
        case _:
            return TimerFired(work.now, ChildId(row["id"]))


class Ticker:
    """Turns due rows into inputs; any number of workers share the work by SKIP LOCKED."""

    def __init__(
        self,
        driver: Driver,
        decisions: DecisionsHandler,
        gathering: Gathering,
        *,
        keep_early_seconds: float,
    ) -> None:
        self._driver, self._decisions, self._gathering = driver, decisions, gathering
        self._keep_early_seconds = keep_early_seconds
        self._meet, self._due = asyncio.Event(), asyncio.Event()
        self._looks_left: dict[object, int] = {}

    def committed(self, work: Work) -> None:
        """Look for held decisions and early events when a transaction opened what they wait for."""
        if work.ledger.nudged:
            self._due.set()
        if "approval" in work.ledger.opened_kinds:
            self._meet.set()
        for wait in work.ledger.opened_event_waits:
            self._looks_left[wait] = LOOKS
            self._meet.set()

    async def run_timers(self) -> None:
        """Fire due timers for ever."""
        while True:
            self._due.clear()
            fired = await self._driver.run_until_done(self._fire, "timers")
            await self._driver.run_until_done(self._gathering.start_due, "gathered events")
            if fired < CLAIM:
                try:
                    async with asyncio.timeout(TICK_SECONDS):
                        await self._due.wait()
                except TimeoutError:
                    continue

    async def _fire(self, work: Work) -> int:
        rows = await work.transaction.fetch("claim_due_timers", limit=CLAIM)
        if rows:
            reach("timer.after_claim")
        await work.load({row["execution_id"] for row in rows})
        for row in rows:
            id = ExecutionId(row["execution_id"])
            if id in work.executions:
                work.apply(id, input_of(row, work))
        return len(rows)

    async def run_meetings(self) -> None:
        """Bring together decisions and events with the pauses that came after them."""
        while True:
            try:
                async with asyncio.timeout(SWEEP_SECONDS):
                    await self._meet.wait()
            except TimeoutError:
                pass
            self._meet.clear()
            await self._repeat(self._meet_decisions, "held decisions")
            await self._look_for_early_events()

    async def _look_for_early_events(self) -> None:
        waits = list(self._looks_left)
        if not waits:
            return

        async def body(work: Work) -> int:
            return await self._meet_events(work, waits)

        await self._driver.run_until_done(body, "early events")
        for wait in waits:
            self._looks_left[wait] -= 1
            if not self._looks_left[wait]:
                del self._looks_left[wait]

    async def _repeat(self, body: Callable[[Work], Awaitable[int]], what: str) -> None:
        while await self._driver.run_until_done(body, what) == CLAIM:
            pass

    async def _meet_decisions(self, work: Work) -> int:
        held = await work.transaction.fetch("count_held_decisions")
        if not held[0]["held"]:
            return 0
        return await self._decisions.meet(work, self._keep_early_seconds)

    async def _meet_events(self, work: Work, waits: list[object]) -> int:
        rows = await work.transaction.fetch("meet_signals", wait_ids=waits)
        await work.load({row["execution_id"] for row in rows})
        for row in rows:
            given = EventArrived(work.now, WaitId(row["wait_id"]), row["payload"], row["meta"])
            work.apply(ExecutionId(row["execution_id"]), given)
        return len(rows)

    async def sweep_events(self) -> None:
        """Once at the start: events and waits that a crash kept apart."""
        await self._driver.run_until_done(lambda work: self._meet_events(work, []), "early events")
