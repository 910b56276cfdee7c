"""Executions that steps of others start: approvals inside, results, failures and cancels."""

from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance.following import (
    answer,
    begin,
    ended,
    obeyed,
    order,
    record_of,
    request_status,
    stands,
    steps_of,
)
from tests.sink import Sink
from tests.world import World


@pytest.fixture
def id() -> str:
    """A name that nothing else has."""
    return uuid4().hex


def inspection(world: World, id: str) -> dict[str, Any]:
    """Return the open approval inside a child execution."""
    return world.waiting(title=f"Inspect {id}")


# S51 S103
def test_an_approval_inside_a_child_is_decided_and_the_parent_goes_on_with_the_result(
    world: World, sink: Sink, id: str
) -> None:
    parent = begin(world, "delivery.asked", {"id": id})
    waiting = inspection(world, id)
    child = waiting["execution_id"]
    assert (waiting["workflow"], child == parent) == ("inspection", False)
    assert stands(world, parent, "paused")["paused_reason"] == f"execution:{child}"
    assert answer(world, world.decide(waiting)) == ("applied", None)
    assert ended(world, child)["result"] == "allowed"
    assert ended(world, parent)["status"] == "completed"
    assert record_of(world, "delivery", id) == {
        "result": "allowed",
        "outcome": "completed",
        "certified": 200,
    }
    row = ended(world, child)
    assert (row["trigger_event"], row["trigger_payload"]) == (
        "workflow:delivery",
        {"id": id, "slow": False},
    )
    assert row["metadata"]["event"]["parent"]["step"] == "check"
    sink.wait_for_call(f"/certify/{id}")


def test_a_blocked_child_is_a_result_and_no_failure(world: World, id: str) -> None:
    parent = begin(world, "delivery.asked", {"id": id})
    world.decide(inspection(world, id), "rejected", reason="rust")
    assert ended(world, parent)["status"] == "completed"
    assert record_of(world, "delivery", id) == {
        "result": "blocked",
        "outcome": "blocked",
        "certified": "none",
    }


# S30
def test_the_failure_of_a_child_fails_its_parents_one_after_another(
    world: World, sink: Sink, id: str
) -> None:
    sink.answers[f"/certify/{id}"] = [422]
    parent = begin(world, "convoy.asked", {"id": id})
    waiting = inspection(world, id)
    world.decide(waiting)
    child = ended(world, waiting["execution_id"])
    assert (child["status"], child["error_code"]) == ("failed", "http_422")
    row = ended(world, parent)
    assert (row["status"], row["error_code"]) == ("failed", "http_422")
    assert "inspection ended failed" in row["error_message"]
    assert record_of(world, "lost", id) == {"code": "http_422", "of": "deliver"}


# S126
def test_a_cancelled_parent_cancels_its_children_and_their_open_requests(
    world: World, id: str
) -> None:
    parent = begin(world, "convoy.asked", {"id": id})
    waiting = inspection(world, id)
    obeyed(world, order(world, "cancel", parent))
    assert ended(world, waiting["execution_id"])["status"] == "cancelled"
    assert ended(world, parent)["status"] == "cancelled"
    middle = "select status from workflow_executions where trigger_payload->>'id' = %s"
    assert {row["status"] for row in world.query(middle, id)} == {"cancelled"}
    assert request_status(world, waiting["wait_id"]) == "cancelled"
    assert answer(world, world.decide(waiting)) == ("refused", "cancelled")


def test_a_cancelled_child_fails_the_step_that_waits_for_it(world: World, id: str) -> None:
    parent = begin(world, "delivery.asked", {"id": id})
    child = inspection(world, id)["execution_id"]
    obeyed(world, order(world, "cancel", child))
    row = ended(world, parent)
    assert (row["status"], row["error_code"]) == ("failed", "cancelled")
    assert steps_of(world, parent) == {"check": "failed"}


def test_a_child_that_nobody_waits_for_lets_its_parent_end(world: World, id: str) -> None:
    parent = begin(world, "errand.asked", {"id": id})
    row = ended(world, parent)
    assert row["status"] == "completed"
    waiting = inspection(world, id)
    assert row["context"]["steps"]["done"]["output"]["reason"] == waiting["execution_id"]
    world.decide(waiting)
    assert ended(world, waiting["execution_id"])["status"] == "completed"


@pytest.mark.parametrize(
    ("which", "code"), [("nobody", "unknown_workflow"), ("misfit", "invalid_input")]
)
def test_a_child_that_cannot_start_fails_its_step(
    world: World, id: str, which: str, code: str
) -> None:
    row = ended(world, begin(world, "vain.asked", {"id": id, "which": which}))
    assert (row["status"], row["error_code"]) == ("failed", code)


# S126
@pytest.mark.parametrize("compensate", [True, False])
def test_a_child_undoes_what_it_did_where_its_parents_cancel_asks_for_it(
    world: World, sink: Sink, id: str, compensate: bool
) -> None:
    parent = begin(world, "delivery.asked", {"id": id, "slow": True})
    waiting = inspection(world, id)
    child = waiting["execution_id"]
    world.decide(waiting)
    world.waiting(execution_id=child, event="inspection.handed_over")
    obeyed(world, order(world, "cancel", parent, compensate=compensate))
    assert ended(world, child)["status"] == "cancelled"
    withdrawn = world.query(
        "select 1 as x from records where entity_type = 'withdrawn' and entity_id = %s", id
    )
    assert bool(withdrawn) is compensate
