"""procrastinate and own tables: a job for the event, another for the decision."""

import os
from typing import Any

from procrastinate import App, PsycopgConnector

from bench.peers import tables
from bench.peers.lines import Event, run

CONCURRENCY = 20

connector = PsycopgConnector(conninfo=os.environ["DATABASE_URL"], min_size=4, max_size=20)
app = App(connector=connector)
own = tables.pool()


@app.task(name="start")
async def start(key: str, event: dict[str, Any]) -> None:
    """Take an event."""
    async with own.connection() as connection:
        await tables.start(connection, key, event)


@app.task(name="resume")
async def resume(key: str) -> None:
    """Take a decision."""
    async with own.connection() as connection:
        await tables.resume(connection, key)


async def work() -> None:
    """Work until the process is ended; jobs are announced by LISTEN."""
    async with own, app.open_async():
        await app.run_worker_async(concurrency=CONCURRENCY, wait=True)


class Load(tables.Rows):
    """The load generator: batches of jobs."""

    async def prepare(self) -> None:
        """Make both schemas."""
        async with app.open_async():
            await app.schema_manager.apply_schema_async()
        await self.open()
        await self.connection.execute(tables.SCHEMA)
        await self.connection.close()

    async def connect(self) -> None:
        """Connect."""
        await self.open()
        await app.open_async()

    async def load(self, events: list[Event]) -> None:
        """Defer a batch, one statement for all."""
        await start.batch_defer_async(*({"key": key, "event": event} for key, event in events))

    async def decide(self, keys: list[str]) -> None:
        """Defer a batch, one statement for all."""
        await resume.batch_defer_async(*({"key": key} for key in keys))


if __name__ == "__main__":
    run(Load(), work)
