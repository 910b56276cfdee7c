"""Numbered migrations, forward only, under one advisory lock."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.resources import files
from typing import LiteralString

from storage.errors import MigrationNeeded, MigrationRefused
from storage.partitions import ensure_partitions
from storage.store import Connection, PostgresStore

LOCK = "select pg_advisory_xact_lock(hashtext('sluicegate.migrate'))"
TABLE = """
create table if not exists schema_migrations (
    version integer primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now()
)
"""


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


def migrations() -> list[Migration]:
    """Return all migrations in order."""
    found = []
    for file in files("storage").joinpath("migrations").iterdir():
        if file.name.endswith(".sql"):
            number, _, name = file.name.removesuffix(".sql").partition("_")
            found.append(Migration(int(number), name, file.read_text("utf-8")))
    return sorted(found, key=lambda migration: migration.version)


async def _applied(connection: Connection) -> dict[int, str]:
    cursor = await connection.execute("select version, checksum from schema_migrations")
    return {row["version"]: row["checksum"] for row in await cursor.fetchall()}


def _check_unchanged(known: list[Migration], applied: dict[int, str]) -> None:
    for migration in known:
        checksum = applied.get(migration.version)
        if checksum is not None and checksum != migration.checksum:
            raise MigrationRefused(
                f"migration {migration.version} ({migration.name}) was applied with another text; "
                "restore the file, and put the change into a new migration"
            )


def _nothing() -> None:
    """Do nothing between two migrations."""


async def migrate(store: PostgresStore, between: Callable[[], None] = _nothing) -> list[str]:
    """Apply what is missing in one transaction; return the names of what was applied.

    `between` is called after each: a test may let the process die there.
    """
    async with store.connection() as connection, connection.transaction():
        await connection.execute(LOCK)
        await connection.execute(TABLE)
        # Locks are not waited for, but indexes of large tables take their time.
        await connection.execute("set local lock_timeout = '5s'; set local statement_timeout = 0")
        known, applied = migrations(), await _applied(connection)
        _check_unchanged(known, applied)
        done = []
        for migration in known:
            if migration.version not in applied:
                await connection.execute(migration.text)
                await connection.execute(
                    "insert into schema_migrations (version, name, checksum) values (%s, %s, %s)",
                    (migration.version, migration.name, migration.checksum),
                )
                done.append(f"{migration.version:04d}_{migration.name}")
                between()
        await ensure_partitions(connection, datetime.now(UTC))
        return done


async def schema_version(store: PostgresStore) -> int:
    """Return the newest applied version, 0 for an empty database."""
    async with store.connection() as connection:
        cursor = await connection.execute(
            "select to_regclass('schema_migrations') is not null as there"
        )
        row = await cursor.fetchone()
        if row is None or not row["there"]:
            return 0
        cursor = await connection.execute("select max(version) as version from schema_migrations")
        row = await cursor.fetchone()
        return int(row["version"] or 0) if row else 0


async def require_schema(store: PostgresStore) -> None:
    """Raise MigrationNeeded unless the schema is at least as new as this program."""
    wanted = max(migration.version for migration in migrations())
    current = await schema_version(store)
    if current < wanted:
        raise MigrationNeeded(current, wanted)
