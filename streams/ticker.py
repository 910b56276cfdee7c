"""Everything that happens by the clock: due timers, held decisions, early events, housekeeping."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from engine.ids import ChildId, ExecutionId
from engine.inputs import (
    CancelRequested,
    ChildEnded,
    Input,
    Started,
    TimerFired,
)
from streams.agents.decisions import DecisionsHandler
from streams.driver import Driver
from streams.failpoints import reach
from streams.gathering import Gathering
from streams.looks import Looks, Opened
from streams.meeting import bring_together
from streams.sweep import Sweep
from streams.watermark import NEVER, Watermark
from streams.work import Work

CLAIM = 50
"""Timers fired in one transaction: while it computes, decisions wait."""
YIELD_EVERY = 10
"""Timers between two turns of the event loop."""
OVERDUE_SECONDS = 1.0
HELD = 500
"""Held decisions that one statement claims at most."""
EXPIRY_GRACE_SECONDS = 15 * 60.0
"""How long an expiry waits at most for decisions that were sent before it (reliability.md)."""
MEET_SECONDS = 1.0
"""How often held decisions and early events are looked for without a cause."""

log = logging.getLogger("sluicegate.ticker")


def input_of(row: Mapping[str, Any], work: Work) -> Input:
    """Return what a due row means to its execution."""
    body = row["body"]
    match row["kind"]:
        case "child_ended":
            child = {**body, "child": ExecutionId(body["child"])}
            return ChildEnded(work.now, **child)
        case "cancel":
            undo = body.get("compensate", False)
            return CancelRequested(work.now, body["by"], body.get("reason"), undo)
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
        watermark: Watermark,
        keep_early_seconds: float,
        look_seconds: float,
    ) -> None:
        self._driver, self._decisions, self._gathering = driver, decisions, gathering
        self._watermark, self._decided_until, self._overdue = watermark, NEVER, False
        self._keep_early_seconds, self._look_seconds = keep_early_seconds, look_seconds
        self._meet, self._due = asyncio.Event(), asyncio.Event()
        self._looks, self._sweep = Looks(), Sweep(driver)
        self._looked_at = 0.0
        """When it was last asked which expiries wait for decisions to be read."""

    def committed(self, work: Work) -> None:
        """Look for held decisions and early events when a transaction opened what they wait for."""
        if work.ledger.nudged:
            self._due.set()
        if "approval" in work.ledger.opened_kinds:
            self._meet.set()
        waits = [str(wait) for wait in work.ledger.opened_event_waits]
        executions = [str(row["execution_id"]) for row in work.ledger.watches]
        if waits or executions:
            self._looks.add(Opened(waits, executions, asyncio.get_running_loop().time()))
            self._meet.set()

    async def run_timers(self) -> None:
        """Fire due timers for ever."""
        while True:
            self._due.clear()
            fired = await self._driver.run_until_done(self._fire, "timers")
            if self._overdue:
                fired += await self._expire()
            await self._driver.run_until_done(self._gathering.start_due, "gathered events")
            if fired < self._driver.at_most(CLAIM):
                try:
                    async with asyncio.timeout(self._look_seconds):
                        await self._due.wait()
                except TimeoutError:
                    continue

    async def _expire(self) -> int:
        """Fire expiries of requests once all decisions that were sent before them are read."""
        self._decided_until = await self._watermark.read()
        return await self._driver.run_until_done(self._fire, "timers")

    async def _fire(self, work: Work) -> int:
        most, clock = self._driver.at_most(CLAIM), asyncio.get_running_loop().time
        rows = await work.transaction.fetch(
            "claim_due_timers",
            # The instant that will stand in the rows: none may end before it was due.
            now=work.now,
            limit=most,
            decided_until=self._decided_until,
            grace_seconds=EXPIRY_GRACE_SECONDS,
        )
        # It reads past all that is due: in a storm now and then.
        if len(rows) < most or clock() >= self._looked_at + OVERDUE_SECONDS:
            self._overdue = bool(await work.transaction.fetch("find_overdue_requests"))
            self._looked_at = clock()
        if rows:
            reach("timer.after_claim")
        await work.load({row["execution_id"] for row in rows})
        for number, row in enumerate(rows, 1):
            id = ExecutionId(row["execution_id"])
            if id in work.executions:
                work.apply(id, input_of(row, work))
            if number % YIELD_EVERY == 0:
                await asyncio.sleep(0)
        return len(rows)

    async def run_meetings(self) -> None:
        """Bring together decisions and events with what came after them."""
        while True:
            try:
                async with asyncio.timeout(MEET_SECONDS):
                    await self._meet.wait()
            except TimeoutError:
                pass
            self._meet.clear()
            await self._repeat(self._meet_decisions, "held decisions")
            await self._look_for_early_events()
            if await self._sweep.go_on():
                self._meet.set()

    async def _look_for_early_events(self) -> None:
        due = self._looks.take_due(asyncio.get_running_loop().time())
        waits = [wait for opened in due for wait in opened.waits]
        executions = [id for opened in due for id in opened.executions]
        await bring_together(self._driver, waits, executions)

    async def _repeat(self, body: Callable[[Work], Awaitable[int]], what: str) -> None:
        while await self._driver.run_until_done(body, what) == HELD:
            pass

    async def _meet_decisions(self, work: Work) -> int:
        held = await work.transaction.fetch("count_held_decisions")
        if not held[0]["held"]:
            return 0
        return await self._decisions.meet(work, self._keep_early_seconds)
