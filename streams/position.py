"""Consumer positions in Postgres: where to start, what to expect, what a gap means (rule 3)."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from engine.errors import SluicegateError
from storage.store import PostgresStore
from streams.codecs import RawRecord

MOST_DROPPED = 20
"""Batches that may come before one must be read again for certain."""

log = logging.getLogger("sluicegate.position")


class Partition(NamedTuple):
    """A partition of a topic."""

    topic: str
    number: int


class RetentionLoss(SluicegateError):
    """Records between our position and the log's start are gone."""

    def __init__(self, partition: Partition, expected: int, start: int) -> None:
        self.partition, self.expected, self.start = partition, expected, start
        super().__init__(
            f"{partition.topic}[{partition.number}]: our position is {expected}, but the log "
            f"starts at {start}: {start - expected} records were deleted unread. To go on without "
            "them set SLUICEGATE_ON_GAP=accept"
        )


@dataclass(frozen=True, slots=True)
class Doubt:
    """A record after a gap that must come again before it is believed."""

    offset: int
    dropped: int = 0
    """Batches behind it that came meanwhile."""


@dataclass(frozen=True, slots=True)
class LogState:
    """What the broker says of the assigned partitions."""

    topic_ids: Mapping[str, str]
    beginnings: Mapping[Partition, int]
    ends: Mapping[Partition, int]


class Positions:
    """The positions of one consumer group, as this process knows them."""

    def __init__(
        self,
        store: PostgresStore,
        group_id: str,
        *,
        accept_gaps: bool,
        log_start: Callable[[Partition], Awaitable[int]],
        holds_record: Callable[[Partition, int], Awaitable[bool]],
        seek_back: Callable[[], Awaitable[None]],
        on_recreated: Callable[[Partition], Awaitable[None]],
    ) -> None:
        self._store, self._group = store, group_id
        self._log_start, self._seek_back = log_start, seek_back
        self._holds_record = holds_record
        self._accept_gaps, self._on_recreated = accept_gaps, on_recreated
        self._expected: dict[Partition, int] = {}
        self._doubts: dict[Partition, Doubt] = {}
        self._lives: dict[Partition, int] = {}
        """How often the topic was made anew."""

    def key(self, partition: Partition) -> dict[str, object]:
        """Return the key of a partition's row."""
        return {
            "group_id": self._group,
            "topic": partition.topic,
            "partition": partition.number,
        }

    def expected(self, partition: Partition) -> int:
        """Return the offset that comes next."""
        return self._expected[partition]

    def note(self, partition: Partition, next_offset: int) -> None:
        """Remember a position that is committed."""
        self._expected[partition] = next_offset

    async def read(self, partition: Partition) -> int:
        """Return the stored position of one partition."""
        rows = await self._store.fetch(
            "read_positions", group_id=self._group, topics=[partition.topic]
        )
        found = [row for row in rows if row["partition"] == partition.number]
        return int(found[0]["next_offset"])

    async def starts(
        self, assigned: frozenset[Partition], log_state: LogState
    ) -> dict[Partition, int]:
        """Return where to start assigned partitions; new ones start at their beginning."""
        await self._insert_missing(assigned, log_state)
        topics = sorted({partition.topic for partition in assigned})
        rows = await self._store.fetch("read_positions", group_id=self._group, topics=topics)
        for row in rows:
            partition = Partition(row["topic"], row["partition"])
            if partition in assigned:
                self._lives[partition] = row["life"]
                self._expected[partition] = await self._start(
                    partition, row["next_offset"], row["topic_id"], log_state
                )
        return {partition: self._expected[partition] for partition in assigned}

    async def _insert_missing(self, assigned: Iterable[Partition], log_state: LogState) -> None:
        # An insertion would wait for a frozen worker's open batch even where the row exists.
        topics = sorted({partition.topic for partition in assigned})
        stored = await self._store.fetch("read_positions", group_id=self._group, topics=topics)
        known = {Partition(row["topic"], row["partition"]) for row in stored}
        rows = [
            {
                "topic": partition.topic,
                "partition": partition.number,
                "topic_id": log_state.topic_ids.get(partition.topic),
                "next_offset": log_state.beginnings.get(partition, 0),
            }
            for partition in assigned
            if partition not in known
        ]
        if rows:
            async with self._store.transaction() as transaction:
                await transaction.write("insert_positions", rows, group_id=self._group)

    async def _start(
        self, partition: Partition, stored: int, stored_id: str | None, log_state: LogState
    ) -> int:
        beginning = log_state.beginnings.get(partition, 0)
        topic_id = log_state.topic_ids.get(partition.topic)
        if topic_id is not None and stored_id is not None and topic_id != stored_id:
            await self._restart(partition, stored, stored_id, topic_id, beginning)
            return beginning
        if topic_id is not None and stored_id is None:
            await self._store.fetch("name_topic", **self.key(partition), topic_id=topic_id)
        end = log_state.ends.get(partition)
        # Tansu counts the last batch as one record: what it says is too low.
        if end is not None and end < stored and not await self._holds_record(partition, stored - 1):
            log.error(
                "%s[%d]: our position is %d, but the log ends at %d: it lost records, and what "
                "comes below our position will be taken for known; compare it with its producers",
                *partition,
                stored,
                end,
            )
        if stored < beginning:
            if not self._accept_gaps:
                raise RetentionLoss(partition, stored, beginning)
            log.error("%s", RetentionLoss(partition, stored, beginning))
            await self._restart(partition, stored, stored_id, topic_id, beginning)
            return beginning
        return stored

    async def _restart(
        self,
        partition: Partition,
        stored: int,
        old_id: str | None,
        new_id: str | None,
        beginning: int,
    ) -> None:
        """Begin a re-created topic at its start, and say so.

        What must follow comes first: told twice after a crash is better than never.
        """
        if old_id != new_id:
            log.warning(
                "%s[%d] was re-created (topic id %s, formerly %s): starting at offset %d",
                *partition,
                new_id,
                old_id,
                beginning,
            )
            await self._on_recreated(partition)
        rows = await self._store.fetch(
            "restart_position",
            **self.key(partition),
            expected=stored,
            old_topic_id=old_id,
            topic_id=new_id,
            next_offset=beginning,
        )
        # None: another owner did it; the records that this one takes will be fenced.
        lives = self._lives[partition] + (old_id != new_id)
        self._lives[partition] = rows[0]["life"] if rows else lives

    async def accept(
        self, partition: Partition, records: Sequence[RawRecord], follows: int | None = None
    ) -> Sequence[RawRecord]:
        """Return the records not yet processed; raises RetentionLoss for others that are gone.

        `follows` is the offset after what the same fetch held before them: no gap is in between.
        """
        expected = self._expected.get(partition)
        if expected is None:
            return ()
        fresh = [record for record in records if record.offset >= expected]
        if fresh and fresh[0].offset > expected and (follows is None or follows > expected):
            if await self._is_doubtful(partition, fresh[0].offset):
                return ()
            await self._explain_gap(partition, expected, fresh[0].offset)
        if fresh:
            self._doubts.pop(partition, None)
        life = self._lives[partition]
        return [replace(record, life=life) for record in fresh] if life else fresh

    async def _is_doubtful(self, partition: Partition, found: int) -> bool:
        """Tell whether records before this one may have been dropped; have them read again."""
        doubt = self._doubts.get(partition)
        if doubt is not None and found == doubt.offset:
            return False
        if doubt is not None and found > doubt.offset and doubt.dropped < MOST_DROPPED:
            self._doubts[partition] = Doubt(doubt.offset, doubt.dropped + 1)
            return True
        self._doubts[partition] = Doubt(found)
        await self._seek_back()
        return True

    async def _explain_gap(self, partition: Partition, expected: int, found: int) -> None:
        """Tell what is missing between our position and the next record."""
        # A consumer that is too slow is moved to the log's start by its client, without a word.
        start = await self._log_start(partition)
        if start > expected:
            loss = RetentionLoss(partition, expected, min(start, found))
            if not self._accept_gaps:
                raise loss
            log.error("%s", loss)
            return
        # Compaction and transaction markers leave holes.
        log.info("%s[%d]: offsets %d to %d hold no records", *partition, expected, found - 1)
