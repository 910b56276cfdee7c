"""What the repository answers (requirements.md S192-S199), on executions that really ran."""

from uuid import uuid4

import pytest

from engine.ids import parse_execution_id
from storage.reading import ExecutionFilter, InvalidCursor, Reading
from storage.store import PostgresStore
from tests.world import World


def an_order(**more: object) -> dict[str, object]:
    return {
        "order_id": uuid4().hex,
        "customer_id": "c-77",
        "total": 20,
        "currency": "EUR",
        "country": "DE",
        **more,
    }


async def reading_of(shop: World) -> tuple[PostgresStore, Reading]:
    store = PostgresStore(shop.database_url, pool_size=2)
    await store.open()
    return store, Reading(store)


# S192 S194 S195 S18 S123
async def test_executions_are_listed_by_filter_and_page(shop: World) -> None:
    keys = [uuid4().hex for _ in range(5)]
    for key in keys:
        event = shop.publish("order.created", an_order(order_id=key))
        (execution_id,) = shop.started_by(event)
        shop.life_cycle(execution_id, "execution.completed")
    store, reading = await reading_of(shop)
    try:
        wanted = ExecutionFilter(status="completed", workflow="order-approval", result="allowed")
        first = await reading.executions(wanted, limit=3)
        assert len(first.items) == 3
        assert first.next_cursor is not None
        second = await reading.executions(wanted, limit=3, cursor=first.next_cursor)
        seen = [row["id"] for row in (*first.items, *second.items)]
        assert len(set(seen)) == len(seen)
        times = [row["started_at"] for row in (*first.items, *second.items)]
        assert times == sorted(times, reverse=True)
        by_key = await reading.executions(ExecutionFilter(key=keys[0]))
        assert [row["key"] for row in by_key.items] == [keys[0]]
        none = await reading.executions(ExecutionFilter(status="cancelled", key=keys[0]))
        assert none.items == []
        with pytest.raises(InvalidCursor):
            await reading.executions(wanted, cursor="nonsense!")
    finally:
        await store.close()


# S194 S198 S199 S196 S197 S18
async def test_a_trace_holds_all_that_happened_in_order(shop: World) -> None:
    order = an_order(total=5_000)
    event = shop.publish("order.created", order)
    waiting = shop.waiting(order_id=order["order_id"])
    decision = shop.decide(waiting, form={"discount_pct": 1}, reason="ok")
    shop.receipt(decision)
    public = waiting["execution_id"]
    shop.life_cycle(public, "execution.completed")
    store, reading = await reading_of(shop)
    try:
        by_uuid = await reading.trace(str(parse_execution_id(public)))
        trace = await reading.trace(public)
        assert trace == by_uuid
        assert trace is not None
        assert [step["step_id"] for step in trace["steps"]] == [
            "embargo_check",
            "needs_people",
            "manager",
            "very_large",
            "accept",
            "done",
        ]
        assert all(step["status"] == "completed" for step in trace["steps"])
        assert all(step["duration_ms"] is not None for step in trace["steps"])
        assert trace["decisions"][0]["decision_id"] == decision
        assert trace["event"]["event_id"] == event
        assert trace["waits"][0]["outcome"] == "approved"
        assert trace["timers"] == []
        assert await reading.trace("exec_" + "0" * 32) is None
    finally:
        await store.close()


# S5 S6
async def test_an_event_row_names_the_executions_it_started(shop: World) -> None:
    event = shop.publish("order.created", an_order())
    started = shop.started_by(event)
    rows = shop.query(
        "select execution_id from workflow_executions where metadata->'event'->>'id' = %s", event
    )
    assert [row["execution_id"] for row in rows] == started
