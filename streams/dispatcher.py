"""Committed effects to actions, and their results back as inputs (architecture.md rule 4)."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

from actions.registry import Actions
from actions.results import ActionRequest, Failed, Succeeded
from engine.effects import Perform
from engine.ids import ChildId, ExecutionId
from engine.inputs import ActionFailed, ActionInDoubt, ActionSucceeded, Input
from engine.templates import Secret, SecretSlot
from storage.errors import Unstorable
from storage.store import PostgresStore, json_size
from streams.driver import Driver
from streams.enrichment import Enrichment
from streams.failpoints import reach
from streams.notices import NOTICE_PATH
from streams.turns import Held, Turns
from streams.work import LEASE_GRACE_SECONDS, Work

CLAIM_MOST = 64
"""Effects that are taken over at once."""
RECORD_SECONDS = 2.0
"""How long an orderly end waits for results that came to be recorded."""
CLAIM_SECONDS = 1.0
"""How often a worker looks for effects whose worker has died."""

log = logging.getLogger("sluicegate.dispatcher")


@dataclass(frozen=True, slots=True)
class Finished:
    """An effect with its result, to be written and given to its execution."""

    id: ChildId
    execution_id: ExecutionId
    result: Succeeded | Failed


def request_of(execution_id: ExecutionId, effect: Perform) -> ActionRequest:
    """Return what an action needs to know of an effect."""
    return ActionRequest(
        effect.kind,
        effect.params,
        effect.secrets,
        effect.idempotency_key,
        effect.attempt,
        effect.timeout,
        execution_id,
        effect.path,
    )


def perform_from_row(row: Mapping[str, Any]) -> Perform:
    """Return an effect as it was stored."""
    slots = tuple(
        SecretSlot(
            tuple(slot["at"]),
            tuple(part if isinstance(part, str) else Secret(**part) for part in slot["parts"]),
        )
        for slot in row["secrets"]
    )
    return Perform(
        ChildId(row["id"]),
        row["step_path"],
        row["kind"],
        row["params"],
        row["idempotency_key"],
        row["attempt"],
        timedelta(milliseconds=row["timeout_ms"]),
        slots,
        row["in_doubt"],
    )


class Dispatcher:
    """Performs effects: our own at once, those of dead workers when their lease has ended."""

    def __init__(
        self,
        store: PostgresStore,
        driver: Driver,
        actions: Actions,
        enrichment: Enrichment,
        max_output_bytes: int,
    ) -> None:
        self._store, self._driver, self._actions = store, driver, actions
        self._enrichment, self._max_output_bytes = enrichment, max_output_bytes
        self._turns = Turns(store, driver.worker)
        self._tasks: set[asyncio.Task[None]] = set()
        self._finished: asyncio.Queue[Finished] = asyncio.Queue()

    def committed(self, work: Work) -> None:
        """Begin the effects that a transaction committed under our lease, each in its turn."""
        for execution_id, effect in work.performs:
            held = Held(execution_id, effect)
            if self._may_repeat(effect.kind, effect.in_doubt) and self._turns.begins_now(held):
                self._start(held)
            else:
                self._turns.wait(held)

    async def run(self) -> None:
        """Begin calls, keep what is held, and write results as they come."""
        await asyncio.gather(self._begin(), self._turns.renew(), self._record())

    async def _begin(self) -> None:
        while True:
            for held in await self._turns.next():
                self._start(held)

    def _start(self, held: Held) -> None:
        task = asyncio.create_task(self._perform(held.execution_id, held.effect))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _perform(self, execution_id: ExecutionId, effect: Perform) -> None:
        try:
            result = await self._call(execution_id, effect)
        except Exception:
            # Not ours to look after any more: it is taken over when its lease has ended.
            self._turns.let_go([effect.id])
            raise
        await self._finished.put(Finished(effect.id, execution_id, result))

    async def _call(self, execution_id: ExecutionId, effect: Perform) -> Succeeded | Failed:
        try:
            reach("effect.after_claim")
            result = await self._actions.perform(request_of(execution_id, effect))
            reach("effect.after_call")
        finally:
            self._turns.ended()
        if effect.path == NOTICE_PATH and effect.kind == "notify" and isinstance(result, Failed):
            log.warning("a notice of %s was not sent: %s", execution_id, result.message)
        if effect.kind != "load":
            # A resource is no step's output: it counts with the context.
            return bounded(result, self._max_output_bytes)
        if isinstance(result, Succeeded):
            await self._keep(effect, result)
        return result

    async def _keep(self, effect: Perform, result: Succeeded) -> None:
        seconds = effect.params.get("cache_seconds")
        ttl = timedelta(seconds=seconds) if isinstance(seconds, int | float) else None
        resource, id = str(effect.params["resource"]), str(effect.params["id"])
        await self._enrichment.keep(resource, id, result.output, ttl)

    async def _record(self) -> None:
        """Write results as they come, many at once."""
        while True:
            batch = [await self._finished.get()]
            while not self._finished.empty() and len(batch) < 500:
                batch.append(self._finished.get_nowait())
            try:
                await self._write(batch)
            except Unstorable:
                # One of them leads to what cannot be stored: alone it is found, and fails.
                for item in batch:
                    await self._write([item])
            self._recorded(batch)

    async def _write(self, batch: Sequence[Finished]) -> None:
        await self._driver.run_until_done(partial(self._settle, batch=batch), "dispatcher")

    def _recorded(self, batch: Sequence[Finished]) -> None:
        self._turns.let_go([item.id for item in batch])
        for _ in batch:
            self._finished.task_done()

    async def claim(self) -> None:
        """Take over the effects of workers that died."""
        while True:
            await asyncio.sleep(CLAIM_SECONDS)
            rows = await self._driver.run_until_done(self._claim, "dispatcher")
            for row in rows:
                log.warning("taking over effect %s (attempt %d)", row["id"], row["attempt"])
                execution_id = ExecutionId(row["execution_id"])
                self._turns.wait(Held(execution_id, perform_from_row(row), row["begun"]))

    async def _claim(self, work: Work) -> Sequence[Mapping[str, Any]]:
        """Take effects left behind; those that may not be repeated are left to their executions."""
        rows = await work.transaction.fetch(
            "claim_effects",
            lease_token=self._driver.worker,
            grace_seconds=LEASE_GRACE_SECONDS,
            limit=self._driver.at_most(CLAIM_MOST),
            held=sorted(self._turns.held),
        )
        doubtful = [
            row
            for row in rows
            if row["begun"] and not self._may_repeat(row["kind"], row["in_doubt"])
        ]
        await work.load({row["execution_id"] for row in doubtful})
        for row in doubtful:
            id = ExecutionId(row["execution_id"])
            if id in work.executions:
                work.apply(id, ActionInDoubt(work.now, ChildId(row["id"])))
        over = [{"id": row["id"], "status": "failed", "error_code": "in_doubt"} for row in doubtful]
        await work.transaction.fetch_written(
            "finish_effects", over, lease_token=self._driver.worker
        )
        taken = {row["id"] for row in doubtful}
        return [row for row in rows if row["id"] not in taken]

    def _may_repeat(self, kind: str, in_doubt: str) -> bool:
        action = self._actions.get(kind)
        return in_doubt == "retry" and (action is None or action.idempotent)

    async def _settle(self, work: Work, batch: Sequence[Finished]) -> None:
        """Record results under our lease, and give them to their executions."""
        rows = [effect_cells(item) for item in batch]
        written = await work.transaction.fetch_written(
            "finish_effects", rows, lease_token=self._driver.worker
        )
        ours = {row["id"] for row in written}
        mine = [item for item in batch if item.id in ours]
        await work.load({item.execution_id for item in mine})
        for item in mine:
            if item.execution_id in work.executions:
                work.apply(item.execution_id, to_input(item, work))

    async def drain(self, seconds: float) -> None:
        """Begin nothing more, let what is under way finish for a while, and record its results.

        `run` goes on meanwhile: what it has taken is committed before its loop may be ended.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._turns.close()
                if self._tasks:
                    await asyncio.wait(self._tasks)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RECORD_SECONDS):
                await self._finished.join()

    async def release(self) -> None:
        """Leave what is not done to other workers at once; the last that a worker writes.

        Agents stop after the loops: what their last batches committed is among it.
        """
        for task in self._tasks:
            task.cancel()
        async with self._store.transaction() as transaction:
            await transaction.run(
                "release_effects",
                lease_token=self._driver.worker,
                untouched=self._turns.untouched,
            )


def bounded(result: Succeeded | Failed, limit: int) -> Succeeded | Failed:
    """Return a result, or the failure that an output larger than the limit is."""
    if isinstance(result, Failed) or (size := json_size(result.output)) <= limit:
        return result
    text = (
        f"the output has {size} bytes of JSON, at most {limit} are stored "
        "(SLUICEGATE_MAX_OUTPUT_BYTES); have the action answer less"
    )
    return Failed("output_too_large", text, False)


def effect_cells(item: Finished) -> dict[str, object]:
    """Return the cells of an effect's row that hold its result."""
    match item.result:
        case Succeeded(output):
            return {"id": item.id, "status": "done", "output": output}
        case Failed(code, message):
            return {"id": item.id, "status": "failed", "error_code": code, "error_message": message}


def to_input(item: Finished, work: Work) -> Input:
    """Return a result as the engine takes it; the jitter of a retry is drawn here."""
    match item.result:
        case Succeeded(output):
            return ActionSucceeded(work.now, item.id, output)
        case Failed(code, message, retryable, retry_after):
            chance = random.random()  # noqa: S311  (jitter)
            return ActionFailed(work.now, item.id, code, message, retryable, retry_after, chance)
