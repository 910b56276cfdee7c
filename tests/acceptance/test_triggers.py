"""What a trigger does about keys, limits, many events at once, and events that cancel."""

import json
import time
from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance.following import (
    answer,
    answers,
    begin,
    ended,
    obeyed,
    order,
    refused,
    request_status,
    stands,
)
from tests.world import PARTITIONS, World


@pytest.fixture
def id() -> str:
    """A name that nothing else has."""
    return uuid4().hex


def keyed(world: World, how: str, id: str, run: str) -> str:
    """Publish an event for a workflow with a key; return the event's id."""
    return world.publish(f"keyed.{how}", {"id": id, "run": f"{id}{run}"})


def finish(world: World, id: str, run: str) -> None:
    """Let a run that waits for it go to its end."""
    world.publish("keyed.done", {"run": f"{id}{run}"})


def publish_at_once(world: World, type: str, values: list[dict[str, Any]]) -> None:
    """Publish events over all partitions without waiting between them."""
    for number, value in enumerate(values):
        world.producer.produce(
            world.events_topic,
            json.dumps(value),
            partition=number % PARTITIONS,
            headers={"ce_type": type, "event-id": uuid4().hex},
        )
    world.producer.flush(10)


# S6
def test_a_busy_key_ignores_further_events_until_its_execution_has_ended(
    world: World, id: str
) -> None:
    first = begin(world, "keyed.ignore", {"id": id, "run": f"{id}1"})
    assert world.started_by(keyed(world, "ignore", id, "2")) == []
    finish(world, id, "1")
    ended(world, first)
    (third,) = world.started_by(keyed(world, "ignore", id, "3"))
    assert stands(world, third, "paused")["trigger_key"] == id


def test_a_newer_event_replaces_the_execution_with_its_key(world: World, id: str) -> None:
    first = begin(world, "keyed.replace", {"id": id, "run": f"{id}1"})
    (second,) = world.started_by(keyed(world, "replace", id, "2"))
    row = ended(world, first)
    assert (row["status"], row["error_code"]) == ("cancelled", "cancelled")
    assert id in row["error_message"]
    finish(world, id, "2")
    assert ended(world, second)["status"] == "completed"


# S19
def test_of_many_events_at_once_exactly_one_execution_of_a_key_is_left(
    world: World, id: str
) -> None:
    values = [{"id": id, "run": f"{id}{n}"} for n in range(24)]
    publish_at_once(world, "keyed.replace", values)
    sql = "select status, count(*)::int as n from workflow_executions where {} group by status"
    mine = "workflow_name = 'keyed-replace' and trigger_payload->>'id' = %s"
    world.until(
        f"select 1 as x where (select count(*) from workflow_executions where {mine}) = 24", id
    )
    found = {row["status"]: row["n"] for row in world.query(sql.format(mine), id)}
    assert found == {"cancelled": 23, "paused": 1}


# S16 S120
def test_a_queued_event_is_pending_with_its_reason_until_its_turn_comes(
    world: World, id: str
) -> None:
    runs = [begin(world, "keyed.queue", {"id": id, "run": f"{id}{n}"}) for n in range(3)]
    stands(world, runs[0], "paused")
    for run in runs[1:]:
        row = stands(world, run, "pending")
        assert row["metadata"]["pending_reason"] == f"key:{id}"
        assert row["trigger_key"] == id
    finish(world, id, "0")
    assert ended(world, runs[0])["status"] == "completed"
    world.life_cycle(runs[1], "execution.started")
    assert stands(world, runs[2], "pending")["paused_reason"] is None
    obeyed(world, order(world, "cancel", runs[2]))
    assert ended(world, runs[2])["status"] == "cancelled"
    finish(world, id, "1")
    assert ended(world, runs[1])["status"] == "completed"


# S16 S126
def test_what_waits_for_its_turn_is_cancelled_by_its_event_at_once(world: World, id: str) -> None:
    values = [{"region": id, "run": f"{id}{n}"} for n in range(3)]
    runs = [begin(world, "narrow.revocable", value) for value in values]
    stands(world, runs[1], "pending")
    world.publish("narrow.revoked", {"run": f"{id}1"})
    assert ended(world, runs[1])["status"] == "cancelled"
    stands(world, runs[0], "paused")
    stands(world, runs[2], "pending")
    finish(world, id, "0")
    world.life_cycle(runs[2], "execution.started")


# S6 S16
def test_an_event_that_its_key_keeps_from_starting_takes_no_place_in_a_lane(
    world: World, id: str
) -> None:
    first = begin(world, "keyed.narrow", {"id": id, "region": id, "run": f"{id}1"})
    ignored = world.publish("keyed.narrow", {"id": id, "region": id, "run": f"{id}2"})
    assert world.started_by(ignored) == []
    finish(world, id, "1")
    ended(world, first)
    other = begin(world, "keyed.narrow", {"id": f"{id}x", "region": id, "run": f"{id}3"})
    stands(world, other, "paused")


# S16
def test_a_limit_of_two_lets_two_run_for_each_key_first_come_first_served(
    world: World, id: str
) -> None:
    values = [{"region": id, "run": f"{id}{n}"} for n in range(4)]
    runs = [begin(world, "limited.asked", value) for value in values]
    assert [stands(world, run, "paused")["status"] for run in runs[:2]] == ["paused"] * 2
    for run in runs[2:]:
        row = stands(world, run, "pending")
        assert row["metadata"]["pending_reason"] == f"concurrency:{id}"
    other = begin(world, "limited.asked", {"region": f"{id}x", "run": f"{id}x"})
    stands(world, other, "paused")
    finish(world, id, "1")
    world.life_cycle(runs[2], "execution.started")
    stands(world, runs[3], "pending")
    for n in ("0", "2"):
        finish(world, id, n)
    world.life_cycle(runs[3], "execution.started")


# S16
def test_of_one_millisecond_they_run_in_the_order_of_their_records(world: World, id: str) -> None:
    at = round(time.time() * 1000)
    for n in range(6):
        world.producer.produce(
            world.events_topic,
            json.dumps({"region": id, "run": f"{id}{n}"}),
            partition=0,
            headers={"ce_type": "narrow.asked", "event-id": f"{id}{n}"},
            timestamp=at,
        )
    world.producer.flush(10)
    runs = [started for n in range(6) for started in world.started_by(f"{id}{n}")]
    for n, run in enumerate(runs):
        stands(world, run, "paused")
        finish(world, id, str(n))


# S16 S205
def test_a_retry_keeps_within_the_limit(world: World, id: str) -> None:
    failed = begin(world, "narrow.asked", {"region": id, "run": f"{id}0", "bad": True})
    assert ended(world, failed)["error_code"] == "invalid_value"
    other = begin(world, "narrow.asked", {"region": id, "run": f"{id}1"})
    stands(world, other, "paused")
    assert refused(world, order(world, "skip", failed, step="check")) == "busy"
    finish(world, id, "1")
    ended(world, other)
    again = obeyed(world, order(world, "skip", failed, step="check"))["execution_id"]
    stands(world, again, "paused")
    late = begin(world, "narrow.asked", {"region": id, "run": f"{id}2"})
    assert stands(world, late, "pending")["metadata"]["pending_reason"] == f"concurrency:{id}"


# S16
def test_a_limit_holds_while_many_ask_at_once(world: World, id: str) -> None:
    values = [{"region": id, "run": f"{id}{n}"} for n in range(16)]
    publish_at_once(world, "limited.asked", values)
    mine = "from workflow_executions where trigger_payload->>'region' = %s"
    world.until(f"select 1 as x where (select count(*) {mine}) = 16", id)
    unfinished = f"select count(*)::int as n {mine} and status in ('running', 'paused')"
    assert world.query(unfinished, id) == [{"n": 2}]
    # Whatever runs is let go, until nothing is left.
    for _ in values:
        rows = world.until(f"select execution_id, trigger_payload {mine} and status = 'paused'", id)
        assert len(rows) <= 2
        for row in rows:
            world.publish("keyed.done", {"run": row["trigger_payload"]["run"]})
            ended(world, row["execution_id"])
        if not world.query(f"select 1 as x {mine} and completed_at is null", id):
            break
    started = world.query(f"select execution_id {mine} and status = 'completed'", id)
    assert len(started) == 16


# S3
def test_workflows_of_one_event_begin_in_the_order_of_their_priority(world: World) -> None:
    started = world.started_by(world.publish("ranked.asked", {}))
    names = [ended(world, execution)["workflow_name"] for execution in started]
    assert names == ["ranked-high", "ranked-middle", "ranked-low"]


# S3
def test_a_key_that_no_index_holds_keeps_its_workflow_alone_from_starting(world: World) -> None:
    event = world.publish("long.asked", {"id": "".join(uuid4().hex for _ in range(300))})
    letter = world.wait_for(
        lambda r: r.headers.get("ce_id") == event.encode() and "dlq-error-type" in r.headers,
        "the dead letter",
    )
    text = "long-keyed: the key of the trigger must have at most 2000 bytes; choose a shorter value"
    assert letter.headers["dlq-error-message"].decode() == text
    (beside,) = world.started_by(event)
    assert ended(world, beside)["workflow_name"] == "long-beside"


def test_a_debounced_trigger_starts_once_with_the_last_event(world: World, id: str) -> None:
    last = [world.publish("settling.changed", {"id": id, "n": n}, key=id) for n in range(5)][-1]
    row = world.until("select * from workflow_executions where trigger_payload->>'id' = %s", id)
    assert [(one["trigger_payload"]["n"], one["metadata"]["event"]["id"]) for one in row] == [
        (4, last)
    ]


def test_a_debounce_that_never_comes_to_rest_starts_at_its_longest(world: World, id: str) -> None:
    """Each event comes before the quiet is over; only `max` lets one start meanwhile."""
    found: list[dict[str, Any]] = []
    n = 0
    sql = "select execution_id from workflow_executions where trigger_payload->>'id' = %s"
    while not found:
        n += 1
        world.publish("settling.changed", {"id": id, "n": n}, key=id)
        world.until(
            "select 1 as x from events where payload->>'id' = %s and payload->>'n' = %s", id, str(n)
        )
        found = world.query(sql, id)
        assert n < 2_000
    assert len(found) == 1


def test_a_full_batch_starts_at_once_and_a_small_one_in_time(world: World, id: str) -> None:
    for n in range(11):
        world.publish("bundle.item", {"region": id, "n": n}, key=id)
    mine = "entity_type = 'bundle' and data->'items'->0->>'region' = %s"
    world.until(f"select 1 as x where (select count(*) from records where {mine}) = 2", id)
    rows = world.query(f"select data from records where {mine} order by created_at", id)
    assert [[item["n"] for item in row["data"]["items"]] for row in rows] == [
        [0, 1, 2, 3, 4, 5, 6, 7],
        [8, 9, 10],
    ]


# S6
def test_events_that_were_gathered_name_the_execution_that_they_started(
    world: World, id: str
) -> None:
    def started(field: str) -> list[list[str]]:
        sql = f"select triggered_workflows from events where payload->>'{field}' = %s"
        ordered = f"{sql} order by record_offset"
        return [row["triggered_workflows"] for row in world.query(ordered, id)]

    def the_execution(workflow: str, first: str) -> str:
        sql = "select execution_id from workflow_executions where workflow_name = %s"
        mine = f"{sql} and trigger_payload::text like %s and metadata->'event'->>'id' = %s"
        return str(world.until(mine, workflow, f"%{id}%", first)[0]["execution_id"])

    parcels = [world.publish("bundle.item", {"region": id, "n": n}, key=id) for n in range(11)]
    full, small = the_execution("bundle", parcels[0]), the_execution("bundle", parcels[8])
    assert started("region") == [[full]] * 8 + [[small]] * 3
    changes = [world.publish("settling.changed", {"id": id, "n": n}, key=id) for n in range(2)]
    settled = the_execution("settling", changes[-1])
    assert started("id") == [[], [settled]]


def test_no_event_of_a_batch_is_lost_when_they_come_over_all_partitions(
    world: World, id: str
) -> None:
    regions = [f"{id}{n}" for n in range(12)]
    values = [{"region": region, "n": n} for region in regions for n in range(8)]
    publish_at_once(world, "bundle.item", values)
    sql = """
        select count(distinct (item->>'region', item->>'n'))::int as n
        from records, jsonb_array_elements(data->'items') as item
        where entity_type = 'bundle' and item->>'region' like %s
    """
    world.until(f"select 1 as x from ({sql}) as found where n = {len(values)}", f"{id}%")


# S126
def test_an_event_that_cancels_ends_the_execution_that_it_matches(world: World, id: str) -> None:
    execution = begin(world, "revocable.asked", {"id": id})
    other = begin(world, "revocable.asked", {"id": f"{id}x"})
    waiting = world.waiting(execution_id=execution)
    world.publish("revocable.revoked", {"id": id})
    row = ended(world, execution)
    assert (row["status"], row["result"]) == ("cancelled", None)
    assert "revocable.revoked" in row["error_message"]
    assert request_status(world, waiting["wait_id"]) == "cancelled"
    assert answer(world, world.decide(waiting)) == ("refused", "cancelled")
    stands(world, other, "paused")


# S9
def test_a_start_by_hand_happens_once_for_one_key_of_idempotency(world: World, id: str) -> None:
    key = f"idem-{id}"
    data = {"region": id, "run": f"{id}0"}
    receipts = []
    for number in (1, 2):
        order(world, "start", command_id=key, workflow="limited", payload=data)
        receipts = answers(world, key, number)
    first, second = receipts
    assert (first["result"], second["result"], second["code"]) == (
        "applied",
        "refused",
        "duplicate",
    )
    row = stands(world, first["execution_id"], "paused")
    assert (row["trigger_event"], row["trigger_payload"]) == ("manual", data)
    assert row["metadata"]["by"] == "ops@example.com"
    mine = (
        "select count(*)::int as n from workflow_executions where trigger_payload->>'region' = %s"
    )
    assert world.query(mine, id) == [{"n": 1}]


# S9
def test_a_start_by_hand_passes_over_the_condition_unless_it_must_hold(world: World) -> None:
    data = {"id": "by hand", "amount": -1}
    receipt = obeyed(world, order(world, "start", workflow="gate", payload=data))
    assert ended(world, receipt["execution_id"])["status"] == "completed"
    strict = order(world, "start", workflow="gate", payload=data, match=True)
    assert refused(world, strict) == "invalid_input"


# S9
@pytest.mark.parametrize(
    ("workflow", "payload", "code"),
    [("nobody-wrote-this", {}, "unknown_workflow"), ("inspection", {"id": 7}, "invalid_input")],
)
def test_a_start_by_hand_that_does_not_fit_is_refused(
    world: World, workflow: str, payload: dict[str, Any], code: str
) -> None:
    assert refused(world, order(world, "start", workflow=workflow, payload=payload)) == code


# S9
def test_a_start_by_hand_of_a_busy_key_is_refused(world: World, id: str) -> None:
    begin(world, "keyed.ignore", {"id": id, "run": f"{id}1"})
    data = {"id": id, "run": f"{id}2"}
    assert refused(world, order(world, "start", workflow="keyed-ignore", payload=data)) == "busy"


# S126
@pytest.mark.parametrize("shift", [0, 1])
def test_an_event_that_cancels_counts_though_the_start_is_not_committed_yet(
    world: World, id: str, shift: int
) -> None:
    """Both are published at once, over one partition or over two."""
    ids = [f"{id}{n}" for n in range(24)]
    for number, name in enumerate(ids):
        for place, type in enumerate(("revocable.asked", "revocable.revoked")):
            world.producer.produce(
                world.events_topic,
                json.dumps({"id": name}),
                partition=(number + place * shift) % PARTITIONS,
                headers={"ce_type": type, "event-id": uuid4().hex},
                # As seen by the broker, the start came first.
                timestamp=1_790_000_000_000 + place,
            )
    world.producer.flush(10)
    mine = "workflow_name = 'revocable' and trigger_payload->>'id' like %s"
    sql = f"select count(*) as n from workflow_executions where {mine} and status = 'cancelled'"
    world.until(f"select 1 as x from ({sql}) as found where n = {len(ids)}", f"{id}%")
