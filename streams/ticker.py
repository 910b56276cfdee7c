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
from streams.meeting import meet_waits, meet_watches
from streams.watermark import NEVER, Watermark
from streams.work import Work

CLAIM = 500
EXPIRY_GRACE_SECONDS = 15 * 60.0
"""How long an expiry waits at most for decisions that were sent before it (reliability.md)."""
SWEEP_SECONDS = 1.0
LOOKS = 12
"""How often what is new looks for early events: longer than any transaction lasts."""

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
        self._looks_left: dict[tuple[str, str], int] = {}

    def committed(self, work: Work) -> None:
        """Look for held decisions and early events when a transaction opened what they wait for."""
        if work.ledger.nudged:
            self._due.set()
        if "approval" in work.ledger.opened_kinds:
            self._meet.set()
        looks = [("wait", str(wait)) for wait in work.ledger.opened_event_waits]
        looks += [("watch", str(row["execution_id"])) for row in work.ledger.watches]
        if looks:
            self._looks_left |= dict.fromkeys(looks, LOOKS)
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
        rows = await work.transaction.fetch(
            "claim_due_timers",
            # The instant that will stand in the rows: none may end before it was due.
            now=work.now,
            limit=self._driver.at_most(CLAIM),
            decided_until=self._decided_until,
            grace_seconds=EXPIRY_GRACE_SECONDS,
        )
        overdue = await work.transaction.fetch("find_overdue_requests")
        self._overdue = bool(overdue)
        if rows:
            reach("timer.after_claim")
        await work.load({row["execution_id"] for row in rows})
        for row in rows:
            id = ExecutionId(row["execution_id"])
            if id in work.executions:
                work.apply(id, input_of(row, work))
        return len(rows)

    async def run_meetings(self) -> None:
        """Bring together decisions and events with what came after them."""
        await self._sweep()
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
        looks = list(self._looks_left)
        if not looks:
            return
        waits = [id for kind, id in looks if kind == "wait"]
        watches = [id for kind, id in looks if kind == "watch"]

        async def body(work: Work) -> None:
            if waits:
                await meet_waits(work, waits)
            if watches:
                await meet_watches(work, watches)

        await self._driver.run_until_done(body, "early events")
        for look in looks:
            self._looks_left[look] -= 1
            if not self._looks_left[look]:
                del self._looks_left[look]

    async def _repeat(self, body: Callable[[Work], Awaitable[int]], what: str) -> None:
        while await self._driver.run_until_done(body, what) == CLAIM:
            pass

    async def _meet_decisions(self, work: Work) -> int:
        held = await work.transaction.fetch("count_held_decisions")
        if not held[0]["held"]:
            return 0
        return await self._decisions.meet(work, self._keep_early_seconds)

    async def _sweep(self) -> None:
        """Once at the start: events, and what waits for them, that a crash kept apart."""
        for meet in (meet_waits, meet_watches):
            await self._repeat(lambda work, meet=meet: meet(work, ()), "early events")  # type: ignore[misc]
