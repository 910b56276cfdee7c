"""A consumer group grows and shrinks under load: nothing is lost, nothing is doubled (S220)."""

import signal
from collections.abc import Iterator
from uuid import uuid4

import pytest

from devstack.stack import EmbeddedStack
from tests.world import World, a_world

ROUNDS, EVENTS = 4, 150
DEFINITION = """
name: scaled
trigger: { event: scaled.asked }
steps:
  - id: kept
    execute: [{ create_record: { entity: scaled, id: "${id}", set: { n: 1 } } }]
  - id: boss
    approval: { title: "${id}", roles: [boss] }
"""
RELAYS = """
select 1 where (
    select count(*) from pg_stat_activity
    where application_name = 'sluicegate relay' and datname = %s
) = %s
"""
"""Whether so many workers run: each keeps one connection for its relay."""
OTHER = DEFINITION.replace("scaled", "other")


@pytest.fixture(scope="module")
def scaled(stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A deployment with two event topics."""
    folder = tmp_path_factory.mktemp("scaled")
    topics = ",".join(f"scaled-{part}-{uuid4().hex[:8]}" for part in ("a", "b"))
    texts = {"scaled.yaml": DEFINITION, "other.yaml": OTHER}
    with a_world(stack, folder, texts, SLUICEGATE_EVENT_TOPICS=topics) as running:
        yield running


# S215 S220 S116
def test_one_worker_three_and_one_again_do_each_event_and_decision_once(scaled: World) -> None:
    second_topic = scaled.env["SLUICEGATE_EVENT_TOPICS"].split(",")[1]
    scaled.start_worker()
    for number in range(ROUNDS):
        for n in range(EVENTS):
            scaled.publish("scaled.asked", {"id": f"{number}-{n}"}, key=f"k{n}")
        headers = {
            "ce_specversion": "1.0",
            "ce_id": f"other-{number}",
            "ce_source": "/tests",
            "ce_type": "other.asked",
        }
        scaled.produce(second_topic, f'{{"id": "o-{number}"}}', headers=headers)
        if number == 0:
            scaled.start_worker()
            scaled.start_worker()
            scaled.until(RELAYS, scaled.name, 3)
        if number == 2:
            for worker in scaled.workers[1:]:
                worker.send_signal(signal.SIGTERM)
            assert [worker.wait(20) for worker in scaled.workers[1:]] == [0, 0]
    total = ROUNDS * EVENTS
    counted = "select count(*) as n from workflow_executions where status = 'paused'"
    scaled.until(f"select 1 where ({counted}) = %s", total + ROUNDS)
    [kept] = scaled.query("select count(*) as n from records where entity_type = 'scaled'")
    [executions] = scaled.query(
        "select count(*) as n, count(distinct trigger_payload->>'id') as ids "
        "from workflow_executions where workflow_name = 'scaled'"
    )
    assert (kept["n"], executions["n"], executions["ids"]) == (total, total, total)
    rows = scaled.query(
        "select e.execution_id, a.request_id from approval_requests a "
        "join workflow_executions e on e.id = a.execution_id limit 20"
    )
    for row in rows:
        waiting = {"execution_id": row["execution_id"], "wait_id": row["request_id"]}
        assert scaled.receipt(scaled.decide(waiting))["result"] == "applied"
