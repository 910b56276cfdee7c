"""Months come and go as wholes; what is unfinished stays (security.md, reliability.md)."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import psycopg
import pytest

from devstack.stack import EmbeddedStack
from engine.ids import child_id, execution_id
from storage.errors import HousekeepingFailed
from storage.housekeeping import Housekeeping, Retention
from storage.migrate import migrate
from storage.partitions import MonthInUse, create_month, drop_partition, month_of
from storage.store import PostgresStore
from tests.world import PATIENCE_SECONDS, a_world

NOTHING = """
name: nothing
trigger: {event: nothing.happened}
steps:
  - {id: ok, allow: {}}
"""
DAY = timedelta(days=1)
NOW = datetime.now(UTC)
OLD = month_of(2024, 3)
BEFORE = month_of(2024, 2)
INSIDE = OLD.start + 10 * DAY
COUNTS = """
select
    (select count(*) from workflow_executions) as executions,
    (select count(*) from step_executions) as steps,
    (select count(*) from waits) as waits,
    (select count(*) from events) as events,
    (select count(*) from effects) as effects
"""


@pytest.fixture
async def store(stack: EmbeddedStack) -> AsyncIterator[PostgresStore]:
    """A migrated database of the test's own: partitions come and go in it."""
    name, url = f"d{uuid4().hex[:10]}", stack.addresses.database_url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    store = PostgresStore(url.rpartition("/")[0] + f"/{name}", pool_size=4)
    await store.open()
    await migrate(store)
    yield store
    await store.close()


def keeping(store: PostgresStore, days: float | None = 365, ids: float = 90) -> Housekeeping:
    history = None if days is None else timedelta(days=days)
    return Housekeeping(store, Retention(history, timedelta(days=ids)))


async def run(store: PostgresStore, *statements: tuple[str, tuple[object, ...]]) -> None:
    async with store.connection() as connection:
        for text, parameters in statements:
            await connection.execute(text.encode(), parameters)


async def ask(store: PostgresStore, text: str) -> list[dict[str, object]]:
    async with store.connection() as connection:
        return await (await connection.execute(text.encode())).fetchall()


async def partitions_of(store: PostgresStore, table: str) -> set[str]:
    rows = await ask(
        store,
        "select inhrelid::regclass::text as name from pg_inherits "
        f"where inhparent = '{table}'::regclass",
    )
    return {str(row["name"]).removeprefix(f"{table}_") for row in rows}


async def an_old_execution(store: PostgresStore, at: datetime, ended: datetime | None) -> str:
    """Store an execution of long ago, with something in every table that follows it."""
    id = execution_id("w", "/tests", uuid4().hex, round(at.timestamp() * 1000))
    workflow = "00000000-0000-7000-8000-000000000001"
    status, result = ("completed", "allowed") if ended else ("running", None)
    await run(
        store,
        (
            "insert into workflows (id, name, version, content_hash, definition, body) "
            "values (%s, 'w', 1, '', '', '{}') on conflict do nothing",
            (workflow,),
        ),
        (
            "insert into workflow_executions (id, workflow_id, workflow_name, workflow_version, "
            "trigger_event, trigger_payload, status, result, started_at, completed_at) "
            "values (%s, %s, 'w', 1, 'e', '{}', %s, %s, %s, %s)",
            (id, workflow, status, result, at, ended),
        ),
        (
            "insert into step_executions (id, execution_id, step_id, step_path, step_type, status) "
            "values (%s, %s, 'a', 'a', 'action', 'running')",
            (child_id(id, "step"), id),
        ),
        (
            "insert into waits (id, execution_id, step_path, kind, status, outcome, record, "
            "opened_at, since, closed_at) "
            "values (%s, %s, 'a', 'timer', 'closed', 'elapsed', '{}', %s, %s, %s)",
            (child_id(id, "wait"), id, at, at, at),
        ),
        (
            "insert into events (id, event_id, type, source, topic, partition, record_offset, "
            "payload, received_at) values (%s, %s, 'e', '/tests', 't', 0, 0, '{}', %s)",
            (child_id(id, "event"), id, at),
        ),
        (
            "insert into effects (id, execution_id, step_path, kind, params, idempotency_key, "
            "status, attempt, timeout_ms, lease_until, lease_token) "
            "values (%s, %s, 'a', 'webhook', '{}', 'k', 'done', 1, 1, %s, '')",
            (child_id(id, "effect"), id, at),
        ),
    )
    return id


async def make(store: PostgresStore, *months: object) -> None:
    async with store.connection() as connection:
        for month in months:
            await create_month(connection, month)  # type: ignore[arg-type]


async def test_the_months_ahead_are_there_before_they_begin(store: PostgresStore) -> None:
    await keeping(store).tidy(datetime(2031, 12, 31, tzinfo=UTC))
    months = {"2031_12", "2032_01", "2032_02"}
    for table in ("workflow_executions", "step_executions", "waits", "approval_requests", "events"):
        assert months < await partitions_of(store, table)


async def test_a_month_whose_executions_ended_long_ago_goes_with_all_that_is_theirs(
    store: PostgresStore,
) -> None:
    await make(store, OLD)
    await an_old_execution(store, INSIDE, INSIDE + DAY)
    assert (await ask(store, COUNTS))[0] == dict.fromkeys(
        ("executions", "steps", "waits", "events", "effects"), 1
    )
    done = await keeping(store).tidy(NOW)
    assert done == ["trim_effects 1", "dropped 2024_03"]
    assert set((await ask(store, COUNTS))[0].values()) == {0}
    for table in ("workflow_executions", "step_executions", "waits", "approval_requests", "events"):
        assert "2024_03" not in await partitions_of(store, table)


async def test_a_month_stays_while_one_of_its_executions_is_unfinished_or_ended_lately(
    store: PostgresStore,
) -> None:
    await make(store, OLD, BEFORE)
    await an_old_execution(store, BEFORE.start + DAY, None)
    await an_old_execution(store, INSIDE, NOW - 30 * DAY)
    assert await keeping(store).tidy(NOW) == []
    assert await keeping(store, 29).tidy(NOW) == ["trim_effects 1", "dropped 2024_03"]
    assert "2024_02" in await partitions_of(store, "workflow_executions")
    assert (await ask(store, COUNTS))[0]["executions"] == 1


async def test_a_month_is_kept_until_its_last_day_is_as_old_as_the_retention(
    store: PostgresStore,
) -> None:
    await make(store, OLD)
    housekeeping = keeping(store, 100)
    almost = OLD.end + 100 * DAY - timedelta(seconds=1)
    assert await housekeeping.tidy(almost) == []
    assert await housekeeping.tidy(OLD.end + 100 * DAY) == ["dropped 2024_03"]


async def test_without_a_retention_nothing_is_dropped(store: PostgresStore) -> None:
    await make(store, OLD)
    await an_old_execution(store, INSIDE, INSIDE)
    assert await keeping(store, None).tidy(NOW) == []
    assert (await ask(store, COUNTS))[0]["executions"] == 1


async def test_rows_of_a_clock_that_ran_ahead_move_into_their_month_when_it_is_made(
    store: PostgresStore,
) -> None:
    id = await an_old_execution(store, datetime(2033, 5, 5, tzinfo=UTC), None)
    await keeping(store).tidy(datetime(2033, 4, 1, tzinfo=UTC))
    assert set((await ask(store, COUNTS))[0].values()) == {1}
    rows = await ask(store, "select id::text from workflow_executions_2033_05")
    assert rows == [{"id": id}]
    assert await ask(store, "select 1 from step_executions_2033_05")
    assert not await ask(store, "select 1 from waits_default")


async def test_replays_of_old_records_are_trimmed_from_the_default_partitions(
    store: PostgresStore,
) -> None:
    await an_old_execution(store, INSIDE, INSIDE + DAY)
    kept = await an_old_execution(store, INSIDE, None)
    await keeping(store).tidy(NOW)
    rows = await ask(store, "select id::text from workflow_executions")
    assert rows == [{"id": kept}]
    assert len(await ask(store, "select 1 from step_executions")) == 1


async def test_event_ids_are_forgotten_after_their_own_time(store: PostgresStore) -> None:
    insert = "insert into event_ids (source, event_id, received_at) values ('/tests', %s, %s)"
    rows = [(str(n), NOW - timedelta(days=91)) for n in range(4_500)]
    async with store.connection() as connection, connection.cursor() as cursor:
        await cursor.executemany(insert, [*rows, ("young", NOW - timedelta(days=89))])
    assert await keeping(store).tidy(NOW) == ["trim_event_ids 4500"]
    assert await ask(store, "select event_id from event_ids") == [{"event_id": "young"}]


async def test_dead_letters_that_nobody_has_dealt_with_stay(store: PostgresStore) -> None:
    insert = (
        "insert into dead_letters (topic, partition, record_offset, record_timestamp, "
        "consumer_group, error_type, error_message, failed_at, status) "
        "values ('t', 0, 0, %s, 'g', 'x', 'x', %s, %s) returning id"
    )
    old = NOW - timedelta(days=400)
    async with store.connection() as connection:
        for status in ("open", "replayed", "discarded"):
            cursor = await connection.execute(insert, (old, old, status))
            (row,) = await cursor.fetchall()
            await connection.execute(
                "insert into redrives (dead_letter_id, action, asked_by) "
                "values (%s, 'replay', 'a')",
                (row["id"],),
            )
    assert await keeping(store).tidy(NOW) == ["trim_redrives 2", "trim_dead_letters 2"]
    assert await ask(store, "select status from dead_letters") == [{"status": "open"}]


async def test_one_worker_of_many_does_it_and_again_when_it_is_due(store: PostgresStore) -> None:
    housekeeping = keeping(store)
    assert await housekeeping.claim("housekeeping", 3_600) is not None
    assert await housekeeping.claim("housekeeping", 3_600) is None
    assert await keeping(store).claim("housekeeping", 3_600) is None
    assert await housekeeping.claim("housekeeping", 0) is not None


async def test_a_report_that_holds_a_table_delays_the_drop_and_nothing_else(
    store: PostgresStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.housekeeping.TRIES", 1)
    await make(store, OLD)
    await an_old_execution(store, INSIDE, INSIDE)
    async with store.connection() as report, report.transaction():
        await report.execute("select count(*) from waits")
        done = await keeping(store).tidy(NOW)
    assert done == ["trim_effects 1", "waits of 2024_03 is in use: dropped later"]
    assert await keeping(store).tidy(NOW) == ["dropped 2024_03"]


async def test_a_month_in_which_something_began_after_the_look_is_kept(
    store: PostgresStore,
) -> None:
    await make(store, OLD)
    await an_old_execution(store, INSIDE, None)
    async with store.connection() as connection, connection.transaction():
        with pytest.raises(MonthInUse, match="2024_03 has new executions"):
            await drop_partition(connection, "waits", OLD, NOW)
    assert "2024_03" in await partitions_of(store, "waits")


async def test_the_tables_of_what_comes_and_goes_are_vacuumed(store: PostgresStore) -> None:
    await run(
        store,
        ("insert into outbox (shard, messages) select 0, 'x' from generate_series(1, 500)", ()),
        ("delete from outbox", ()),
    )
    await keeping(store).vacuum()
    size = "select pg_relation_size('outbox') as size"
    before = await ask(store, size)
    again = "insert into outbox (shard, messages) select 0, 'x' from generate_series(1, 500)"
    await run(store, (again, ()))
    assert await ask(store, size) == before


async def test_a_role_that_does_not_own_the_tables_is_told_what_to_do(
    store: PostgresStore,
) -> None:
    role = f"r{uuid4().hex[:10]}"
    await run(
        store,
        (f"create role {role} login password 'x'", ()),
        (f"grant select, insert, update, delete on all tables in schema public to {role}", ()),
    )
    url = urlsplit(store.url)
    other = url._replace(netloc=f"{role}:x@{url.hostname}:{url.port}").geturl()
    worker = PostgresStore(other, pool_size=2)
    await worker.open()
    with pytest.raises(HousekeepingFailed, match="run `sluicegate migrate` every month"):
        await keeping(worker).tidy(datetime(2031, 12, 31, tzinfo=UTC))
    await keeping(worker).vacuum()
    await worker.close()


async def spoil(url: str) -> None:
    """Give a deployment a month that should have gone long ago."""
    store = PostgresStore(url, pool_size=2)
    await store.open()
    await make(store, OLD)
    await an_old_execution(store, INSIDE, INSIDE)
    await store.close()


def test_workers_do_it_by_themselves_and_once(stack: EmbeddedStack, tmp_path: Path) -> None:
    with a_world(stack, tmp_path, {"nothing.yaml": NOTHING}) as world:
        asyncio.run(spoil(world.database_url))
        for _ in range(2):
            world.start_worker()
        world.until("select 1 as x where to_regclass('workflow_executions_2024_03') is null")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while "dropped 2024_03" not in world.worker_logs() and time.monotonic() < deadline:
            world.closing.wait(0.05)
        world.stop_workers()
        assert world.worker_logs().count("dropped 2024_03") == 1
