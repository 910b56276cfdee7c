"""Up to which instant the decisions topic has been read (reliability.md, G4)."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from storage.errors import DatabaseUnreachable
from storage.store import TRANSIENT, PostgresStore
from streams.admin import Admin, BrokerUnreachable

NEVER = datetime(1970, 1, 1, tzinfo=UTC)
APPENDING = timedelta(seconds=0.3)
"""How long a record may be stamped already and not be seen: a broker stamps, then writes."""

log = logging.getLogger("sluicegate.watermark")


@dataclass(slots=True)
class Rest:
    """What a partition holds beyond the position."""

    partition: int
    start: int
    end: int
    is_behind: bool | None = field(default=None, compare=False)
    """Whether records are among it; None until somebody has looked."""


class Watermark:
    """Tells until when every decision that was sent has been applied, whoever applied it."""

    def __init__(self, store: PostgresStore, admin: Admin, topic: str, group_id: str) -> None:
        self._store, self._admin = store, admin
        self._topic, self._group = topic, group_id
        self._lost = False
        self._rests: dict[int, Rest] = {}

    async def read(self) -> datetime:
        """Return the instant; one long ago while broker or database do not answer."""
        try:
            reached = await self._read()
        except (*TRANSIENT, DatabaseUnreachable, BrokerUnreachable) as problem:
            if not self._lost:
                log.warning("requests that are overdue stay open for a while: %s", problem)
            self._lost = True
            return NEVER
        self._lost = False
        return reached

    async def _read(self) -> datetime:
        # In this order: what comes after the clock was read is not claimed to have been read.
        now = await self._store.now() - APPENDING
        count = (await self._admin.partitions([self._topic])).get(self._topic, 0)
        ends = await self._admin.ends([(self._topic, number) for number in range(count)])
        ids = await self._admin.topic_ids([self._topic])
        if len(ends) < count or not count:
            return NEVER
        return await self._reached(
            {number: end for (_, number), end in ends.items()}, ids.get(self._topic), now
        )

    async def _reached(self, ends: Mapping[int, int], id: str | None, now: datetime) -> datetime:
        rows = await self._store.fetch("list_positions", group_id=self._group)
        known = {row["partition"]: row for row in rows if row["topic"] == self._topic}
        reached = now
        for partition, end in ends.items():
            row = known.get(partition)
            same = row is not None and (id is None or row["topic_id"] in (None, id))
            if row is None or not same:
                reached = min(reached, now if end == 0 else NEVER)
            elif row["next_offset"] < end and await self._is_behind(
                Rest(partition, row["next_offset"], end)
            ):
                reached = min(reached, row["watermark"] or NEVER)
        return reached

    async def _is_behind(self, rest: Rest) -> bool:
        """Tell whether there is something to read still: marks of transactions are nothing.

        Looked at once, and only when it stood there before: records are usually on their way.
        """
        before = self._rests.get(rest.partition)
        if before != rest:
            self._rests[rest.partition] = rest
        elif before.is_behind is None:
            at = self._topic, rest.partition
            before.is_behind = await self._admin.holds_records(at, rest.start, rest.end)
        return self._rests[rest.partition].is_behind is not False
