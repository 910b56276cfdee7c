"""Nothing is lost and nothing is done twice while the worker is killed."""

import json
import os
import signal
from pathlib import Path

import pytest

from devstack.stack import EmbeddedStack
from tests.world import World, a_world

EXECUTIONS = int(os.environ.get("SLUICEGATE_KILL_EXECUTIONS", "1500"))
KILLS = 5
DEFINITION = """\
name: endured
trigger: { event: endure.asked }
steps:
  - id: noted
    execute: [{ create_record: { entity: endured, id: "${n}", set: { n: "${n}" } } }]
  - id: ask
    approval: { title: "${n}", roles: [any] }
  - id: counted
    execute: [{ update_record: { entity: counter, id: "${n}", set: { n: "${n}" } } }]
"""
SCORE = """
select
    (select count(distinct trigger_payload->>'n') from workflow_executions
     where status = 'completed') as completed,
    (select count(*) from (
        select 1 from workflow_executions group by trigger_payload->>'n' having count(*) > 1
    ) d) as doubly_started,
    (select count(*) from records where entity_type = 'counter' and version <> 1)
        as doubly_resumed,
    (select count(*) from waits where status = 'open') as open_waits,
    (select count(*) from outbox) as outbox
"""


def kill_and_restart(world: World) -> None:
    """Kill the worker in the middle of whatever it does, and start another."""
    worker = world.workers.pop()
    worker.send_signal(signal.SIGKILL)
    worker.wait(10)
    world.start_worker()


def progress(world: World, sql: str, number: int) -> None:
    """Wait until a count has come so far."""
    world.until(f"select 1 as x where ({sql}) >= {number}")


# S11 S101 S113
def test_no_execution_is_lost_or_doubled_while_the_worker_is_killed(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    with a_world(stack, tmp_path, {"endured.yaml": DEFINITION}) as world:
        for n in range(EXECUTIONS):
            world.producer.produce(
                world.events_topic,
                f'{{"n": {n}}}',
                headers={"ce_type": "endure.asked", "event-id": f"e{n}"},
            )
            world.producer.poll(0)
        world.producer.flush(30)
        world.start_worker()
        started = "select count(*) from workflow_executions"
        for part in (1, 2):
            progress(world, started, EXECUTIONS * part // 4)
            kill_and_restart(world)
        progress(world, started, EXECUTIONS)
        requests = world.query(
            "select e.execution_id, a.request_id as wait_id from approval_requests a "
            "join workflow_executions e on e.id = a.execution_id"
        )
        assert len(requests) == EXECUTIONS
        for number, request in enumerate(requests):
            decide_quietly(world, request, number)
        world.producer.flush(30)
        answered = "select count(*) from decisions where result is not null"
        for part in (1, 2, 3):
            progress(world, answered, EXECUTIONS * part // 4)
            kill_and_restart(world)
        world.until(
            "select 1 as x where (select count(*) from workflow_executions "
            f"where status = 'completed') = {EXECUTIONS} and not exists (select from outbox)"
        )
        score = world.query(SCORE)[0]
        assert score == {
            "completed": EXECUTIONS,
            "doubly_started": 0,
            "doubly_resumed": 0,
            "open_waits": 0,
            "outbox": 0,
        }
        receipts = world.query("select count(*) as n from decisions where result = 'applied'")
        assert receipts[0]["n"] == EXECUTIONS


def decide_quietly(world: World, request: dict[str, str], number: int) -> None:
    """Produce a decision without waiting for the broker."""
    decision = {
        "decision_id": f"d{number}",
        "outcome": "approved",
        "decided_by": "ana",
        "execution_id": request["execution_id"],
        "request_id": request["wait_id"],
    }
    world.producer.produce(world.topic("decisions"), json.dumps(decision), request["execution_id"])
    world.producer.poll(0)


# S213
def test_a_worker_that_is_asked_to_stop_exits_in_order(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    with a_world(stack, tmp_path, {"endured.yaml": DEFINITION}) as world:
        world.start_worker()
        world.publish("endure.asked", {"n": 1})
        world.waiting(title="1")
        assert world.stop_workers(signal.SIGTERM) == [0]


# S50 S212
def test_timers_fire_once_with_two_workers_and_survive_a_restart(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    definition = """\
name: many-naps
trigger: { event: nap.asked }
steps:
  - id: sleep
    wait: { for: 3s }
  - id: awake
    execute: [{ update_record: { entity: nap, id: "${n}", set: { n: "${n}" } } }]
"""
    with a_world(stack, tmp_path, {"naps.yaml": definition}) as world:
        world.start_worker()
        events = [world.publish("nap.asked", {"n": n}) for n in range(50)]
        for event in events:
            world.started_by(event)
        kill_and_restart(world)
        world.start_worker()
        world.until(
            "select 1 as x where (select count(*) from workflow_executions "
            "where status = 'completed') = 50"
        )
        late = world.query(
            "select max(extract(epoch from closed_at - due_at))::float8 as late, "
            "min(extract(epoch from closed_at - due_at))::float8 as early from waits"
        )[0]
        assert late["early"] >= 0
        assert pytest.approx(0, abs=6) == late["late"]
        versions = world.query("select distinct version from records where entity_type = 'nap'")
        assert versions == [{"version": 1}]
