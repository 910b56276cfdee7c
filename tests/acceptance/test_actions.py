"""What reaches the outside: webhooks, resources, records."""

import threading
from uuid import uuid4

import redis

from tests.sink import Sink
from tests.world import World


def ended(world: World, execution_id: str) -> dict[str, object]:
    sql = "select * from workflow_executions where execution_id = %s and completed_at is not null"
    return dict(world.until(sql, execution_id)[0])


# S53
def test_a_webhook_carries_its_payload_and_an_idempotency_key(world: World, sink: Sink) -> None:
    id = uuid4().hex
    event = world.publish("call.asked", {"id": id, "amount": 7})
    (execution_id,) = world.started_by(event)
    (call,) = sink.wait_for_call(f"/hook/{id}")
    assert call.json == {"id": id, "amount": 7}
    assert call.headers["Idempotency-Key"] == f"{execution_id}:call:0"
    assert ended(world, execution_id)["status"] == "completed"
    effect = world.query(
        "select f.status, attempt, idempotency_key from effects f join workflow_executions e "
        "on e.id = f.execution_id where e.execution_id = %s",
        execution_id,
    )[0]
    assert effect == {
        "status": "done",
        "attempt": 1,
        "idempotency_key": f"{execution_id}:call:0",
    }


# S26 S57 S104 S118
def test_a_failing_webhook_is_repeated_with_the_same_key_until_it_succeeds(
    world: World, sink: Sink
) -> None:
    id = uuid4().hex
    sink.answers[f"/hook/{id}"] = [503, 500, 429]
    event = world.publish("call.asked", {"id": id})
    (execution_id,) = world.started_by(event)
    assert ended(world, execution_id)["status"] == "completed"
    calls = sink.calls_to(f"/hook/{id}")
    assert len(calls) == 4
    assert len({(call.headers["Idempotency-Key"], call.body) for call in calls}) == 1
    attempts = world.query(
        "select attempt, s.status from step_executions s join workflow_executions e "
        "on e.id = s.execution_id where e.execution_id = %s and step_id = 'call' order by attempt",
        execution_id,
    )
    assert [row["status"] for row in attempts] == ["failed", "failed", "failed", "completed"]


# S30 S57
def test_a_webhook_refused_for_good_takes_the_error_branch_at_once(
    world: World, sink: Sink
) -> None:
    id = uuid4().hex
    sink.answers[f"/hook/{id}"] = [404]
    event = world.publish("call.asked", {"id": id})
    (execution_id,) = world.started_by(event)
    assert ended(world, execution_id)["status"] == "completed"
    assert len(sink.calls_to(f"/hook/{id}")) == 1
    record = world.query("select data from records where entity_id = %s", id)[0]
    assert record["data"] == {"code": "http_404"}


# S37
def test_the_first_failure_stops_the_list_of_actions(world: World, sink: Sink) -> None:
    id = uuid4().hex
    sink.answers[f"/list/{id}"] = [400]
    event = world.publish("list.asked", {"id": id})
    (execution_id,) = world.started_by(event)
    row = ended(world, execution_id)
    assert (row["status"], row["error_code"]) == ("failed", "http_400")
    assert sink.calls_to(f"/never/{id}") == []


# S15 S20 S121 S132 S13
def test_a_slow_webhook_leaves_a_running_row_and_does_not_hold_up_others(
    world: World, sink: Sink
) -> None:
    id = uuid4().hex
    sink.hold[f"/hook/{id}"] = threading.Event()
    event = world.publish("call.asked", {"id": id}, key="slow")
    (execution_id,) = world.started_by(event)
    sink.wait_for_call(f"/hook/{id}")
    row = world.query(
        "select e.status, s.status as step from workflow_executions e join step_executions s "
        "on s.execution_id = e.id where e.execution_id = %s",
        execution_id,
    )[0]
    assert row == {"status": "running", "step": "running"}
    other = world.publish("gate.asked", {"id": "other", "amount": 1}, key="slow")
    (other_id,) = world.started_by(other)
    world.life_cycle(other_id, "execution.completed")
    sink.hold[f"/hook/{id}"].set()
    assert ended(world, execution_id)["status"] == "completed"


# S79 S81 S85 S86 S87 S88
def test_a_resource_is_loaded_once_and_cached_under_its_key(world: World, sink: Sink) -> None:
    order = uuid4().hex
    sink.bodies[f"/orders/{order}"] = b'{"total": 250}'
    first, second = uuid4().hex, uuid4().hex
    world.publish("enriched.asked", {"id": first, "order_id": order})
    sql = "select data from records where entity_type = 'enriched' and entity_id = %s"
    expected = {"total": 250, "large": True, "label": f"order {order}"}
    assert world.until(sql, first)[0]["data"] == expected
    world.publish("enriched.asked", {"id": second, "order_id": order})
    assert world.until(sql, second)[0]["data"] == expected
    assert len(sink.calls_to(f"/orders/{order}")) == 1
    with redis.Redis.from_url(world.env["REDIS_URL"]) as cache:
        key = f"context:order.details:{order}"
        assert cache.get(key) == b'{"total":250}'
        assert 0 < int(cache.pttl(key)) <= 3_600_000


# S90
def test_a_resource_that_is_optional_may_fail(world: World, sink: Sink) -> None:
    id = uuid4().hex
    sink.answers[f"/fresh/{id}"] = [403]
    world.publish("optional.asked", {"id": id})
    sql = "select data from records where entity_type = 'optional' and entity_id = %s"
    assert world.until(sql, id)[0]["data"] == {"extra": None}


# S90
def test_a_resource_that_is_needed_fails_the_execution(world: World, sink: Sink) -> None:
    id = uuid4().hex
    sink.answers[f"/fresh/{id}"] = [403]
    event = world.publish("needed.asked", {"id": id})
    (execution_id,) = world.started_by(event)
    row = ended(world, execution_id)
    assert (row["status"], row["error_code"]) == ("failed", "http_403")
