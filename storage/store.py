"""PostgreSQL: the pool, and transactions with named statements."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import orjson
import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row
from psycopg.types.json import set_json_dumps, set_json_loads
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from config.errors import ConfigError
from storage.errors import DatabaseUnreachable, Unstorable, reason_of
from storage.statements import statements

set_json_loads(orjson.loads)
set_json_dumps(orjson.dumps)

Connection = psycopg.AsyncConnection[dict[str, Any]]
Pending = psycopg.AsyncCursor[dict[str, Any]]
"""A statement that was sent; its rows come when the pipeline ends."""
Rows = Sequence[Mapping[str, object]]

SESSION_OPTIONS = (
    "-c statement_timeout=10000 -c lock_timeout=2000 "
    "-c idle_in_transaction_session_timeout=10000 -c timezone=UTC "
    # The server too notices a peer that is gone, within 30 s: it holds our locks until then.
    "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=4 "
    "-c tcp_user_timeout=30000"
)
TRANSACTION_SECONDS = 20
"""How long a transaction of ours may last where the server can see to it (PostgreSQL 17 and later).

The limit on idle ones does not see a client that froze while the answers of a pipeline came:
psycopg ends one with Sync and Flush, and the Flush stops the timer that Sync started (F8).
"""
LIMIT_TRANSACTIONS = (
    "select set_config(name, %s, %s) from pg_settings where name = 'transaction_timeout'"
)
ANSWER_SECONDS = 15.0
"""How long people wait for a server that is frozen: a slow statement it ends itself after 10 s."""
TRANSIENT = (
    psycopg.OperationalError,
    psycopg.InternalError,
    psycopg.InterfaceError,
    psycopg.errors.UniqueViolation,
)
"""After these the same work may be tried again: lost connection, lock, deadlock, resources, and an
id that two transactions took at once: the second then finds it used."""
RACED = ("idx_decisions_decision_id", "commands_pkey")
"""Where two may come with one id at once; any other repetition is in the data itself."""
UNREADABLE = (
    "DATABASE_URL cannot be read: write postgresql://USER:PASSWORD@HOST:5432/DATABASE, "
    "with %40 for an @ and %2F for a / in the password"
)
DATA_CLASSES = ("22", "23", "54")
"""SQLSTATE classes that say the values themselves cannot be stored (reliability.md)."""


async def limit_transactions(connection: Connection) -> None:
    """Let the server end what lasts too long, once for all transactions of a connection."""
    await connection.execute(LIMIT_TRANSACTIONS, (f"{TRANSACTION_SECONDS}s", False))
    await connection.commit()


def connection_settings(name: str) -> dict[str, Any]:
    """Return what every connection of ours is opened with, beside its URL."""
    return {
        "row_factory": dict_row,
        "options": SESSION_OPTIONS,
        "application_name": name,
        # A line that is only half there is noticed within 25 s (reliability.md, settings).
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": 25_000,
        "connect_timeout": 5,
    }


def address_of(url: str) -> str:
    """Return hosts, ports and database of a URL or conninfo text, without user and password.

    Raises ConfigError for what is neither, and does not repeat it.
    """
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        raise ConfigError(UNREADABLE) from None
    hosts = str(parts.get("host") or "local socket").split(",")
    ports = [port or "5432" for port in str(parts.get("port") or "").split(",")]
    # libpq takes all up to the first @ for the login: what follows would be said in every message.
    if "@" in "".join(hosts) or not all(port.isdecimal() for port in ports):
        raise ConfigError(UNREADABLE)
    ports = ports if len(ports) == len(hosts) else ports[:1] * len(hosts)
    places = ",".join(f"{host}:{port}" for host, port in zip(hosts, ports, strict=True))
    return f"{places}/{parts.get('dbname') or ''}"


def is_unstorable(error: psycopg.Error) -> bool:
    """Tell whether repeating the work cannot help, because of the data in it."""
    if isinstance(error, psycopg.errors.UniqueViolation):
        return (error.diag.constraint_name or "") not in RACED
    if error.sqlstate is None:
        return isinstance(error, psycopg.DataError)
    return error.sqlstate[:2] in DATA_CLASSES


def to_json(rows: object) -> str:
    """Return rows as the one JSON parameter of a bulk statement."""
    return orjson.dumps(rows, default=_plain).decode()


def json_size(value: object) -> int:
    """Return the bytes of a value's JSON."""
    return len(orjson.dumps(value, default=_plain))


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, frozenset | set):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


class Transaction:
    """One open transaction; every method runs one named statement."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def run(self, name: str, /, **parameters: object) -> None:
        """Run a statement whose result nobody needs."""
        await self._connection.execute(statements()[name], parameters)

    async def start(self, name: str, /, **parameters: object) -> Pending:
        """Send a statement inside a pipeline; its rows can be fetched once that has ended."""
        return await self._connection.execute(statements()[name], parameters)

    async def fetch(self, name: str, /, **parameters: object) -> list[dict[str, Any]]:
        """Run a statement and return its rows."""
        cursor = await self._connection.execute(statements()[name], parameters)
        return await cursor.fetchall()

    async def write(self, name: str, rows: Rows, /, **parameters: object) -> None:
        """Run a bulk statement with its rows as one JSON parameter; nothing for no rows."""
        if rows:
            await self._connection.execute(
                statements()[name], {"rows": to_json(rows), **parameters}
            )

    async def fetch_written(
        self, name: str, rows: Rows, /, **parameters: object
    ) -> list[dict[str, Any]]:
        """Run a bulk statement and return the rows that it answers."""
        return await self.fetch(name, rows=to_json(rows), **parameters) if rows else []

    @asynccontextmanager
    async def pipelined(self) -> AsyncIterator[None]:
        """Send the statements of the block in one round trip; no results may be read inside."""
        async with self._connection.pipeline():
            yield
        await self._start_idle_timer()

    async def fetch_pipelined(
        self, *calls: tuple[str, Mapping[str, object]]
    ) -> list[list[dict[str, Any]]]:
        """Run several statements in one round trip and return the rows of each, in order."""
        async with self._connection.pipeline():
            cursors = [
                await self._connection.execute(statements()[name], parameters)
                for name, parameters in calls
            ]
        await self._start_idle_timer()
        return [await cursor.fetchall() for cursor in cursors]

    async def _start_idle_timer(self) -> None:
        """Let the server end this transaction if we freeze from here on."""
        # Psycopg ends a pipeline with Sync and Flush; the Flush stops the timer that Sync started.
        await self._connection.execute(statements()["start_idle_timer"])


class PostgresStore:
    """The database as the rest of the program sees it."""

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 8,
        name: str = "sluicegate",
        answer_seconds: float | None = None,
    ) -> None:
        """Make a closed pool; its lines are given up after `answer_seconds` without an answer."""
        self.url, self.address = url, address_of(url)
        self._answer_seconds = answer_seconds
        self._looking: asyncio.Task[None] | None = None
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            connection_class=psycopg.AsyncConnection[dict[str, Any]],
            kwargs=connection_settings(name),
            configure=limit_transactions,
            min_size=1,
            max_size=pool_size,
            timeout=10,
            open=False,
        )

    async def open(self, *, within: float = 10) -> None:
        """Open the pool; raises DatabaseUnreachable with the address if nobody answers in time."""
        try:
            probe = await psycopg.AsyncConnection.connect(self.url, connect_timeout=round(within))
            await probe.close()
        except psycopg.OperationalError as error:
            raise DatabaseUnreachable(self.address, reason_of(error)) from error
        await self._pool.open()

    async def close(self) -> None:
        """Close the pool."""
        if self._looking is not None:
            self._looking.cancel()
        await self._pool.close()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """Lend a connection; raises DatabaseUnreachable when none can be had."""
        try:
            async with self._pool.connection() as connection, self._bounded(connection):
                try:
                    yield connection
                finally:
                    if connection.closed:
                        self._look_after_the_others()
        except PoolTimeout as error:
            raise DatabaseUnreachable(self.address, "no connection within 10 s") from error

    def _look_after_the_others(self) -> None:
        """Replace lines that broke with the one in use: a server that restarted broke them all."""
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._pool.check())

    @asynccontextmanager
    async def _bounded(self, connection: Connection) -> AsyncIterator[None]:
        """Hang up on a server that does not answer in time; raises DatabaseUnreachable."""
        if self._answer_seconds is None:
            yield
            return
        cut = asyncio.Event()

        def hang_up() -> None:
            # Psycopg would first try to cancel, and wait 10 s more for that.
            cut.set()
            with socket.socket(fileno=os.dup(connection.pgconn.socket)) as line:
                line.shutdown(socket.SHUT_RDWR)

        timer = asyncio.get_running_loop().call_later(self._answer_seconds, hang_up)
        try:
            yield
        except psycopg.OperationalError as error:
            if not cut.is_set():
                raise
            text = f"no answer within {self._answer_seconds:g} s"
            raise DatabaseUnreachable(self.address, text) from error
        finally:
            timer.cancel()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Run a block in one transaction; raises Unstorable for data that is refused for good."""
        try:
            async with self.connection() as connection, connection.transaction():
                yield Transaction(connection)
        except psycopg.Error as error:
            if is_unstorable(error):
                raise Unstorable(str(error).strip()) from error
            raise

    async def fetch(self, name: str, /, **parameters: object) -> list[dict[str, Any]]:
        """Run one reading statement in a transaction of its own."""
        async with self.transaction() as transaction:
            return await transaction.fetch(name, **parameters)

    async def now(self) -> datetime:
        """Return the database's clock."""
        rows = await self.fetch("read_clock")
        now = rows[0]["now"]
        assert isinstance(now, datetime)  # noqa: S101
        return now
