"""DBOS: a workflow with two steps and `recv` between them, started from a queue."""

import asyncio
import os
from typing import Any

from dbos import DBOS, DBOSClient, DBOSConfig
from dbos._sys_db import SendMessage  # `send_bulk` takes it, and the package exports it nowhere

from bench.peers.lines import Event, run
from bench.peers.tables import Rows

QUEUE = "bench"
POLLING_SECONDS = 0.1
"""Of the queue, for starts; a message wakes its workflow by LISTEN."""

# `recv` records its deadline as a step of its own before it waits: the pause is durable from there.
COUNTS = """
select
    (select count(*) from dbos.operation_outputs where function_name = 'DBOS.sleep'),
    (select count(*) from dbos.workflow_status where status = 'SUCCESS')
"""
ENDED = "select 1 from dbos.workflow_status where workflow_uuid = %s and status = 'SUCCESS'"


@DBOS.step()
async def noted() -> None:
    """Do nothing, and have it recorded."""


@DBOS.step()
async def settled() -> None:
    """Do nothing, and have it recorded."""


@DBOS.workflow(name="bench")
async def workflow(event: dict[str, Any]) -> str:
    """Run W. Async, as the documentation advises for many that wait at once."""
    if event["amount"] <= 100:
        return "small"
    await noted()
    decision = await DBOS.recv_async("decision", timeout_seconds=3600)
    await settled()
    return str(decision)


async def launch() -> None:
    """Launch the runtime, which also makes its schema; the queue has no limit of concurrency."""
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": os.environ["DATABASE_URL"],
        "application_version": "1",
        "log_level": "ERROR",
    }
    DBOS(config=config)
    DBOS.launch()
    await DBOS.register_queue_async(QUEUE, polling_interval_sec=POLLING_SECONDS)


async def work() -> None:
    """Work until the process is ended."""
    await launch()
    await asyncio.Event().wait()


class Load(Rows):
    """The load generator, by DBOS's client for other programs."""

    def __init__(self) -> None:
        super().__init__(COUNTS, ENDED)

    async def prepare(self) -> None:
        """Make the schema by launching once."""
        # On a loop of its own: DBOS takes the thread pool of the one it runs on, and closes it.
        await asyncio.to_thread(asyncio.run, launch())
        await asyncio.to_thread(DBOS.destroy)

    async def connect(self) -> None:
        """Connect."""
        await self.open()
        self._client = DBOSClient(system_database_url=os.environ["DATABASE_URL"])

    async def load(self, events: list[Event]) -> None:
        """Enqueue, one call each: the client has no bulk form."""
        for key, event in events:
            options = {"workflow_name": "bench", "queue_name": QUEUE, "workflow_id": key}
            await asyncio.to_thread(self._client.enqueue, options, event)

    async def decide(self, keys: list[str]) -> None:
        """Send, all in one transaction."""
        messages = [SendMessage(key, "approved", "decision") for key in keys]
        await self._client.send_bulk_async(messages)


if __name__ == "__main__":
    run(Load(), work)
