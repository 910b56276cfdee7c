"""The Faust transport: an agent's event is a whole record batch (architecture.md rule 3, faust.md).

Group membership, heartbeats, flow control and supervision stay Faust's. Two things are ours: what
one fetch returned for a partition becomes one message, and positions come from our database.
"""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import faust
from aiokafka.errors import KafkaError
from faust.transport.drivers import aiokafka as aiokafka_driver
from faust.types import TP
from mode.supervisors import CrashingSupervisor

from streams.codecs import RawRecord
from streams.failpoints import reach
from streams.lenient import install

install()

MAX_BATCH_BYTES = 4 * 1024 * 1024
LOG_APPEND_TIME = 1
RETRY_MS = 300
METADATA_MS = 10_000
"""How long added partitions stay unknown at most; the client's own five minutes are too long."""
FOREVER_SECONDS = 1_000_000.0
"""A busy worker, or one without partitions, must not be thrown out of its group (faust.md 3.3)."""

StartOffsets = Callable[[frozenset[TP]], Awaitable[Mapping[TP, int]]]
Release = Callable[[frozenset[TP]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Batch:
    """The value of a message: records of one fetch, in order."""

    records: Sequence[Any]
    follows: int | None
    """The offset after the fetch's records before these; none for its first."""


class BatchTopic(faust.Topic):  # type: ignore[misc]
    """A topic whose events carry lists of records; decoding belongs to the agent."""

    async def decode(self, message: Any, *, propagate: bool = False) -> Any:  # noqa: ARG002
        """Return the event of a message as it is."""
        return self.app.create_event(None, message.value, None, message)


class BatchThread(aiokafka_driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """The thread that owns aiokafka's consumer."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        # Faust fixes this wait at 1.5 s; a broker that does not wake a waiting fetch needs less.
        consumer._fetch_max_wait_ms = self.app.fetch_wait_ms
        # How often it looks for each partition's owner while the broker is away.
        consumer._retry_backoff_ms = RETRY_MS
        # What a transactional producer aborted never happened.
        consumer._isolation_level = "read_committed"
        return consumer


def slices(rows: Sequence[Any], most: int) -> list[Sequence[Any]]:
    """Split records so that no slice exceeds the batch bounds in number or bytes."""
    found: list[Sequence[Any]] = []
    start = size = 0
    for number, row in enumerate(rows):
        weight = len(row.value or b"")
        if number > start and (number - start >= most or size + weight > MAX_BATCH_BYTES):
            found.append(rows[start:number])
            start, size = number, 0
        size += weight
    found.append(rows[start:])
    return found


class NothingRead(dict[TP, int | None]):
    """What Faust takes for the offsets it has read: none, so that it never drops a message.

    It notes the offset of a message that a rebalance kept from its agent, and then drops what comes
    before it when it is read again. Our positions know what was processed.
    """

    def __getitem__(self, partition: TP) -> None:
        """Return that nothing was read."""


class BatchConsumer(aiokafka_driver.Consumer):  # type: ignore[misc]
    """Yields one message per slice of a partition; agents acknowledge in order."""

    seeks = 0
    """Counts the beginnings and ends of seeks: between two, fetched records are of one piece."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._read_offset = NothingRead()

    def _new_consumer_thread(self) -> BatchThread:
        return BatchThread(self, loop=self.loop, beacon=self.beacon)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109
        """Yield what one fetch returned, a message per slice; nothing fetched before a seek."""
        seeks = self.seeks
        records, _ = await self._wait_next_records(timeout)
        if self.should_stop or not records:
            return
        if not self.flow_active or self.seeks != seeks:
            # Fetched before a rebalance: read it again once partitions are settled.
            with contextlib.suppress(KafkaError):
                await self.perform_seek()
            return
        for partition, rows in records.items():
            follows = None
            for batch in slices(rows, self.app.batch_size):
                if not self.flow_active or self.seeks != seeks:
                    return
                message = self._to_message(partition, batch[-1])
                message.value = Batch(batch, follows)
                follows = batch[-1].offset + 1
                yield partition, message

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Seek to our positions: what Kafka has stored is never where we start."""
        offsets: Mapping[TP, int] = await self.app.start_offsets(frozenset(self.assignment()))
        reach("assign.before_seek")
        self.seeks += 1
        await self.seek_wait(offsets)
        self.seeks += 1
        return offsets

    async def _add_gap(self, *_: object) -> None:
        """Ignore gaps: they matter only to acknowledgements out of order."""

    def _new_offset(self, tp: TP) -> int | None:
        acked = self._acked[tp]
        if not acked:
            return None
        last = max(acked)
        acked.clear()
        self._acked_index[tp].clear()
        return int(last) + 1

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Commit first: Faust forgets what is not committed when partitions go."""
        reach("revoke")
        await self.commit()
        await super().on_partitions_revoked(revoked)
        await self.app.release(frozenset(revoked))


class BatchTransport(aiokafka_driver.Transport):  # type: ignore[misc]
    """Faust's aiokafka transport with our consumer."""

    Consumer = BatchConsumer


class BatchApp(faust.App):  # type: ignore[misc]
    """A Faust application whose agents receive record batches."""

    def __init__(
        self,
        id: str,
        *,
        start_offsets: StartOffsets,
        release: Release,
        batch_size: int,
        fetch_wait_ms: int,
        session_seconds: float,
        **settings: Any,
    ) -> None:
        self.start_offsets, self.release, self.batch_size = start_offsets, release, batch_size
        self.fetch_wait_ms = fetch_wait_ms
        defaults = {
            "Topic": BatchTopic,
            "agent_supervisor": CrashingSupervisor,
            "key_serializer": "raw",
            "value_serializer": "raw",
            "store": "memory://",
            "stream_buffer_maxsize": 2,
            "stream_wait_empty": False,
            "stream_processing_timeout": 3600.0,
            "table_standby_replicas": 0,
            "topic_disable_leader": True,
            "topic_allow_declare": False,
            "broker_commit_interval": 1.0,
            "broker_commit_livelock_soft_timeout": 3600.0,
            "broker_max_poll_interval": FOREVER_SECONDS,
            "broker_session_timeout": session_seconds,
            "broker_heartbeat_interval": session_seconds / 6,
            "broker_rebalance_timeout": 20.0,
            "consumer_auto_offset_reset": "earliest",
            "consumer_metadata_max_age_ms": METADATA_MS,
            "web_enabled": False,
            "worker_redirect_stdouts": False,
        }
        super().__init__(id, **{**defaults, **settings})

    def _create_directories(self) -> None:
        """Leave the working directory alone: we keep no tables."""

    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self)

    async def beginning_offsets(self, partitions: frozenset[TP]) -> Mapping[TP, int]:
        """Return where the logs of assigned partitions begin."""
        found = await self.consumer.earliest_offsets(*partitions)
        return dict(found)

    async def end_offsets(self, partitions: frozenset[TP]) -> Mapping[TP, int]:
        """Return the offsets after the last records of assigned partitions."""
        found = await self.consumer.highwaters(*partitions)
        return dict(found)


def raw_record(record: Any) -> RawRecord:
    """Return an aiokafka record as the rest of the program sees it."""
    return RawRecord(
        record.topic,
        record.partition,
        record.offset,
        record.key,
        record.value,
        tuple(record.headers),
        record.timestamp,
        record.timestamp_type == LOG_APPEND_TIME,
    )
