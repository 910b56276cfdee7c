"""Schedules: due slots become executions, once however many workers look (S10)."""

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from engine.definition import Trigger
from engine.errors import SluicegateError
from engine.ids import ExecutionId, execution_id
from engine.inputs import CancelRequested
from engine.schedule import Schedule, decide_overlap, due, jitter_of, slot_id
from engine.steps.approval import instant_text
from streams.catalog import Catalog, Version
from streams.driver import Driver
from streams.starts import Proposal, apply_trigger, start_all
from streams.work import Work

LOOK_SECONDS = 0.25
SLOTS = 100
"""Slots of one schedule that are started in one transaction."""
SOURCE = "/sluicegate/schedules"
NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""When to look again at a schedule without further slots."""

log = logging.getLogger("sluicegate.scheduler")


class Scheduler:
    """Looks at due schedules; any number of workers share the work by SKIP LOCKED."""

    def __init__(self, driver: Driver, catalog: Catalog) -> None:
        self._driver, self._catalog = driver, catalog

    async def run(self) -> None:
        """Start due slots for ever."""
        while True:
            await self._driver.run_until_done(self._look, "schedules")
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, work: Work) -> None:
        for row in await work.transaction.fetch("claim_due_schedules"):
            name, number = row["workflow_name"], row["version"]
            version = await self._catalog.find(work.transaction, name, number)
            if version is None:
                continue
            trigger = version.definition.triggers[row["trigger_number"]]
            if trigger.schedule is not None:
                await _Look(work, version, trigger, trigger.schedule, row).take()


class _Look:
    """One look at one schedule."""

    def __init__(
        self,
        work: Work,
        version: Version,
        trigger: Trigger,
        schedule: Schedule,
        row: Mapping[str, Any],
    ) -> None:
        self._work, self._version, self._trigger = work, version, trigger
        self._schedule, self._row = schedule, row
        self._buffered: str | None = row["buffered"]
        self._last: str | None = row["last_execution_id"]

    async def take(self) -> None:
        """Start or put off what is due, and note when to look again."""
        row, schedule = self._row, self._schedule
        found = due(schedule, row["last_slot"], row["created_at"], row["now"], SLOTS)
        if self._buffered is not None and not await self._is_running():
            slot, self._buffered = datetime.fromisoformat(self._buffered), None
            await self._start(slot)
        for slot in found.slots:
            await self._take_slot(slot)
        next_at = found.next_at
        if next_at is not None:
            next_at += jitter_of(self._slot_id(next_at), schedule.jitter)
        if found.dropped:
            log.warning("%s: %d missed slots are passed over", row["name"], found.dropped)
        await self._work.transaction.run(
            "move_schedule",
            name=row["name"],
            last_slot=found.handled_until,
            next_slot=next_at or NEVER,
            dropped=found.dropped,
            buffered=None if self._buffered is None else orjson.dumps(self._buffered).decode(),
            execution_id=self._last,
        )

    def _slot_id(self, slot: datetime) -> str:
        return slot_id(self._version.definition.name, self._schedule, slot)

    async def _is_running(self) -> bool:
        """Tell whether the schedule's latest execution is unfinished; locks it."""
        if self._last is None:
            return False
        await self._work.load([self._last])
        execution = self._work.executions.get(ExecutionId(self._last))
        return execution is not None and not execution.ended

    async def _take_slot(self, slot: datetime) -> None:
        overlap = self._schedule.overlap
        running = overlap != "allow" and await self._is_running()
        match decide_overlap(overlap, running, self._buffered is not None):
            case "start":
                await self._start(slot)
            case "buffer":
                self._buffered = instant_text(slot)
            case "cancel_then_start":
                reason = f"the next slot of {self._row['name']} began"
                given = CancelRequested(self._work.now, "schedule", reason)
                self._work.apply(ExecutionId(str(self._last)), given)
                await self._start(slot)
            case "skip":
                log.info("%s: slot %s skipped, an earlier one runs", self._row["name"], slot)

    async def _start(self, slot: datetime) -> None:
        """Start the execution of a slot, unless somebody has done so."""
        name, work = self._row["name"], self._work
        id = self._slot_id(slot)
        claimed = await work.transaction.fetch_written(
            "claim_event_ids", [{"source": SOURCE, "event_id": id}]
        )
        if not claimed:
            return
        workflow = self._version.definition.name
        timestamp = round(slot.timestamp() * 1000)
        payload: dict[str, object] = {"schedule": name, "slot": instant_text(slot)}
        meta: dict[str, object] = {
            "id": id,
            "type": f"schedule:{name}",
            "source": SOURCE,
            "time": slot.isoformat(),
            "topic": None,
            "key": None,
        }
        proposal = Proposal(
            self._version,
            execution_id(workflow, SOURCE, id, timestamp),
            f"schedule:{name}",
            payload,
            meta,
            work.now,
            note={"schedule": name, "slot": instant_text(slot)},
        )
        try:
            apply_trigger(proposal, self._trigger, {**payload, "event": {**payload, "meta": meta}})
        except SluicegateError as problem:
            log.error("%s: slot %s cannot start: %s", name, slot, problem)
            return
        if await start_all(work, [proposal]):
            self._last = proposal.id
