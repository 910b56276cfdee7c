"""Record batches into transactions, each with its position in the same transaction."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from storage.errors import DatabaseUnreachable, Fenced, Unstorable
from storage.store import TRANSIENT
from streams.catalog import Catalog
from streams.codecs import RawRecord
from streams.driver import Driver, back_off
from streams.failpoints import reach
from streams.position import Partition, Positions
from streams.probation import MOST_DEATHS, Probation
from streams.work import Work

AT_ONCE = 2
"""Batches of one kind under way at once: one computes while the other waits for the database."""
MAX_FENCES = 3
"""Fences in a row after which another worker evidently owns the partition."""

log = logging.getLogger("sluicegate.intake")
Apply = Callable[[Work], Awaitable[None]]


class CatalogChanged(Exception):
    """Definitions were applied meanwhile: the batch must be matched again."""


class ReadAgain(Exception):
    """The partition was assigned anew meanwhile, further back: all is read again from there."""


class FencedOut(Exception):
    """Another worker owns this partition; this process must not go on with it."""


class Handler(Protocol):
    """What an agent does with records of its topic."""

    async def prepare(self, records: Sequence[RawRecord]) -> Apply:
        """Decode and match before the transaction; return what to do inside it."""

    def reject(self, record: RawRecord, error_type: str, message: str) -> Apply:
        """Return what to do, inside a transaction, with a record that cannot be stored."""


class Intake:
    """Takes the batches of one handler: drop what is done, transact the rest, never skip."""

    def __init__(
        self,
        driver: Driver,
        catalog: Catalog,
        positions: Positions,
        probation: Probation,
        handler: Handler,
    ) -> None:
        self._driver, self._catalog = driver, catalog
        self._positions, self._probation, self._handler = positions, probation, handler
        self._gate = asyncio.Semaphore(AT_ONCE)
        self._begun_at: dict[Partition, int] = {}
        """Where each partition stood when its batch under way was taken."""

    async def take(
        self, partition: Partition, records: Sequence[RawRecord], follows: int | None = None
    ) -> None:
        """Process one batch of one partition; returns once it is committed."""
        fresh = await self._positions.accept(partition, records, follows)
        if fresh:
            self._begun_at[partition] = self._positions.expected(partition)
            with contextlib.suppress(ReadAgain):
                await self._take_fresh(partition, fresh)

    async def _take_fresh(self, partition: Partition, fresh: Sequence[RawRecord]) -> None:
        careful = sum(self._probation.covers(partition, one.offset) for one in fresh)
        start = 0
        while start < careful:
            end = min(start + self._probation.size(partition), careful)
            if end - start > 1:
                await self._commit(partition, fresh[start:end])
            else:
                await self._take_alone(partition, fresh[start])
            start = end
        if rest := fresh[careful:]:
            await self._commit(partition, rest)

    async def _take_alone(self, partition: Partition, record: RawRecord) -> None:
        """Process one record that may kill; after three deaths it is a dead letter (F18)."""
        tries = await self._count_try(partition, record)
        if tries <= MOST_DEATHS:
            await self._commit(partition, [record])
            return
        reason = (
            f"{MOST_DEATHS} workers died while they processed this record; "
            "see their last logs (out of memory?) and replay it once that is mended"
        )
        rejected = self._handler.reject(record, "worker_died", reason)
        await self._until_committed(partition, [record], rejected)

    async def _count_try(self, partition: Partition, record: RawRecord) -> int:
        attempt = 0
        while True:
            try:
                expected = self._positions.expected(partition)
                return await self._probation.begin(partition, expected, record.offset)
            except (*TRANSIENT, DatabaseUnreachable) as error:
                attempt += 1
                await back_off(attempt, f"{partition.topic}[{partition.number}]", error)

    async def _commit(self, partition: Partition, records: Sequence[RawRecord]) -> None:
        """Commit the records; bisect what the database refuses, so that one cannot stop all."""
        try:
            await self._until_committed(partition, records, None)
        except Unstorable as error:
            if len(records) == 1:
                if await self._driver.give_up(error):
                    await self._commit(partition, records)
                    return
                rejected = self._handler.reject(records[0], "unstorable", str(error))
                await self._until_committed(partition, records, rejected)
                return
            middle = len(records) // 2
            await self._commit(partition, records[:middle])
            await self._commit(partition, records[middle:])

    async def _until_committed(
        self, partition: Partition, records: Sequence[RawRecord], apply: Apply | None
    ) -> None:
        attempt = fences = 0
        while True:
            expected = self._positions.expected(partition)
            if expected < self._begun_at[partition]:
                raise ReadAgain
            # Another owner may have come further while this one tried.
            records = [record for record in records if record.offset >= expected]
            if not records:
                return
            try:
                async with self._gate:
                    await self._try(partition, records, apply)
                return
            except CatalogChanged:
                with contextlib.suppress(*TRANSIENT, DatabaseUnreachable):
                    await self._catalog.refresh()
            except Fenced as error:
                log.info("%s[%d]: fenced at offset %d", *partition, expected)
                fences += 1
                if fences == MAX_FENCES:
                    raise FencedOut(str(error)) from error
            except (*TRANSIENT, DatabaseUnreachable) as error:
                attempt += 1
                await back_off(attempt, f"{partition.topic}[{partition.number}]", error)
            if await self._is_done(partition, records[-1].offset + 1, expected):
                return

    async def _is_done(self, partition: Partition, end: int, expected: int) -> bool:
        """Read the position again: a COMMIT whose answer was lost may have happened."""
        try:
            stored = await self._positions.read(partition)
        except (*TRANSIENT, DatabaseUnreachable):
            return False
        if stored > expected:
            self._positions.note(partition, stored)
        return stored >= end

    async def _try(
        self, partition: Partition, records: Sequence[RawRecord], apply: Apply | None
    ) -> None:
        # Taken before the batch is matched: another partition may refresh the catalog meanwhile.
        revision = self._catalog.revision
        apply = apply or await self._handler.prepare(records)
        expected, end = self._positions.expected(partition), records[-1].offset + 1
        watermark = max(record.received_at for record in records)

        async def body(work: Work) -> None:
            moved = await work.transaction.fetch(
                "move_position",
                **self._positions.key(partition),
                expected=expected,
                next_offset=end,
                watermark=watermark,
            )
            if not moved:
                raise Fenced(partition.topic, partition.number, expected)
            if moved[0]["revision"] != revision:
                raise CatalogChanged
            reach("batch.after_cas")
            await apply(work)
            reach("batch.mid")

        await self._driver.run(body, "batch.before_commit")
        reach("batch.after_commit")
        self._positions.note(partition, end)
