"""States that the database refuses, and ids that two bring at once: no worker dies of them."""

import json
from uuid import uuid4

import psycopg
import pytest

from tests.chaos.load import count, queue_event, reach, register
from tests.world import World

LATE = """
name: late
trigger: { event: late.asked }
steps:
  - id: pause
    wait: { for: 1s }
  - id: ask
    approval: { title: "A${text}", roles: [r] }
"""
CALLING = """
name: calling
trigger: { event: calling.asked }
steps:
  - id: call
    execute: [{ webhook: { url: "http://127.0.0.1:1/nobody" } }]
    retry: { max: 0 }
    on_error:
      - id: ask
        approval: { title: "A${text}", roles: [r] }
"""
CROWD = """
name: crowd
trigger: { event: crowd.asked }
steps:
  - id: first
    approval: { title: First, roles: [r] }
  - id: second
    approval: { title: "B${text}", roles: [r] }
"""
LOOP = """
name: looped
trigger: { event: looped.asked }
steps:
  - id: each
    for_each:
      in: "${lines}"
      steps: [{ id: ask, approval: { title: A, roles: [r] } }]
"""


TOO_LONG = "".join(uuid4().hex for _ in range(400))
"""More than one row of an index holds."""


@pytest.fixture(autouse=True)
def titles_in_an_index(steady: World) -> None:
    """Let somebody search by titles: long ones cannot be stored any more."""
    with psycopg.connect(steady.database_url) as connection:
        connection.execute("create index if not exists by_title on approval_requests (reason)")


def states_of(world: World, workflow: str) -> dict[str, int]:
    """Return how many executions of a workflow have each status and error."""
    rows = world.query(
        "select status || coalesce(' ' || error_code, '') as state, count(*) as n"
        " from workflow_executions where workflow_name = %s group by 1",
        workflow,
    )
    return {row["state"]: row["n"] for row in rows}


def all_alive(world: World) -> bool:
    """Tell whether no worker has ended."""
    return all(worker.poll() is None for worker in world.workers)


# G8 G10
def test_a_state_that_a_timer_leads_to_and_nobody_can_keep_fails_its_execution_alone(
    steady: World,
) -> None:
    register(steady, late=LATE)
    for text in ("1", TOO_LONG, "2", TOO_LONG, "3"):
        queue_event(steady, "late.asked", {"text": text}, id=uuid4().hex)
    steady.producer.flush(10)
    reach(steady, 3, "approval_requests", "workflow_name = 'late' and status = 'pending'")
    reach(steady, 2, "workflow_executions", "workflow_name = 'late' and completed_at is not null")
    assert states_of(steady, "late") == {"paused": 3, "failed unstorable": 2}
    assert all_alive(steady)


# G8 G10
def test_a_state_that_a_call_leads_to_and_nobody_can_keep_fails_its_execution_alone(
    steady: World,
) -> None:
    register(steady, calling=CALLING)
    for n in range(12):
        text = TOO_LONG if n % 4 == 0 else str(n)
        queue_event(steady, "calling.asked", {"text": text}, id=uuid4().hex)
    steady.producer.flush(10)
    reach(steady, 9, "approval_requests", "workflow_name = 'calling' and status = 'pending'")
    done = "workflow_name = 'calling' and completed_at is not null"
    reach(steady, 3, "workflow_executions", done)
    assert states_of(steady, "calling") == {"paused": 9, "failed unstorable": 3}
    assert all_alive(steady)


# G8 G10
def test_a_state_that_a_decision_leads_to_and_nobody_can_keep_fails_its_execution(
    steady: World,
) -> None:
    register(steady, crowd=CROWD)
    queue_event(steady, "crowd.asked", {"text": TOO_LONG}, id=uuid4().hex)
    steady.producer.flush(10)
    waiting = steady.wait_for(
        lambda r: (
            r.topic == steady.topic("waiting") and bool(r.value) and r.value["workflow"] == "crowd"
        ),
        "the first request",
    ).value
    decision = {
        "decision_id": uuid4().hex,
        "execution_id": waiting["execution_id"],
        "request_id": waiting["wait_id"],
        "outcome": "approved",
        "decided_by": "ann",
    }
    steady.produce(steady.topic("decisions"), json.dumps(decision), key=waiting["execution_id"])
    receipt = steady.receipt(decision["decision_id"])
    row = steady.query(
        "select status, error_code from workflow_executions where workflow_name = 'crowd'"
    )[0]
    assert (receipt["code"], row["error_code"]) == ("cancelled", "unstorable")
    assert all_alive(steady)


# S207 G8
def test_a_decision_about_a_request_that_cannot_be_is_refused_at_once(steady: World) -> None:
    register(steady, looped=LOOP)
    queue_event(steady, "looped.asked", {"lines": [1, 2]}, id=uuid4().hex)
    steady.producer.flush(10)
    reach(steady, 1, "approval_requests", "workflow_name = 'looped'")
    [row] = steady.query(
        "select execution_id from workflow_executions where workflow_name = 'looped'"
    )
    decision = {
        "decision_id": uuid4().hex,
        "execution_id": row["execution_id"],
        "request_id": "not-a-request",
        "outcome": "approved",
        "decided_by": "ann",
    }
    steady.produce(steady.topic("decisions"), json.dumps(decision), key=row["execution_id"])
    assert steady.receipt(decision["decision_id"])["code"] == "unknown"
    assert all_alive(steady)


# F4
def test_one_id_on_several_partitions_at_once_is_taken_once(steady: World) -> None:
    number = 60
    for n in range(number):
        for partition in range(4):
            decision = {
                "decision_id": f"same-{n}",
                "execution_id": f"exec_{uuid4().hex}",
                "outcome": "approved",
                "decided_by": "ann",
            }
            command = {"command_id": f"same-{n}", "kind": "start", "workflow": "no", "by": "ann"}
            for topic, value in (("decisions", decision), ("commands", command)):
                steady.producer.produce(
                    steady.topic(topic), json.dumps(value), f"k{partition}", partition
                )
        steady.producer.flush(10)
    receipts = steady.topic("receipts")
    steady.wait_for(
        lambda r: r.topic == receipts and len(answers_to(steady, receipts)) >= number * 8,
        "all receipts",
    )
    found = answers_to(steady, receipts)
    assert found.count(("decision", "duplicate")) == found.count(("command", "duplicate"))
    assert found.count(("decision", "duplicate")) == number * 3
    assert count(steady, "dead_letters", "error_type = 'unstorable'") == 0
    assert all_alive(steady)


def answers_to(world: World, topic: str) -> list[tuple[str, str]]:
    """Return what was answered to decisions and commands that share their ids."""
    return [
        (kind, str(record.value["code"]))
        for record in world.all_seen(lambda r: r.topic == topic and bool(r.value))
        for kind in ("decision", "command")
        if str(record.value.get(f"{kind}_id", "")).startswith("same-")
    ]
