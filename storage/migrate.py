"""Numbered migrations, forward only, one at a time under one advisory lock (docs/adr/0023)."""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files
from typing import Any, LiteralString, cast

import psycopg
from psycopg.rows import dict_row

from storage.errors import (
    DatabaseUnreachable,
    MigrationNeeded,
    MigrationRefused,
    SchemaTooNew,
    reason_of,
)
from storage.online import drop_half_built, run_online
from storage.partitions import ensure_partitions
from storage.store import Connection, PostgresStore

TAKE_TURN = "select pg_try_advisory_lock(hashtext('sluicegate.migrate')) as taken"
TABLE = """
create table if not exists schema_migrations (
    version integer primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now()
);
alter table schema_migrations add column if not exists compatible boolean not null default false
"""
# Older programs made the table without its last column.
APPLIED = """
select
    m.version, m.name, m.checksum,
    coalesce((to_jsonb(m) ->> 'compatible')::boolean, false) as compatible
from schema_migrations m
order by m.version
"""
OPTIONS = (
    "-c lock_timeout=2000 -c statement_timeout=0 -c idle_in_transaction_session_timeout=60000 "
    "-c timezone=UTC"
)
"""A lock is waited for 2 s at most: what queues behind us waits as long (reliability.md, F19)."""
TRIES = 30
TURN_SECONDS = 300.0
TAKEN = (psycopg.errors.DuplicateTable, psycopg.errors.DuplicateObject)
LOCKED = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
_KINDS = re.compile(r"-- (expand|contract)(, online)?:")


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of `storage/migrations`."""

    version: int
    name: str
    text: LiteralString

    @property
    def checksum(self) -> str:
        """SHA-256 of the text: an applied migration may never change."""
        return sha256(self.text.encode()).hexdigest()

    @property
    def label(self) -> str:
        """Number and name, as in the file's name."""
        return f"{self.version:04d}_{self.name}"

    @property
    def compatible(self) -> bool:
        """Whether programs that do not know it go on working: it begins with `-- expand`."""
        kind = _KINDS.match(self.text)
        return kind is not None and kind[1] == "expand"

    @property
    def online(self) -> bool:
        """Whether its statements run one by one, each repeatable: for concurrent index builds."""
        kind = _KINDS.match(self.text)
        return kind is not None and kind[2] is not None


@dataclass(frozen=True, slots=True)
class Applied:
    """A migration that the database has."""

    version: int
    name: str
    checksum: str
    compatible: bool


def migrations() -> list[Migration]:
    """Return all migrations in order."""
    found = []
    for file in files("storage").joinpath("migrations").iterdir():
        if file.name.endswith(".sql"):
            number, _, name = file.name.removesuffix(".sql").partition("_")
            found.append(Migration(int(number), name, file.read_text("utf-8")))
    return sorted(found, key=lambda migration: migration.version)


async def _read_applied(connection: Connection) -> list[Applied]:
    cursor = await connection.execute(APPLIED)
    return [Applied(**row) for row in await cursor.fetchall()]


def _check_unchanged(known: Sequence[Migration], applied: Sequence[Applied]) -> None:
    checksums = {one.version: one.checksum for one in applied}
    for migration in known:
        if checksums.get(migration.version, migration.checksum) != migration.checksum:
            raise MigrationRefused(
                f"migration {migration.version} ({migration.name}) was applied with another text; "
                "restore the file, and put the change into a new migration"
            )


def _nothing() -> None:
    """Do nothing between two migrations."""


async def migrate(
    store: PostgresStore,
    between: Callable[[], None] = _nothing,
    known: Sequence[Migration] | None = None,
) -> list[str]:
    """Apply what is missing, each in its own transaction; return the names of what was applied.

    A death in between leaves whole migrations; the next call goes on. `between` is called after
    each: a test may let the process die there.
    """
    known = migrations() if known is None else known
    done = []
    async with _session(store) as connection:
        await _take_turn(connection)
        await connection.execute(TABLE)
        applied = await _read_applied(connection)
        _check_unchanged(known, applied)
        _require_understood(known, applied)
        versions = {one.version for one in applied}
        for migration in known:
            if migration.version not in versions:
                await _patiently(connection, migration.label, migration)
                done.append(migration.label)
                between()
        await _patiently(connection, "partitions", None)
    return done


@asynccontextmanager
async def _session(store: PostgresStore) -> AsyncIterator[Connection]:
    """Lend a connection of its own: the lock ends with it, however this process ends."""
    try:
        connection = await psycopg.AsyncConnection[dict[str, Any]].connect(
            store.url,
            autocommit=True,
            row_factory=dict_row,
            options=OPTIONS,
            application_name="sluicegate migrate",
            connect_timeout=5,
        )
    except psycopg.OperationalError as error:
        raise DatabaseUnreachable(store.address, reason_of(error)) from error
    async with connection:
        yield connection


async def _take_turn(connection: Connection) -> None:
    """Wait until no other process migrates this database."""
    deadline = asyncio.get_running_loop().time() + TURN_SECONDS
    while True:
        row = await (await connection.execute(TAKE_TURN)).fetchone()
        if row is not None and row["taken"]:
            return
        if asyncio.get_running_loop().time() > deadline:
            raise MigrationRefused(
                f"another process has been migrating for {TURN_SECONDS:.0f} s; see "
                "pg_stat_activity for `sluicegate migrate`"
            )
        await asyncio.sleep(0.2)


async def _patiently(connection: Connection, label: str, migration: Migration | None) -> None:
    """Apply one piece, again and again while it cannot have a lock within 2 s."""
    work: Callable[[], Awaitable[None]] = (
        (lambda: _ensure(connection))
        if migration is None
        else (lambda: _apply(connection, migration))
    )
    for attempt in range(1, TRIES + 1):
        try:
            await work()
            return
        except LOCKED as error:
            if attempt == TRIES:
                raise MigrationRefused(
                    f"{label}: no lock in {TRIES} tries ({error.diag.message_primary}); end what "
                    "holds it (pg_stat_activity, pg_locks), then run `sluicegate migrate` again"
                ) from error
        except TAKEN as error:
            raise MigrationRefused(
                f"{label}: {error.diag.message_primary}, and not by us; give sluicegate a database "
                "or a schema of its own, and name it in DATABASE_URL"
            ) from error
        # Those who queued behind us go first.
        await asyncio.sleep(random.uniform(0.1, 0.5) * min(attempt, 10))  # noqa: S311


async def _ensure(connection: Connection) -> None:
    async with connection.transaction():
        await ensure_partitions(connection, datetime.now(UTC))


async def _apply(connection: Connection, migration: Migration) -> None:
    if migration.online:
        await _apply_online(connection, migration)
        return
    async with connection.transaction():
        await connection.execute(migration.text)
        await _note(connection, migration)


async def _apply_online(connection: Connection, migration: Migration) -> None:
    await drop_half_built(connection, migration.text)
    for statement in statements_of(migration.text):
        await run_online(connection, statement)
    await _note(connection, migration)


def statements_of(text: LiteralString) -> list[LiteralString]:
    """Return the statements of a text that ends each of them with a semicolon and a line."""
    parts = re.split(r";\s*$", text, flags=re.MULTILINE)
    return [
        cast(LiteralString, part)
        for part in parts
        if re.sub(r"--.*$", "", part, flags=re.MULTILINE).strip()
    ]


async def _note(connection: Connection, migration: Migration) -> None:
    await connection.execute(
        "insert into schema_migrations (version, name, checksum, compatible) "
        "values (%s, %s, %s, %s)",
        (migration.version, migration.name, migration.checksum, migration.compatible),
    )


async def read_schema(store: PostgresStore) -> list[Applied]:
    """Return the migrations that the database has, the oldest first."""
    async with store.connection() as connection:
        cursor = await connection.execute(
            "select to_regclass('schema_migrations') is not null as there"
        )
        row = await cursor.fetchone()
        return await _read_applied(connection) if row and row["there"] else []


async def require_schema(
    store: PostgresStore, known: Sequence[Migration] | None = None
) -> list[Applied]:
    """Return the newer migrations with which this program can live; raises for the others.

    MigrationNeeded where one of ours is missing, SchemaTooNew where a newer one is not compatible.
    """
    applied = await read_schema(store)
    return judge_schema(migrations() if known is None else known, applied)


def judge_schema(known: Sequence[Migration], applied: Sequence[Applied]) -> list[Applied]:
    """Return the newer migrations with which a program can live; raises for the others."""
    if {migration.version for migration in known} - {one.version for one in applied}:
        raise MigrationNeeded(_newest(applied), _newest(known))
    return _require_understood(known, applied)


def _require_understood(known: Sequence[Migration], applied: Sequence[Applied]) -> list[Applied]:
    """Return the newer migrations; raises SchemaTooNew where one of them is not compatible."""
    newer = [one for one in applied if one.version > _newest(known)]
    if any(not one.compatible for one in newer):
        raise SchemaTooNew(_newest(applied), _newest(known))
    return newer


def _newest(migrations: Sequence[Migration] | Sequence[Applied]) -> int:
    return max((one.version for one in migrations), default=0)
