"""Waits for one of several events, for all of them, from now on; timeouts; context read anew."""

from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance.following import answer, begin, ended, record_of, stands, steps_of
from tests.sink import Sink
from tests.world import World


@pytest.fixture
def id() -> str:
    """A name that nothing else has."""
    return uuid4().hex


def outcomes(world: World, execution: str) -> dict[str, str | None]:
    """Return how the waits of an execution stand, by the event they wait for."""
    sql = "select record->>'event' as event, outcome from waits where execution_id = %s"
    rows = world.query(sql, execution.removeprefix("exec_"))
    return {row["event"]: row["outcome"] for row in rows}


# S47 S48
def test_the_first_of_several_events_ends_the_wait_and_closes_the_others(
    world: World, id: str
) -> None:
    execution = begin(world, "either.asked", {"id": id})
    for event in ("either.paid", "either.cancelled"):
        world.waiting(execution_id=execution, event=event)
    # The first does not fit its condition, and changes nothing.
    unsure = world.publish("either.cancelled", {"id": id, "sure": False})
    world.started_by(unsure)
    assert stands(world, execution, "paused")["resume_data"] is None
    world.publish("either.cancelled", {"id": id, "sure": True})
    assert ended(world, execution)["status"] == "completed"
    assert record_of(world, "either", id) == {"which": 1, "event": {"id": id, "sure": True}}
    assert outcomes(world, execution) == {
        "either.paid": "cancelled",
        "either.cancelled": "received",
    }


# S44 S47
@pytest.mark.parametrize("order", [("paid", "packed"), ("packed", "paid")])
def test_all_of_several_events_must_come_in_whatever_order(
    world: World, id: str, order: tuple[str, str]
) -> None:
    execution = begin(world, "both.asked", {"id": id})
    for event in order:
        world.waiting(execution_id=execution, event=f"both.{event}")
    data: dict[str, Any] = {"paid": {"id": id, "sum": 12}, "packed": {"id": id, "box": "b7"}}
    world.publish(f"both.{order[0]}", data[order[0]])
    row_id = execution.removeprefix("exec_")
    world.until("select 1 as x from waits where execution_id = %s and status = 'closed'", row_id)
    assert stands(world, execution, "paused")["completed_at"] is None
    world.publish(f"both.{order[1]}", data[order[1]])
    row = ended(world, execution)
    assert row["context"]["steps"]["end"]["output"]["reason"] == "12 b7"


# S49
def test_a_wait_for_all_runs_out_though_one_came(world: World, id: str) -> None:
    execution = begin(world, "both_brief.asked", {"id": id})
    world.waiting(execution_id=execution, event="both.paid")
    world.publish("both.paid", {"id": id})
    row = ended(world, execution)
    assert (row["status"], row["error_code"]) == ("blocked", "late")
    assert outcomes(world, execution) == {"both.paid": "received", "both.packed": "expired"}


# S49
def test_a_wait_that_runs_out_takes_its_branch(world: World, id: str) -> None:
    execution = begin(world, "brief.asked", {"id": id})
    assert ended(world, execution)["status"] == "completed"
    assert record_of(world, "brief", id) == {"outcome": "timed_out"}
    assert steps_of(world, execution)["news"] == "completed"
    late = world.publish("brief.news", {"id": id})
    world.started_by(late)
    assert ended(world, execution)["status"] == "completed"


# S47
def test_what_came_before_a_wait_counts_only_where_it_looks_back(world: World, id: str) -> None:
    execution = begin(world, "from_now.asked", {"id": id})
    world.waiting(execution_id=execution, event="from_now.first")
    world.started_by(world.publish("from_now.second", {"id": id, "n": 1}))
    world.publish("from_now.first", {"id": id})
    world.waiting(execution_id=execution, event="from_now.second")
    world.publish("from_now.second", {"id": id, "n": 2})
    row = ended(world, execution)
    assert row["context"]["steps"]["kept"]["output"]["reason"] == "2"


# S47
def test_each_round_has_an_event_of_its_own_whether_it_came_early_or_not(
    world: World, id: str
) -> None:
    execution = begin(world, "parts.asked", {"id": id})
    world.waiting(execution_id=execution, event="parts.opened")
    for number in (1, 2):
        world.publish("parts.sent", {"id": id, "n": number, "last": False}, key=id)
    world.publish("parts.opened", {"id": id}, key=id)
    world.waiting(execution_id=execution, step_path="collect/2/part")
    world.publish("parts.sent", {"id": id, "n": 3, "last": True}, key=id)
    row = ended(world, execution)
    assert row["status"] == "completed"
    assert row["context"]["steps"]["collect"]["rounds"] == 3


# S117
def test_what_an_approver_saw_is_read_anew_on_resume_and_the_difference_is_kept(
    world: World, sink: Sink, id: str
) -> None:
    sink.bodies[f"/fresh/{id}"] = b'{"level": 5}'
    execution = begin(world, "refreshed.asked", {"id": id})
    waiting = world.waiting(title=f"Refreshed {id}")
    assert waiting["view"] == {"level": 5}
    sink.bodies[f"/fresh/{id}"] = b'{"level": 2}'
    assert answer(world, world.decide(waiting)) == ("applied", None)
    assert record_of(world, "refreshed", id) == {"level": 2}
    row = ended(world, execution)
    change = {"stock": {"before": {"level": 5}, "after": {"level": 2}}}
    assert row["context"]["steps"]["ask"]["refreshed"] == change
    (step,) = world.query(
        "select output from step_executions where execution_id = %s and step_id = 'ask'",
        row["id"],
    )
    assert step["output"]["refreshed"] == change
    assert step["output"]["outcome"] == "approved"


# S117
def test_a_resource_that_cannot_be_read_anew_fails_the_execution(
    world: World, sink: Sink, id: str
) -> None:
    sink.bodies[f"/fresh/{id}"] = b'{"level": 5}'
    execution = begin(world, "refreshed.asked", {"id": id})
    waiting = world.waiting(execution_id=execution)
    sink.answers[f"/fresh/{id}"] = [403]
    world.decide(waiting)
    row = ended(world, execution)
    assert (row["status"], row["error_code"]) == ("failed", "http_403")
