"""What happens when partitions come and go: where they start, and who holds them."""

import contextlib
from collections.abc import Iterable, Mapping

from aiokafka.errors import KafkaError
from faust.types import TP

from storage.errors import DatabaseUnreachable
from storage.store import TRANSIENT
from streams.admin import Admin, BrokerUnreachable
from streams.driver import back_off
from streams.position import LogState, Partition, Positions
from streams.probation import Probation
from streams.transport import BatchApp


class Assignment:
    """The partitions of this process, as the consumer group hands them out."""

    def __init__(self, admin: Admin, positions: Positions, probation: Probation) -> None:
        self._admin, self._positions, self._probation = admin, positions, probation
        self.app: BatchApp | None = None
        self.held: frozenset[Partition] = frozenset()
        self._ids: Mapping[str, str] = {}
        """Ids of the topics as they were when their partitions were assigned."""

    async def begin(self, assigned: frozenset[TP]) -> Mapping[TP, int]:
        """Return where assigned partitions start; as soon as database and broker answer."""
        self.held = partitions = frozenset(Partition(*tp) for tp in assigned)
        if not assigned:
            return {}
        attempt = 0
        while True:
            try:
                log_state = await self._look_up(assigned)
                starts = await self._positions.starts(partitions, log_state)
                await self._probation.hold(log_state.ends)
                self._ids = log_state.topic_ids
            except (*TRANSIENT, DatabaseUnreachable, BrokerUnreachable) as error:
                attempt += 1
                await back_off(attempt, "positions", error)
            else:
                return {TP(*partition): offset for partition, offset in starts.items()}

    async def end(self, revoked: Iterable[TP] | None = None) -> None:
        """Say that partitions, or all, were left in order; without a database nobody is told."""
        left = None if revoked is None else [Partition(*tp) for tp in revoked]
        with contextlib.suppress(*TRANSIENT, DatabaseUnreachable):
            await self._probation.release(left)

    async def seek_back(self) -> None:
        """Read on from the stored positions: what was fetched before is not trusted."""
        if self.app is not None:
            with contextlib.suppress(KafkaError):
                await self.app.consumer.perform_seek()

    async def look(self) -> None:
        """Read topics that were made anew since from their start."""
        ids = await self._admin.topic_ids(sorted({partition.topic for partition in self.held}))
        if any(self._ids.get(topic, id) != id for topic, id in ids.items()):
            await self.seek_back()

    async def _look_up(self, assigned: frozenset[TP]) -> LogState:
        assert self.app is not None  # noqa: S101
        ids = await self._admin.topic_ids(sorted({tp.topic for tp in assigned}))
        beginnings = await self.app.beginning_offsets(assigned)
        ends = await self.app.end_offsets(assigned)
        return LogState(ids, _by_partition(beginnings), _by_partition(ends))


def _by_partition(offsets: Mapping[TP, int]) -> dict[Partition, int]:
    return {Partition(*tp): offset for tp, offset in offsets.items()}
