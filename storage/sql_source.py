"""One row of somebody else's database, for resources of kind `sql` (requirements.md S81)."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, cast

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from engine.errors import SourceFailed
from storage.statements import statements

POOL_SIZE = 4
IDLE_SECONDS = 60.0
CONNECT_SECONDS = 5
GRACE_SECONDS = 1.0
"""How much longer we wait for the server to end a query itself."""
Connection = psycopg.AsyncConnection[dict[str, Any]]
# Classes of SQLSTATE that another try may get past: lost connection, rollback, resources, operator.
TRANSIENT = ("08", "40", "53", "55", "57", "58")


class SqlRows:
    """Reads rows in read-only transactions; each database has a small pool, opened when needed."""

    def __init__(self) -> None:
        self._pools: dict[str, AsyncConnectionPool[Connection]] = {}

    async def fetch_row(
        self, dsn: str, query: str, parameters: Mapping[str, object], within: timedelta
    ) -> dict[str, object] | None:
        """Return the only row as JSON-like values, None where there is none; raises SourceFailed.

        The query is the deployer's; data reaches it only as bound parameters.
        """
        seconds = within.total_seconds()
        try:
            async with asyncio.timeout(seconds + GRACE_SECONDS):
                rows = await self._rows(dsn, query, parameters, seconds)
        except TimeoutError as error:
            raise _too_late(seconds) from error
        except PoolTimeout as error:
            text = "no connection to the source's database"
            raise SourceFailed("connection_failed", text, retryable=True) from error
        except psycopg.Error as error:
            raise _failure(error, seconds) from error
        if len(rows) > 1:
            text = "the query found more than one row; narrow it, or end it with `limit 1`"
            raise SourceFailed("several_rows", text, retryable=False)
        return {name: plain(value) for name, value in rows[0].items()} if rows else None

    async def _rows(
        self, dsn: str, query: str, parameters: Mapping[str, object], seconds: float
    ) -> list[dict[str, Any]]:
        pool = self._pool(dsn)
        await pool.open()
        async with pool.connection(timeout=seconds) as connection:
            return await _read(connection, query, parameters, seconds)

    def _pool(self, dsn: str) -> AsyncConnectionPool[Connection]:
        pool = self._pools.get(dsn)
        if pool is None:
            pool = self._pools[dsn] = AsyncConnectionPool(
                dsn,
                connection_class=psycopg.AsyncConnection[dict[str, Any]],
                kwargs={
                    "row_factory": dict_row,
                    "application_name": "sluicegate resource",
                    "connect_timeout": CONNECT_SECONDS,
                },
                configure=_only_read,
                min_size=0,
                max_size=POOL_SIZE,
                max_idle=IDLE_SECONDS,
                open=False,
            )
        return pool

    async def close(self) -> None:
        """Close all connections."""
        for pool in self._pools.values():
            await pool.close()


async def _only_read(connection: Connection) -> None:
    await connection.set_read_only(True)


async def _read(
    connection: Connection, query: str, parameters: Mapping[str, object], seconds: float
) -> list[dict[str, Any]]:
    """Return at most two rows; the server ends the query when its time is over."""
    limit = {"milliseconds": str(max(1, round(seconds * 1000)))}
    await connection.execute(statements()["limit_statement"], limit)
    rows = []
    async with connection.cursor() as cursor:
        stream = cast(AsyncGenerator[dict[str, Any]], cursor.stream(query, parameters))
        async with aclosing(stream):
            async for row in stream:
                rows.append(row)
                if len(rows) == 2:
                    break
    return rows


def _too_late(seconds: float) -> SourceFailed:
    return SourceFailed("timeout", f"no answer within {seconds:g} s", retryable=True)


def _failure(error: psycopg.Error, seconds: float) -> SourceFailed:
    """Return a driver's error in our words; none of them shows an address."""
    if isinstance(error, psycopg.errors.QueryCanceled):
        return _too_late(seconds)
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        text = "the query would change the database; a resource only reads"
        return SourceFailed("query_refused", text, retryable=False)
    if error.sqlstate is None and isinstance(error, psycopg.OperationalError):
        text = "the connection to the source's database was lost"
        return SourceFailed("connection_failed", text, retryable=True)
    retryable = (error.sqlstate or "").startswith(TRANSIENT)
    reason = error.diag.message_primary or type(error).__name__
    return SourceFailed("query_failed", f"the database said: {reason}", retryable=retryable)


def plain(value: object) -> object:
    """Return a column's value as JSON has it: instants in ISO 8601, decimals as numbers."""
    match value:
        case None | bool() | int() | float() | str() | dict():
            return value
        case Decimal():
            whole = value.is_finite() and value == value.to_integral_value()
            return int(value) if whole and value.as_tuple().exponent == 0 else float(value)
        case datetime() | date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case list() | tuple():
            return [plain(item) for item in value]
        case bytes():
            return b64encode(value).decode()
        case _:
            return str(value)
