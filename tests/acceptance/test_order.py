"""The predecessor's whole scenario, through topics alone (requirements.md S119)."""

import time
from uuid import uuid4

from tests.world import World


def an_order(**more: object) -> dict[str, object]:
    return {
        "order_id": f"o-{uuid4().hex[:8]}",
        "customer_id": "c-77",
        "total": 4650,
        "currency": "EUR",
        "country": "DE",
        "email": "ana@example.com",
        **more,
    }


# S119 S8 S51 S91 S105 S110 S217 S218 S219 S123 S127 S139
def test_an_approved_order_goes_on_within_a_second_and_completes(world: World) -> None:
    order = an_order()
    event_id = world.publish("order.created", order, key=str(order["order_id"]))
    waiting = world.waiting(order_id=order["order_id"])
    assert waiting["title"] == f"Order {order['order_id']}: 4650 EUR"
    assert waiting["roles"] == ["sales-manager"]
    execution_id = waiting["execution_id"]
    assert world.started_by(event_id) == [execution_id]
    row = world.query("select * from workflow_executions where execution_id = %s", execution_id)[0]
    assert (row["status"], row["result"]) == ("paused", None)
    assert row["paused_reason"] == f"approval:{waiting['wait_id']}"
    assert row["next_step_id"] == "needs_people"

    decided_at = time.monotonic()
    decision = world.decide(waiting, form={"discount_pct": 5}, reason="fine")
    receipt = world.receipt(decision)
    world.life_cycle(execution_id, "execution.completed")
    assert time.monotonic() - decided_at < 1.0
    assert (receipt["result"], receipt["code"]) == ("applied", None)
    assert receipt["execution_id"] == execution_id
    row = world.query("select * from workflow_executions where execution_id = %s", execution_id)[0]
    assert (row["status"], row["result"]) == ("completed", "allowed")
    assert row["context"]["approvals"]["manager"]["form"] == {"discount_pct": 5}
    record = world.query("select * from records where entity_id = %s", order["order_id"])[0]
    assert record["data"] == {"status": "accepted", "discount_pct": 5}


# S111 S36 S125 S128 S140
def test_a_rejected_order_ends_blocked_with_the_reason(world: World) -> None:
    order = an_order()
    world.publish("order.created", order)
    waiting = world.waiting(order_id=order["order_id"])
    world.decide(waiting, "rejected", reason="too expensive")
    ended = world.life_cycle(waiting["execution_id"], "execution.blocked")
    assert ended["result"] == "blocked"
    row = world.query(
        "select * from workflow_executions where execution_id = %s", waiting["execution_id"]
    )[0]
    assert (row["error_code"], row["error_message"]) == ("rejected", "too expensive")
    closed = world.wait_for(lambda r: r.key == waiting["wait_id"] and r.value["status"] == "closed")
    assert closed.value["outcome"] == "rejected"


# S95 S98
def test_a_large_order_needs_two_different_people(world: World) -> None:
    order = an_order(total=50_000)
    world.publish("order.created", order)
    first = world.waiting(order_id=order["order_id"])
    world.decide(first, decided_by="ana@example.com")
    second = world.waiting(title=f"Second signature for order {order['order_id']}")
    assert second["step_path"] == "needs_people/very_large/director"
    refused = world.receipt(world.decide(second, decided_by="ana@example.com"))
    assert refused["code"] == "not_allowed"
    assert world.receipt(world.decide(second, decided_by="bo@example.com"))["result"] == "applied"
    world.life_cycle(first["execution_id"], "execution.completed")


# S31 S35
def test_a_small_order_passes_without_anybody(world: World) -> None:
    event = world.publish("order.created", an_order(total=20))
    (execution_id,) = world.started_by(event)
    assert world.life_cycle(execution_id, "execution.completed")["result"] == "allowed"


# S36
def test_an_embargoed_order_is_blocked_at_once(world: World) -> None:
    event = world.publish("order.created", an_order(country="KP"))
    (execution_id,) = world.started_by(event)
    world.life_cycle(execution_id, "execution.blocked")
    row = world.query("select * from workflow_executions where execution_id = %s", execution_id)[0]
    assert row["error_message"] == "We cannot ship to KP"


# S12
def test_the_same_event_published_again_starts_nothing(world: World) -> None:
    order = an_order(total=20)
    event = world.publish("order.created", order, id="same-" + str(order["order_id"]))
    (execution_id,) = world.started_by(event)
    world.life_cycle(execution_id, "execution.completed")
    world.publish("order.created", order, id=event)
    marker = world.publish("order.created", an_order(total=20))
    world.started_by(marker)
    rows = world.query(
        "select count(*) as n from workflow_executions where trigger_payload->>'order_id' = %s",
        order["order_id"],
    )
    assert rows[0]["n"] == 1


def test_only_one_unfinished_execution_has_a_trigger_key(world: World) -> None:
    order = an_order()
    world.publish("order.created", order)
    waiting = world.waiting(order_id=order["order_id"])
    again = world.publish("order.created", {**order, "total": 9_000})
    assert world.started_by(again) == []
    world.decide(waiting)
    world.life_cycle(waiting["execution_id"], "execution.completed")
    third = world.publish("order.created", {**order, "total": 10})
    assert len(world.started_by(third)) == 1
