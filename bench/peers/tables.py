"""Own tables beside a job queue: what a user of one writes to have executions, steps, approvals."""

import json
import os
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

SCHEMA = """
create table executions (
    id text primary key,
    status text not null,
    payload jsonb not null,
    started_at timestamptz not null default now(),
    completed_at timestamptz
) with (fillfactor = 80);
create table steps (
    execution_id text not null,
    step text not null,
    at timestamptz not null default now(),
    primary key (execution_id, step)
);
create table approvals (
    execution_id text primary key,
    status text not null,
    decided_by text
) with (fillfactor = 80);
"""

# One statement and so one round trip and one commit, as somebody would write who wants speed.
START = """
with execution as (
    insert into executions (id, status, payload) values (%(id)s, 'paused', %(payload)s)
    on conflict do nothing returning id
), noted as (
    insert into steps (execution_id, step) select id, 'noted' from execution
)
insert into approvals (execution_id, status) select id, 'pending' from execution
"""

RESUME = """
with decided as (
    update approvals set status = 'approved', decided_by = %(by)s
    where execution_id = %(id)s and status = 'pending' returning execution_id
), settled as (
    insert into steps (execution_id, step) select execution_id, 'settled' from decided
)
update executions set status = 'completed', completed_at = now()
from decided where id = decided.execution_id
"""

COUNTS = """
select
    (select count(*) from approvals),
    (select count(*) from executions where status = 'completed')
"""

ENDED = "select 1 from executions where id = %s and status = 'completed'"


def pool() -> AsyncConnectionPool[AsyncConnection[Any]]:
    """Return a pool to open, as wide as the workers' concurrency needs."""
    return AsyncConnectionPool(
        os.environ["DATABASE_URL"], min_size=4, max_size=20, kwargs={"autocommit": True}, open=False
    )


async def start(connection: AsyncConnection[Any], key: str, event: dict[str, Any]) -> None:
    """Run from the event to the pause."""
    if event["amount"] > 100:
        await connection.execute(START, {"id": key, "payload": json.dumps(event)})


async def resume(connection: AsyncConnection[Any], key: str) -> None:
    """Run from the decision to the end."""
    await connection.execute(RESUME, {"id": key, "by": "bench@example.com"})


class Rows:
    """A load generator's reader that counts; one connection of its own."""

    connection: AsyncConnection[Any]

    def __init__(self, counts: str = COUNTS, ended: str = ENDED) -> None:
        self._counts, self._ended = counts, ended

    async def open(self) -> None:
        """Connect."""
        self.connection = await AsyncConnection.connect(os.environ["DATABASE_URL"], autocommit=True)

    async def counts(self) -> tuple[int, int]:
        """Return how many are paused or further, and how many completed."""
        row = await (await self.connection.execute(self._counts)).fetchone()
        return (row[0], row[1]) if row else (0, 0)

    async def ended(self, key: str) -> bool:
        """Tell whether one is completed."""
        return bool(await (await self.connection.execute(self._ended, (key,))).fetchone())

    async def verify(self) -> int:
        """Return how many are completed."""
        return (await self.counts())[1]
