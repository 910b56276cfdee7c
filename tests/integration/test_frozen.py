"""The database ends the transaction of a process that does nothing any more."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from storage.store import PostgresStore, Transaction

QUICK = "-c idle_in_transaction_session_timeout=200"
GONE = "select from pg_stat_activity where pid = %s"


async def read(transaction: Transaction) -> None:
    """Run one statement."""
    await transaction.fetch("read_clock")


async def read_pipelined(transaction: Transaction) -> None:
    """Run two statements in one round trip."""
    await transaction.fetch_pipelined(("read_clock", {}), ("read_clock", {}))


async def write_pipelined(transaction: Transaction) -> None:
    """Run two statements whose results nobody reads."""
    async with transaction.pipelined():
        await transaction.run("read_clock")
        await transaction.run("read_clock")


# F8
@pytest.mark.parametrize("act", [read, read_pipelined, write_pipelined])
async def test_a_transaction_that_stands_still_is_ended_by_the_database(
    store: PostgresStore, act: Callable[[Transaction], Awaitable[None]]
) -> None:
    frozen = await psycopg.AsyncConnection[dict[str, Any]].connect(
        store.url, row_factory=dict_row, options=QUICK
    )
    watcher = await psycopg.AsyncConnection.connect(store.url, autocommit=True)
    await frozen.execute("begin")
    await act(Transaction(frozen))
    try:
        async with asyncio.timeout(5):
            while (await watcher.execute(GONE, (frozen.info.backend_pid,))).rowcount:
                pass
    finally:
        await watcher.close()
        await frozen.close()
