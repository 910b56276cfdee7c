"""Partitions whose worker died at the same place twice: few records at a time, then one.

A record that kills the process (memory, native code, a bug of ours) leaves no exception behind.
What tells is the partition's holder: it is cleared in an orderly end, so whoever finds another's
name there follows a death (reliability.md, the core algorithm; F18).
"""

import logging
from collections.abc import Iterable, Mapping

from storage.store import PostgresStore
from streams.position import Partition

PARTS = 8
"""Into how many parts a batch is cut at first; after another death each record is taken alone."""
MOST_DEATHS = 3
"""Deaths on one record after which it goes to the dead letters."""

log = logging.getLogger("sluicegate.probation")


class Probation:
    """What this process holds of a consumer group, and how far it must be careful."""

    def __init__(self, store: PostgresStore, group_id: str, holder: str, batch_size: int) -> None:
        self._store, self._group, self._holder = store, group_id, holder
        self._batch_size = batch_size
        """Most records that can have been under way at a death."""
        self._until: dict[Partition, int] = {}
        self._sizes: dict[Partition, int] = {}
        self._tried: dict[Partition, tuple[int, int]] = {}

    async def hold(self, log_ends: Mapping[Partition, int]) -> None:
        """Take assigned partitions; begin probation where holders keep dying."""
        rows = [
            {"topic": partition.topic, "partition": partition.number, "log_end": end}
            for partition, end in sorted(log_ends.items())
        ]
        async with self._store.transaction() as transaction:
            held = await transaction.fetch_written(
                "hold_positions",
                rows,
                group_id=self._group,
                holder=self._holder,
                span=self._batch_size,
                size=max(self._batch_size // PARTS, 1),
            )
        await self._free_effects({row["holder_before"] for row in held} - {None, self._holder})
        for row in held:
            partition = Partition(row["topic"], row["partition"])
            self._until[partition] = until = row["probation_until"] or 0
            self._sizes[partition] = row["probation_size"] or 1
            if row["next_offset"] < until:
                log.warning(
                    "%s[%d]: workers died at offset %d; records up to %d are taken %d at a time",
                    *partition,
                    row["next_offset"],
                    until,
                    self._sizes[partition],
                )

    async def _free_effects(self, holders: set[str]) -> None:
        """Let others make the calls of workers that died, without waiting for their leases."""
        if not holders:
            return
        async with self._store.transaction() as transaction:
            await transaction.run(
                "free_effects_of_the_dead", group_id=self._group, holders=sorted(holders)
            )

    def covers(self, partition: Partition, offset: int) -> bool:
        """Tell whether a record must be taken with care."""
        return offset < self._until.get(partition, 0)

    def size(self, partition: Partition) -> int:
        """Return how many records of a partition are taken at a time while care is needed."""
        return self._sizes[partition]

    async def begin(self, partition: Partition, expected: int, offset: int) -> int:
        """Count a try of a record, committed before the try; return its number, from 1."""
        tried, number = self._tried.get(partition, (-1, 0))
        if tried == offset:
            return number  # read again after a rebalance: this process did not die
        rows = await self._store.fetch(
            "begin_try",
            group_id=self._group,
            topic=partition.topic,
            partition=partition.number,
            expected=expected,
            record_offset=offset,
        )
        number = int(rows[0]["tries"]) if rows else 1
        self._tried[partition] = offset, number
        return number

    async def release(self, partitions: Iterable[Partition] | None = None) -> None:
        """Give partitions up in order, all of them by default."""
        given_up = sorted(self._until if partitions is None else partitions)
        rows = [{"topic": one.topic, "partition": one.number} for one in given_up]
        async with self._store.transaction() as transaction:
            await transaction.write(
                "release_positions", rows, group_id=self._group, holder=self._holder
            )
        for partition in given_up:
            self._until.pop(partition, None)
            self._tried.pop(partition, None)
