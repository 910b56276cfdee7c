"""Absurd: a task with two steps and `await_event` between them; the task really suspends."""

import os
from typing import Any

from absurd_sdk import AsyncAbsurd
from absurdctl import BUNDLED_SCHEMA_SQL

from bench.peers.lines import Event, run
from bench.peers.tables import Rows

QUEUE = "bench"
CONCURRENCY = 20
POLL_SECONDS = 0.01
"""An idle worker asks as often as this (the default is 0.25): better latency at low load."""

COUNTS = f"""
select
    (select count(*) from absurd.w_{QUEUE}) +
    (select count(*) from absurd.t_{QUEUE} where state = 'completed'),
    (select count(*) from absurd.t_{QUEUE} where state = 'completed')
"""
ENDED = f"select 1 from absurd.t_{QUEUE} where task_id = %s and state = 'completed'"

app = AsyncAbsurd(os.environ["DATABASE_URL"], queue_name=QUEUE)


async def nothing() -> None:
    """Do nothing."""


@app.register_task("bench")
async def task(params: dict[str, Any], context: Any) -> str:
    """Run W."""
    if params["event"]["amount"] <= 100:
        return "small"
    await context.step("noted", nothing)
    decision = await context.await_event(f"decision:{params['key']}")
    await context.step("settled", nothing)
    return str(decision)


async def work() -> None:
    """Work until the process is ended."""
    await app.start_worker(concurrency=CONCURRENCY, poll_interval=POLL_SECONDS)


class Load(Rows):
    """The load generator: calls of the SDK on one connection, in one transaction."""

    def __init__(self) -> None:
        super().__init__(COUNTS, ENDED)
        self._tasks: dict[str, str] = {}

    async def prepare(self) -> None:
        """Make the schema that `absurdctl init` applies by psql; then the queue."""
        await self.open()
        await self.connection.execute(BUNDLED_SCHEMA_SQL)
        await AsyncAbsurd(self.connection, queue_name=QUEUE).create_queue()
        await self.connection.close()

    async def connect(self) -> None:
        """Connect."""
        await self.open()
        self._app = AsyncAbsurd(self.connection, queue_name=QUEUE)

    async def load(self, events: list[Event]) -> None:
        """Spawn tasks."""
        async with self.connection.transaction():
            for key, event in events:
                params = {"key": key, "event": event}
                spawned = await self._app.spawn("bench", params, queue=QUEUE)
                self._tasks[key] = spawned["task_id"]

    async def decide(self, keys: list[str]) -> None:
        """Emit events."""
        async with self.connection.transaction():
            for key in keys:
                await self._app.emit_event(f"decision:{key}", "approved")

    async def ended(self, key: str) -> bool:
        """Tell whether a task is completed."""
        return await super().ended(self._tasks[key])


if __name__ == "__main__":
    run(Load(), work)
