"""awa and own tables: a job for the event, another for the decision, dispatched by its runtime."""

import asyncio
import os
from dataclasses import dataclass
from typing import Any

from awa import AsyncClient

from bench.peers import tables
from bench.peers.lines import Event, run

QUEUE = "bench"
CONCURRENCY = 100


@dataclass
class Start:
    """An event to take."""

    key: str
    event: dict[str, Any]


@dataclass
class Resume:
    """A decision to take."""

    key: str


async def work() -> None:
    """Work until the process is ended."""
    client, own = AsyncClient(os.environ["DATABASE_URL"]), tables.pool()

    @client.task(Start, queue=QUEUE)
    async def start(job: Any) -> None:
        async with own.connection() as connection:
            await tables.start(connection, job.args.key, job.args.event)

    @client.task(Resume, queue=QUEUE)
    async def resume(job: Any) -> None:
        async with own.connection() as connection:
            await tables.resume(connection, job.args.key)

    async with own:
        await client.start([(QUEUE, CONCURRENCY)])
        await asyncio.Event().wait()


class Load(tables.Rows):
    """The load generator: batches by COPY."""

    async def prepare(self) -> None:
        """Make both schemas."""
        client = AsyncClient(os.environ["DATABASE_URL"])
        await client.migrate()
        await client.install_queue_storage()
        await client.close()
        await self.open()
        await self.connection.execute(tables.SCHEMA)
        await self.connection.close()

    async def connect(self) -> None:
        """Connect."""
        await self.open()
        self._client = AsyncClient(os.environ["DATABASE_URL"])

    async def load(self, events: list[Event]) -> None:
        """Enqueue a batch."""
        await self._client.enqueue_many_copy([Start(*event) for event in events], queue=QUEUE)

    async def decide(self, keys: list[str]) -> None:
        """Enqueue a batch."""
        await self._client.enqueue_many_copy([Resume(key) for key in keys], queue=QUEUE)


if __name__ == "__main__":
    run(Load(), work)
