"""Migrations on a database in use: one at a time, in whole pieces, behind nobody for long (F19)."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import LiteralString
from uuid import uuid4

import psycopg
import pytest

from devstack.stack import EmbeddedStack
from storage.errors import MigrationRefused
from storage.migrate import Migration, migrate, migrations, read_schema
from storage.store import PostgresStore
from tests.world import World, a_world

NOTHING = """
name: nothing
trigger: {event: nothing.happened}
steps:
  - {id: ok, allow: {}}
"""
ALL = [migration.label for migration in migrations()]


@pytest.fixture
def empty(stack: EmbeddedStack) -> str:
    """The URL of an empty database."""
    name, url = f"d{uuid4().hex[:10]}", stack.addresses.database_url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    return url.rpartition("/")[0] + f"/{name}"


@pytest.fixture
async def store(empty: str) -> AsyncIterator[PostgresStore]:
    store = PostgresStore(empty, pool_size=4)
    await store.open()
    yield store
    await store.close()


@pytest.fixture(scope="module")
def bare(stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("bare")
    with a_world(stack, folder, {"nothing.yaml": NOTHING}) as deployment:
        yield deployment


def with_one_more(text: LiteralString) -> list[Migration]:
    return [*migrations(), Migration(900, "more", text)]


# F19
async def test_two_that_migrate_at_once_take_turns(store: PostgresStore) -> None:
    first, second = await asyncio.gather(migrate(store), migrate(store))
    assert sorted([first, second]) == [[], ALL]


# F19
def test_a_death_between_two_migrations_leaves_whole_ones_and_the_next_goes_on(
    bare: World, empty: str
) -> None:
    for number in range(1, len(ALL) + 1):
        done = bare.command("migrate", DATABASE_URL=empty, FAILPOINT="migrate.mid:1:exit")
        assert done.returncode == 70, done.stderr
        with psycopg.connect(empty) as connection:
            rows = connection.execute("select 1 from schema_migrations").fetchall()
        assert len(rows) == number
    assert bare.command("migrate", DATABASE_URL=empty).stdout == "the schema is up to date\n"
    assert bare.command("migrate", "--check", DATABASE_URL=empty).returncode == 0


# F19
async def test_a_migration_waits_for_a_long_transaction_and_stops_others_for_two_seconds_at_most(
    store: PostgresStore,
) -> None:
    await migrate(store)
    more = with_one_more("-- expand: more\nalter table positions add column more integer;")
    async with (
        store.connection() as report,
        await psycopg.AsyncConnection.connect(store.url, autocommit=True) as other,
    ):
        await report.execute("select count(*) from positions")
        migrating = asyncio.create_task(migrate(store, known=more))
        longest, until = 0.0, time.monotonic() + 5
        while time.monotonic() < until:
            begun = time.monotonic()
            await other.execute("select count(*) from positions")
            longest = max(longest, time.monotonic() - begun)
            await asyncio.sleep(0.01)
        assert not migrating.done()
        await report.rollback()
        assert await migrating == ["0900_more"]
    # Two seconds, and what a busy machine adds.
    assert 0.5 < longest < 3.5


async def test_an_index_half_built_is_built_again(store: PostgresStore) -> None:
    await migrate(store)
    async with store.connection() as connection:
        await connection.execute(
            "insert into chores (name, done_until) values ('x', to_timestamp(0))"
        )
        await connection.commit()
        await connection.set_autocommit(True)
        with pytest.raises(psycopg.errors.UniqueViolation):
            await connection.execute(
                "create unique index concurrently idx_chores_done on chores (done_until)"
            )
    build: LiteralString = (
        "-- expand, online: an index\n"
        "create index concurrently if not exists idx_chores_done on chores (done_until);"
    )
    assert await migrate(store, known=with_one_more(build)) == ["0900_more"]
    async with store.connection() as connection:
        cursor = await connection.execute(
            "select indisvalid from pg_index where indexrelid = 'idx_chores_done'::regclass"
        )
        assert await cursor.fetchall() == [{"indisvalid": True}]
    assert [one.compatible for one in await read_schema(store)][-1]


async def test_a_migration_that_changed_after_it_was_applied_is_refused(
    store: PostgresStore,
) -> None:
    await migrate(store)
    first, *others = migrations()
    changed = Migration(first.version, first.name, "-- contract: something else")
    with pytest.raises(MigrationRefused, match="was applied with another text"):
        await migrate(store, known=[changed, *others])


# F19
def test_a_worker_starts_on_a_newer_schema_only_if_it_is_compatible(bare: World) -> None:
    insert = (
        "insert into schema_migrations (version, name, checksum, compatible) "
        "values (999, 'later', '', %s)"
    )
    with psycopg.connect(bare.database_url, autocommit=True) as connection:
        connection.execute(insert, (False,))
        for command in (
            ["worker"],
            ["apply", str(bare.definitions)],
            ["migrate", "--check"],
            ["migrate"],
        ):
            refused = bare.command(*command)
            assert refused.returncode == 5
            assert "at version 999, this program knows" in refused.stderr
        assert bare.command("doctor").returncode == 5
        connection.execute("update schema_migrations set compatible = true where version = 999")
        assert bare.command("doctor").returncode == 0
        bare.start_worker()
        assert bare.started_by(bare.publish("nothing.happened", {}))
        connection.execute("delete from schema_migrations where version = 999")


def test_a_database_with_tables_of_somebody_else_is_refused_in_one_line(
    bare: World, empty: str
) -> None:
    with psycopg.connect(empty, autocommit=True) as connection:
        connection.execute("create table events (n integer)")
    done = bare.command("migrate", DATABASE_URL=empty)
    assert done.returncode == 1
    assert "already exists, and not by us; give sluicegate a database" in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
