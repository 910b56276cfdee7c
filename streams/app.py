"""The Faust application: agents that receive record batches (architecture.md rule 3)."""

import asyncio
import contextlib
import logging
import os
import re
from collections.abc import Iterable
from typing import Any

from mode import Service

from config.settings import Settings
from engine.errors import SluicegateError
from streams.admin import Admin
from streams.assignment import Assignment
from streams.credentials import broker_credentials
from streams.failpoints import reach
from streams.intake import FencedOut, Intake
from streams.position import Partition
from streams.topics import Topics
from streams.transport import Batch, BatchApp, raw_record
from streams.worker import Worker

EXIT_FAILED, EXIT_FENCED = 70, 71
"""Exit codes of a worker that cannot go on: an unforeseen failure; another owner of a partition."""

log = logging.getLogger("sluicegate.app")


class TopicsMissing(SluicegateError):
    """Topics that must exist do not."""

    def __init__(self, address: str, names: Iterable[str]) -> None:
        self.names = tuple(sorted(names))
        super().__init__(
            f"Kafka at {address} has no topic {', '.join(self.names)}: "
            "run `sluicegate migrate --topics`, and create your event topics"
        )


class NobodyReads(SluicegateError):
    """No worker has joined the consumer group."""

    def __init__(self, group: str) -> None:
        super().__init__(f"no worker has joined the group {group}; sluicegate worker")


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


async def require_group(name: str, admin: Admin) -> None:
    """Raise NobodyReads unless a worker has joined the consumer group."""
    if not (await admin.group(name)).is_joined:
        raise NobodyReads(name)


def own_topics(topics: Topics) -> list[str]:
    """Return the names of all our topics."""
    return [spec.name for spec in topics.specs()]


def create_app(worker: Worker, event_topics: list[str]) -> BatchApp:
    """Return the application with its agents; nothing is connected yet."""
    settings = worker.settings
    worker.event_topics = event_topics

    async def seek_back() -> None:
        await assignment.seek_back()

    positions, probation = worker.positions(seek_back), worker.probation()
    assignment = Assignment(worker.admin, positions, probation)
    app = BatchApp(
        settings.group_id,
        start_offsets=assignment.begin,
        release=assignment.end,
        batch_size=settings.batch_size,
        fetch_wait_ms=settings.fetch_wait_ms,
        session_seconds=settings.session_timeout,
        broker_credentials=broker_credentials(settings),
        broker=[f"kafka://{address}" for address in settings.kafka.split(",")],
    )
    assignment.app = app
    _add_loops(app, worker, assignment)
    for name, topics, handler in (
        ("events", event_topics, worker.events),
        ("decisions", [worker.topics.decisions], worker.decisions),
        ("commands", [worker.topics.commands], worker.commands),
    ):
        _add_agent(app, name, topics, worker.intake(handler, positions, probation))
    return app


def _add_loops(app: BatchApp, worker: Worker, assignment: Assignment) -> None:
    """Start and stop the worker's loops with the application."""

    @app.service
    class Loops(Service):  # type: ignore[misc]
        async def on_start(self) -> None:
            await worker.start(assignment)
            if worker.settings.worker_ready_file is not None:
                worker.settings.worker_ready_file.touch()

        async def on_stop(self) -> None:
            await worker.drain()
            await assignment.end()
            await worker.close()

    del Loops


def _add_agent(app: BatchApp, name: str, topics: list[str], intake: Intake) -> None:
    async def agent(stream: Any) -> None:
        # Faust cancels the actor of a partition that goes to another worker, and takes an actor
        # that is cancelled within a batch for a crash, which ends the process.
        with contextlib.suppress(asyncio.CancelledError):
            async for event in stream.noack().events():
                await _take_or_die(intake, event.value)
                # Only a gauge for lag tools: positions live in Postgres.
                event.ack()

    app.agent(app.topic(*topics), name=f"sluicegate.{name}", isolated_partitions=True)(agent)


async def _take_or_die(intake: Intake, batch: Batch) -> None:
    """Take a batch, or end the process: what failed unforeseen must not be passed over."""
    records = [raw_record(record) for record in batch.records]
    partition = Partition(records[0].topic, records[0].partition)
    try:
        await intake.take(partition, records, batch.follows)
        reach("batch.before_ack")
    except FencedOut:
        log.critical("%s[%d]: another worker owns it, giving way", *partition, exc_info=True)
        os._exit(EXIT_FENCED)
    except Exception:
        log.critical(
            "%s[%d]: the batch at offset %d failed, ending this worker",
            *partition,
            records[0].offset,
            exc_info=True,
        )
        os._exit(EXIT_FAILED)
