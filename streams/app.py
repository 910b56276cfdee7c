"""The Faust application: agents that receive record batches (architecture.md rule 3)."""

import asyncio
import contextlib
import logging
import re
from collections.abc import Iterable, Mapping
from typing import Any

from faust.types import TP
from mode import Service

from config.settings import Settings
from engine.errors import SluicegateError
from streams.admin import Admin
from streams.failpoints import reach
from streams.intake import Handler
from streams.position import LogState, Partition, Positions
from streams.topics import Topics
from streams.transport import BatchApp, raw_record
from streams.worker import Worker

log = logging.getLogger("sluicegate.app")


class TopicsMissing(SluicegateError):
    """Topics that must exist do not."""

    def __init__(self, address: str, names: Iterable[str]) -> None:
        self.names = tuple(sorted(names))
        super().__init__(
            f"Kafka at {address} has no topic {', '.join(self.names)}: "
            "run `sluicegate migrate --topics`, and create your event topics"
        )


async def resolve_event_topics(settings: Settings, admin: Admin) -> list[str]:
    """Return the event topics, `~regex` entries matched against the broker's topics."""
    own = settings.topic_prefix
    known = await admin.partitions()
    found: list[str] = []
    for entry in settings.event_topics:
        if not entry.startswith("~"):
            found.append(entry)
            continue
        pattern = re.compile(entry[1:])
        found.extend(n for n in sorted(known) if pattern.fullmatch(n) and not n.startswith(own))
    return list(dict.fromkeys(found))


async def require_topics(names: Iterable[str], admin: Admin) -> None:
    """Raise TopicsMissing unless all topics exist."""
    wanted = set(names)
    known = await admin.partitions(wanted)
    if missing := wanted - known.keys():
        raise TopicsMissing(admin.address, missing)


def own_topics(topics: Topics) -> list[str]:
    """Return the names of all our topics."""
    return [spec.name for spec in topics.specs()]


class _Log:
    """Looks up topic ids and log starts for an assignment."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self.app: BatchApp | None = None

    async def look_up(self, partitions: frozenset[Partition]) -> LogState:
        assert self.app is not None  # noqa: S101
        names = sorted({partition.topic for partition in partitions})
        ids = await self._worker.admin.topic_ids(names)
        beginnings = await self.app.beginning_offsets(frozenset(TP(*p) for p in partitions))
        return LogState(ids, {Partition(*tp): offset for tp, offset in beginnings.items()})


def create_app(worker: Worker, event_topics: list[str]) -> BatchApp:
    """Return the application with its agents; nothing is connected yet."""
    settings, state = worker.settings, _Log(worker)
    worker.event_topics = event_topics
    positions = worker.positions(state.look_up)

    async def start_offsets(assigned: frozenset[TP]) -> Mapping[TP, int]:
        starts = await positions.starts(frozenset(Partition(*tp) for tp in assigned))
        return {TP(*partition): offset for partition, offset in starts.items()}

    app = BatchApp(
        settings.group_id,
        start_offsets=start_offsets,
        batch_size=settings.batch_size,
        fetch_wait_ms=settings.fetch_wait_ms,
        session_seconds=settings.session_timeout,
        broker=[f"kafka://{address}" for address in settings.kafka.split(",")],
    )
    state.app = app
    _add_loops(app, worker)
    _add_agent(app, worker, positions, "events", event_topics, worker.events)
    _add_agent(app, worker, positions, "decisions", [worker.topics.decisions], worker.decisions)
    _add_agent(app, worker, positions, "commands", [worker.topics.commands], worker.commands)
    return app


def _add_loops(app: BatchApp, worker: Worker) -> None:
    """Start and stop the worker's loops with the application."""

    @app.service
    class Loops(Service):  # type: ignore[misc]
        async def on_start(self) -> None:
            await worker.start()
            if worker.settings.worker_ready_file is not None:
                worker.settings.worker_ready_file.touch()

        async def on_stop(self) -> None:
            await worker.stop()

    del Loops


def _add_agent(
    app: BatchApp,
    worker: Worker,
    positions: Positions,
    name: str,
    topics: list[str],
    handler: Handler,
) -> None:
    intake = worker.intake(handler, positions)

    async def agent(stream: Any) -> None:
        # Faust cancels the actor of a partition that goes to another worker, and takes an actor
        # that is cancelled within a batch for a crash, which ends the process.
        with contextlib.suppress(asyncio.CancelledError):
            async for event in stream.noack().events():
                records = [raw_record(record) for record in event.value]
                partition = Partition(records[0].topic, records[0].partition)
                await intake.take(partition, records)
                reach("batch.before_ack")
                # Only a gauge for lag tools: positions live in Postgres.
                event.ack()

    app.agent(app.topic(*topics), name=f"sluicegate.{name}", isolated_partitions=True)(agent)
