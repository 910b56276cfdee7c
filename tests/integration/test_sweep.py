"""The statements of the sweep: one worker at a time, by index, nothing left behind forgotten."""

import psycopg
import pytest

from storage.statements import statements
from storage.store import PostgresStore

NOWHERE = "00000000-0000-0000-0000-000000000000"
PAGES: dict[str, dict[str, object]] = {
    "find_met_waits": {"since": "2020-01-01", "before": "2030-01-01"},
    "find_met_watches": {"correlation": "", "execution_id": NOWHERE},
    "meet_signals": {
        "wait_ids": [NOWHERE],
        "execution_id": NOWHERE,
        "received_at": "2020-01-01",
        "event_row_id": NOWHERE,
        "id": NOWHERE,
        "limit": 500,
    },
    "meet_watches": {"execution_ids": [NOWHERE]},
    "find_event_waits": {"correlations": ["c"], "limit": 1001},
    "find_watches": {"correlations": ["c"], "limit": 1001},
}
LARGE = ("waits", "signals", "watches", "workflow_executions")


# S47
@pytest.mark.parametrize("name", PAGES)
def test_no_look_for_early_events_reads_a_large_table_as_a_whole(
    database_url: str, name: str
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("set plan_cache_mode = force_generic_plan")
        connection.execute("set enable_seqscan = off")
        plan = connection.execute("explain " + statements()[name], PAGES[name]).fetchall()
    text = "\n".join(row[0] for row in plan)
    assert [table for table in LARGE if f"Seq Scan on {table}" in text] == []
    assert "Index Cond" in text


async def is_due(store: PostgresStore, every_seconds: float) -> bool:
    return bool(await store.fetch("claim_sweep", every_seconds=every_seconds))


async def run(store: PostgresStore, name: str, **parameters: object) -> None:
    async with store.transaction() as transaction:
        await transaction.run(name, **parameters)


# S47
async def test_one_worker_sweeps_and_the_others_find_it_done(store: PostgresStore) -> None:
    assert await is_due(store, 0)
    assert not await is_due(store, 60)
    assert await is_due(store, 0)


# S47
async def test_what_an_event_left_behind_is_due_at_once_until_a_sweep_has_ended(
    store: PostgresStore,
) -> None:
    await is_due(store, 0)
    async with store.transaction() as transaction:
        rows = [{"correlation": "c", "event_row_id": NOWHERE}]
        await transaction.write("leave_rests", rows)
        await transaction.write("leave_rests", rows)
        await transaction.run("hasten_sweep")
    assert await is_due(store, 60)
    (begun,) = await store.fetch("begin_sweep")
    assert begun["rests"] == [f"rest c {NOWHERE}"]
    # Another event leaves something while the sweep is under way: the next one is due at its end.
    async with store.transaction() as transaction:
        await transaction.write("leave_rests", [{"correlation": "d", "event_row_id": NOWHERE}])
    await run(store, "go_on_sweeping")
    assert not await is_due(store, 60)
    await run(store, "end_rests", rests=begun["rests"])
    await run(store, "hasten_sweep")
    assert await is_due(store, 60)
    (begun,) = await store.fetch("begin_sweep")
    assert begun["rests"] == [f"rest d {NOWHERE}"]
    await run(store, "end_rests", rests=begun["rests"])
    await run(store, "hasten_sweep")
    assert not await is_due(store, 60)


async def test_how_far_everything_has_met_never_goes_back(store: PostgresStore) -> None:
    for until in ("2026-01-02", "2026-01-01"):
        await run(store, "note_sweep", swept_until=until)
    (begun,) = await store.fetch("begin_sweep")
    assert begun["swept_until"].day == 2
