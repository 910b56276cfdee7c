"""Waits for events, for time and for people who never answer."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from tests.world import World


def ended(world: World, execution_id: str) -> dict[str, object]:
    sql = "select * from workflow_executions where execution_id = %s and completed_at is not null"
    return dict(world.until(sql, execution_id)[0])


# S47 S48
def test_an_event_resumes_only_the_execution_that_it_matches(world: World) -> None:
    one, two = uuid4().hex, uuid4().hex
    first = world.publish("pair.opened", {"pair_id": one})
    second = world.publish("pair.opened", {"pair_id": two})
    (first_id,), (second_id,) = world.started_by(first), world.started_by(second)
    world.waiting(execution_id=first_id)
    world.waiting(execution_id=second_id)
    world.publish("pair.closed", {"pair_id": one, "who": "me"})
    assert ended(world, first_id)["status"] == "completed"
    record = world.query("select data from records where entity_id = %s", one)[0]
    assert record["data"] == {"closed_by": "me"}
    row = world.query("select status from workflow_executions where execution_id = %s", second_id)[
        0
    ]
    assert row["status"] == "paused"


# S47
def test_an_event_that_comes_before_its_wait_counts(world: World) -> None:
    ids = [uuid4().hex for _ in range(20)]
    for id in ids:
        world.publish("pair.opened", {"pair_id": id}, key=id)
        world.publish("pair.closed", {"pair_id": id, "who": "early"}, key=f"{id}x")
    for id in ids:
        world.until("select 1 as x from records where entity_type = 'pair' and entity_id = %s", id)


# S49
def test_a_wait_that_times_out_without_branch_fails_the_execution(world: World) -> None:
    event = world.publish("impatient.opened", {"id": uuid4().hex})
    (execution_id,) = world.started_by(event)
    row = ended(world, execution_id)
    assert (row["status"], row["error_code"]) == ("failed", "wait_timeout")


# S50
def test_a_wait_for_time_ends_when_it_is_due(world: World) -> None:
    until = datetime.now(UTC) + timedelta(seconds=2)
    event = world.publish("nap.asked", {"until": until.isoformat()})
    (execution_id,) = world.started_by(event)
    row = ended(world, execution_id)
    completed = row["completed_at"]
    assert isinstance(completed, datetime)
    assert timedelta() <= completed - until < timedelta(seconds=1)


# S141 S210 S211
def test_an_approval_that_nobody_answers_expires_in_time(world: World) -> None:
    id = uuid4().hex
    event = world.publish("expiry.asked", {"id": id})
    (execution_id,) = world.started_by(event)
    assert ended(world, execution_id)["status"] == "completed"
    record = world.query("select data from records where entity_id = %s", id)[0]
    assert record["data"] == {"outcome": "expired"}
    request = world.query(
        "select a.status, a.expires_at, a.decided_at from approval_requests a "
        "join workflow_executions e on e.id = a.execution_id where e.execution_id = %s",
        execution_id,
    )[0]
    assert request["status"] == "expired"
    assert timedelta() <= request["decided_at"] - request["expires_at"] < timedelta(seconds=1)


# S111
def test_an_expired_approval_without_branch_blocks_like_a_rejected_one(world: World) -> None:
    event = world.publish("default_expiry.asked", {"id": "x"})
    (execution_id,) = world.started_by(event)
    row = ended(world, execution_id)
    assert (row["status"], row["error_code"]) == ("blocked", "expired")


# S217
def test_the_waiting_topic_read_to_its_end_equals_the_open_waits(world: World) -> None:
    id = uuid4().hex
    world.publish("pair.opened", {"pair_id": id})
    waiting = world.waiting(match={"pair_id": id})
    assert (waiting["kind"], waiting["event"]) == ("event", "pair.closed")
    world.publish("pair.closed", {"pair_id": id, "who": "x"})
    world.wait_for(
        lambda r: r.key == waiting["wait_id"] and r.value["status"] == "closed", "the closing"
    )
    topic = world.topic("waiting")
    latest = {record.key: record.value for record in world.all_seen(lambda r: r.topic == topic)}
    for row in world.query("select wait_id from waits where status = 'closed'"):
        world.wait_for(
            lambda r, id=row["wait_id"]: r.key == id and r.value["status"] == "closed",  # type: ignore[misc]
            "a closing record",
        )
    latest = {record.key: record.value for record in world.all_seen(lambda r: r.topic == topic)}
    open_now = {
        row["wait_id"] for row in world.query("select wait_id from waits where status = 'open'")
    }
    assert {key for key, value in latest.items() if value["status"] == "open"} >= open_now
