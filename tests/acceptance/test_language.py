"""Triggers, steps and sub-actions, seen from outside."""

import json
from uuid import uuid4

from tests.world import World


def status_of(world: World, execution_id: str) -> dict[str, object]:
    sql = "select * from workflow_executions where execution_id = %s and completed_at is not null"
    return dict(world.until(sql, execution_id)[0])


# S33 S9 S37 S129
def test_a_false_condition_jumps_to_a_later_step(world: World) -> None:
    event = world.publish("gate.asked", {"id": "g1", "amount": 5})
    (execution_id,) = world.started_by(event)
    assert status_of(world, execution_id)["result"] == "allowed"
    steps = world.query(
        "select s.step_id, s.status from step_executions s join workflow_executions e "
        "on e.id = s.execution_id where e.execution_id = %s order by s.started_at, s.id",
        execution_id,
    )
    assert {row["step_id"] for row in steps} == {"decide", "passed", "noted"}


# S32
def test_a_true_condition_takes_its_branch(world: World) -> None:
    event = world.publish("gate.asked", {"id": "g2", "amount": 101})
    (execution_id,) = world.started_by(event)
    row = status_of(world, execution_id)
    assert (row["status"], row["error_message"]) == ("blocked", "101 is above 100")


# S4
def test_an_event_that_no_workflow_wants_is_kept(world: World) -> None:
    event = world.publish("nobody.cares", {"a": 1})
    assert world.started_by(event) == []


def test_an_event_whose_trigger_condition_fails_starts_nothing(world: World) -> None:
    event = world.publish("gate.asked", {"id": "g3", "amount": -1})
    assert world.started_by(event) == []


# S2 S3 S30 S124 S130
def test_one_event_starts_every_matching_workflow_and_one_failing_leaves_the_others(
    world: World,
) -> None:
    id = uuid4().hex
    event = world.publish("thing.made", {"id": id})
    started = world.started_by(event)
    assert len(started) == 2
    broken, other = (status_of(world, execution_id) for execution_id in started)
    assert (broken["workflow_name"], broken["status"]) == ("broken", "failed")
    assert broken["error_code"] == "unresolved"
    assert "not.there" in str(broken["error_message"])
    assert (other["workflow_name"], other["result"]) == ("every-thing", "executed")


# S8
def test_the_type_comes_from_header_structured_event_field_or_topic(world: World) -> None:
    ids = [uuid4().hex for _ in range(4)]
    world.publish("thing.one", {"id": ids[0]})
    structured = {
        "specversion": "1.0",
        "type": "thing.two",
        "source": "/tests",
        "id": ids[1],
        "data": {"id": ids[1]},
    }
    world.produce(
        world.events_topic,
        json.dumps(structured),
        headers={"content-type": "application/cloudevents+json"},
    )
    world.produce(world.events_topic, json.dumps({"type": "thing.three", "id": ids[2]}))
    world.produce(world.events_topic, json.dumps({"event_type": "thing.four", "id": ids[3]}))
    for id in ids:
        world.until("select 1 as x from records where entity_type = 'thing' and entity_id = %s", id)
    world.produce(world.events_topic, json.dumps({"id": "by-topic"}), headers={"event-id": ids[0]})
    row = world.until(
        "select type, source from events where event_id = %s and type = topic", ids[0]
    )
    assert row[0]["type"] == world.events_topic


# S59 S60 S217
def test_records_announce_themselves_as_events(world: World) -> None:
    id = uuid4().hex
    world.publish("stock.counted", {"sku": id, "level": 3})
    world.wait_for(lambda r: r.type == "record.updated" and r.value["id"] == id, "record.updated")
    asked = world.wait_for(
        lambda r: r.type == "replenishment.requested" and r.value["sku"] == id, "replenishment"
    )
    assert asked.value == {"sku": id, "quantity": 100}
    assert asked.key == id
    assert asked.headers["ce_hops"] == b"1"


# S69
def test_a_sequence_per_execution_rises_by_one(world: World) -> None:
    event = world.publish("gate.asked", {"id": "g9", "amount": 7})
    (execution_id,) = world.started_by(event)
    world.life_cycle(execution_id, "execution.completed")
    topic = world.topic("executions")
    records = world.all_seen(lambda r: r.topic == topic and r.key == execution_id)
    sequence = [record.value["sequence"] for record in records]
    assert sequence == list(range(1, len(sequence) + 1))
    assert records[0].type == "sluicegate.execution.started"
