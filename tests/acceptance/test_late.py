"""A decision that was sent in time beats its expiry, however long no worker was there."""

import json
import signal
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from devstack.stack import EmbeddedStack
from tests.acceptance.following import answer, begin, ended, record_of
from tests.world import World, a_world

DEFINITION = """
name: late
trigger: { event: late.asked }
steps:
  - id: ask
    approval: { title: "Late ${id}", roles: [any], expires_in: 5s }
  - id: kept
    execute:
      - create_record: { entity: late, id: "${id}", set: { outcome: "${approvals.ask.outcome}" } }
"""
OTHERS = 3000


@pytest.fixture(scope="module")
def absent(stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_world(stack, tmp_path_factory.mktemp("late"), {"late.yaml": DEFINITION}) as running:
        running.start_worker()
        yield running


def decide_behind_others(world: World, waiting: dict[str, Any]) -> str:
    """Send a decision at the end of a long queue; return its id."""
    nothing = {"wait_id": "nonsense", "execution_id": f"exec_{'1' * 32}"}
    asked = [nothing] * OTHERS + [waiting]
    for number, about in enumerate(asked):
        id = uuid4().hex
        value = {
            "decision_id": id,
            "execution_id": about["execution_id"],
            "request_id": about["wait_id"],
            "outcome": "approved",
            "decided_by": f"person{number}",
        }
        if about is waiting:
            # In a batch of its own: the embedded broker tells of a batch's first offset only.
            world.producer.flush(10)
        world.producer.produce(world.topic("decisions"), json.dumps(value), partition=0)
        world.producer.poll(0)
    world.producer.flush(10)
    return id


# S113 S141 S210
def test_a_decision_sent_in_time_is_applied_by_a_worker_that_comes_after_the_expiry(
    absent: World,
) -> None:
    decided = begin(absent, "late.asked", {"id": "decided"})
    forgotten = begin(absent, "late.asked", {"id": "forgotten"})
    waiting = absent.waiting(execution_id=decided)
    absent.waiting(execution_id=forgotten)
    absent.stop_workers(signal.SIGKILL)
    decision = decide_behind_others(absent, waiting)
    assert absent.query("select 1 as x where now() < (select min(due_at) from timers)")
    absent.until("select 1 as x where now() > (select max(due_at) from timers)")
    absent.start_worker()
    assert answer(absent, decision) == ("applied", None)
    assert record_of(absent, "late", "decided") == {"outcome": "approved"}
    assert ended(absent, forgotten)["error_code"] == "expired"


# S210
def test_how_often_timers_are_looked_for_can_be_set(stack: EmbeddedStack, tmp_path: Path) -> None:
    nap = """
    name: nap
    trigger: { event: nap.asked }
    steps: [{ id: sleep, wait: { for: 1s } }]
    """
    with a_world(stack, tmp_path, {"nap.yaml": textwrap.dedent(nap)}) as world:
        world.start_worker(SLUICEGATE_TIMER_SECONDS="300")
        (execution,) = world.started_by(world.publish("nap.asked", {}))
        world.until(
            "select 1 as x from waits where status = 'open' and due_at < now() - interval '1s'"
        )
        world.start_worker(SLUICEGATE_TIMER_SECONDS="0.1")
        world.life_cycle(execution, "execution.completed")
