"""The one path that changes executions: a transaction of inputs (architecture.md rule 2)."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from engine.advance import advance
from engine.effects import Effect, Perform
from engine.execution import Execution
from engine.ids import ExecutionId
from engine.inputs import Input, NotKept
from storage.errors import DatabaseUnreachable, Unstorable
from storage.store import TRANSIENT, PostgresStore
from streams.catalog import Catalog, Version
from streams.failpoints import reach
from streams.ledger import NO_NOTICES, Ledger, LogLine
from streams.notices import Notices
from streams.outbound import Outbound
from streams.schemas import Schemas
from streams.work import Work

T = TypeVar("T")
LONGEST_BACKOFF_SECONDS = 5.0
ALONE = 1_000
"""Transactions with one input each, once many together could not be stored."""
REASON = 500
"""Most characters of why an execution cannot be stored."""

log = logging.getLogger("sluicegate.driver")
workflow_log = logging.getLogger("sluicegate.workflow")


class Follower(Protocol):
    """What wants to know of a committed transaction: relay, dispatcher, ticker."""

    def committed(self, work: Work) -> None:
        """Note what a transaction left to do; must not block."""


def step(
    version: Version, execution: Execution, given: Input
) -> tuple[Execution, tuple[Effect, ...]]:
    """Call the engine; nothing else does."""
    return advance(version.definition, execution, given)


class Driver:
    """Runs transactions of inputs, repeats them over outages, and tells what they left to do."""

    def __init__(
        self,
        store: PostgresStore,
        catalog: Catalog,
        outbound: Outbound,
        schemas: Schemas,
        worker: str,
        notices: Notices = NO_NOTICES,
    ) -> None:
        self._store, self._catalog, self.outbound = store, catalog, outbound
        self._schemas, self._notices = schemas, notices
        self.worker = worker
        self.followers: list[Follower] = []
        self._alone = 0

    async def run(self, body: Callable[[Work], Awaitable[T]], before_commit: str = "") -> T:
        """Run a body in one transaction, once; raises what the database raises.

        `before_commit` names the failpoint that is reached once everything is written.
        """
        writing: set[ExecutionId] = set()
        try:
            async with self._store.transaction() as transaction:
                now = (await transaction.fetch("read_clock"))[0]["now"]
                ledger = Ledger(self.outbound, self._notices)
                check = self._schemas.problem_of_input
                work = Work(transaction, self._catalog, ledger, step, check, now, self.worker)
                result = await body(work)
                writing = work.changed
                await work.finish()
                reach(before_commit)
        except Unstorable as error:
            error.executions = frozenset(writing)
            raise
        self._committed(work)
        return result

    async def run_until_done(self, body: Callable[[Work], Awaitable[T]], what: str) -> T:
        """Run a body, again and again over outages, with a growing pause.

        An execution whose new state cannot be stored is failed, and the body run again.
        """
        attempt = 0
        while True:
            was_alone = self._alone > 0
            try:
                result = await self.run(body)
                self._alone = max(self._alone - 1, 0)
                return result
            except Unstorable as error:
                if not await self.give_up(error) and not self._go_slowly(error, was_alone):
                    raise
            except (*TRANSIENT, DatabaseUnreachable) as error:
                attempt += 1
                await back_off(attempt, what, error)

    def at_most(self, number: int) -> int:
        """Return how many inputs a loop may take at once: one while it looks for a bad one."""
        return 1 if self._alone else number

    def _go_slowly(self, error: Unstorable, was_alone: bool) -> bool:
        """Have the loops take one input at a time; False where they did or it would not help."""
        if was_alone or len(error.executions) < 2:
            return False
        self._alone = ALONE
        return True

    async def give_up(self, error: Unstorable) -> bool:
        """Fail the one execution whose new state cannot be stored; False where that is unclear.

        It would stop every worker that takes its next input, one after another.
        """
        if len(error.executions) != 1:
            return False
        [id] = map(ExecutionId, error.executions)

        async def fail(work: Work) -> bool:
            await work.load([id])
            if id not in work.executions:
                return False
            # Another worker may have met the same, and failed it already.
            if not work.executions[id].ended:
                work.apply(id, NotKept(work.now, str(error)[:REASON]))
                log.error("execution %s fails: its state cannot be stored: %s", id, error)
            return True

        return await self.run_until_done(fail, "what cannot be stored")

    def _committed(self, work: Work) -> None:
        for line in work.ledger.log_lines:
            write_log(line)
        for follower in self.followers:
            follower.committed(work)


async def back_off(attempt: int, what: str, error: Exception) -> None:
    """Wait before the next try: doubled from 0.1 s, at most 5 s, with jitter."""
    ceiling = min(LONGEST_BACKOFF_SECONDS, 0.1 * 2 ** min(attempt, 10))
    if attempt in (1, 4) or attempt % 20 == 0:
        log.warning("%s: try %d failed, trying again: %s", what, attempt, str(error).strip())
    await asyncio.sleep(random.uniform(ceiling / 2, ceiling))  # noqa: S311  (jitter)


def write_log(line: LogLine) -> None:
    """Write what a `log` step asks for, with its execution (requirements.md S61)."""
    level = logging.getLevelName(line.line.level.upper())
    workflow_log.log(
        level if isinstance(level, int) else logging.INFO,
        line.line.message,
        extra={
            "execution_id": line.execution_id,
            "workflow": line.workflow,
            "fields": line.line.fields,
        },
    )


Performs = tuple[ExecutionId, Perform]
