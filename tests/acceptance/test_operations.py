"""What operators command, through the commands topic: each command has one receipt."""

import json
import threading
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
    record_of,
    refused,
    stands,
    steps_of,
)
from tests.sink import Sink
from tests.world import World

OPS = "ops@example.com"


@pytest.fixture
def id() -> str:
    """A name that nothing else has."""
    return uuid4().hex


def a_settling(world: World, id: str) -> str:
    """Return an execution that waits for its event."""
    execution = begin(world, "operated.asked", {"id": id})
    world.waiting(execution_id=execution)
    return execution


# S93
def test_a_held_execution_finishes_the_call_under_way_and_begins_nothing_more(
    world: World, sink: Sink, id: str
) -> None:
    gate = sink.hold[f"/op-second/{id}"] = threading.Event()
    execution = begin(world, "operated.asked", {"id": id})
    sink.wait_for_call(f"/op-second/{id}")
    obeyed(world, order(world, "hold", execution))
    assert refused(world, order(world, "hold", execution)) == "already_held"
    gate.set()
    done = "select count(*) as n from effects where execution_id = %s and status = 'done'"
    world.until(f"select 1 as x from ({done}) as d where n = 2", execution.removeprefix("exec_"))
    assert stands(world, execution, "paused")["paused_reason"] == f"hold:{OPS}"
    assert "settled" not in steps_of(world, execution)
    obeyed(world, order(world, "resume", execution))
    world.waiting(execution_id=execution)
    assert stands(world, execution, "paused")["paused_reason"].startswith("event:")
    assert len(sink.calls_to(f"/op-second/{id}")) == 1


# S93 S102
def test_news_that_comes_during_a_hold_is_kept_for_its_end(world: World, id: str) -> None:
    execution = a_settling(world, id)
    obeyed(world, order(world, "hold", execution))
    world.publish("operated.settled", {"id": id, "note": "meanwhile"})
    wait = "select outcome from waits where execution_id = %s and status = 'closed'"
    assert world.until(wait, execution.removeprefix("exec_")) == [{"outcome": "received"}]
    assert stands(world, execution, "paused")["paused_reason"] == f"hold:{OPS}"
    assert "third" not in steps_of(world, execution)
    obeyed(world, order(world, "resume", execution))
    assert record_of(world, "operated", id) == {"note": "meanwhile"}
    assert ended(world, execution)["status"] == "completed"


# S93
def test_a_decision_during_a_hold_is_applied_and_followed_after_it(world: World, id: str) -> None:
    execution = begin(world, "delivery.asked", {"id": id})
    waiting = world.waiting(title=f"Inspect {id}")
    child = waiting["execution_id"]
    obeyed(world, order(world, "hold", child))
    assert answer(world, world.decide(waiting)) == ("applied", None)
    assert "certify" not in steps_of(world, child)
    obeyed(world, order(world, "resume", child))
    assert ended(world, execution)["status"] == "completed"


# S94 S102
def test_an_operator_resumes_instead_of_the_event_with_data_of_their_own(
    world: World, id: str
) -> None:
    execution = a_settling(world, id)
    command = order(world, "resume", execution, resume_data={"note": "by phone"})
    obeyed(world, command)
    assert record_of(world, "operated", id) == {"note": "by phone"}
    assert ended(world, execution)["status"] == "completed"
    order(world, "resume", execution, command_id=command)
    assert answers(world, command, 2)[1]["code"] == "duplicate"


# S94
def test_an_operator_resumes_at_a_later_step(world: World, id: str) -> None:
    execution = a_settling(world, id)
    assert refused(world, order(world, "resume", execution, from_step="first")) == "unknown_step"
    obeyed(world, order(world, "resume", execution, from_step="done"))
    assert ended(world, execution)["status"] == "completed"
    assert steps_of(world, execution) == {
        "first": "completed",
        "second": "completed",
        "settled": "skipped",
        "done": "completed",
    }


# S94
def test_what_cannot_be_resumed_says_why(world: World, sink: Sink, id: str) -> None:
    waiting = a_revocable(world, id)
    execution = waiting["execution_id"]
    assert refused(world, order(world, "resume", execution)) == "waits_for_approval"
    assert answer(world, world.decide(waiting)) == ("applied", None)
    assert refused(world, order(world, "resume", execution)) == "execution_finished"
    gate = sink.hold[f"/op-first/{id}"] = threading.Event()
    running = begin(world, "operated.asked", {"id": id})
    sink.wait_for_call(f"/op-first/{id}")
    assert refused(world, order(world, "resume", running)) == "not_paused"
    gate.set()


def a_revocable(world: World, id: str) -> dict[str, Any]:
    """Return the waiting record of an execution that waits for an approval."""
    return world.waiting(execution_id=begin(world, "revocable.asked", {"id": id}))


# S94
@pytest.mark.parametrize("kind", ["hold", "resume", "cancel", "retry", "skip", "rerun"])
def test_a_command_about_nothing_we_know_is_refused(world: World, kind: str) -> None:
    assert refused(world, order(world, kind, f"exec_{uuid4().hex}")) == "unknown"


def test_a_command_that_cannot_be_read_is_answered_malformed_and_kept(world: World) -> None:
    value = json.dumps({"command_id": "x", "kind": "dance", "by": "ops", "execution_id": "exec_1"})
    world.produce(world.topic("commands"), value, key=f"exec_{'1' * 32}")
    world.dead_letter(value.encode())
    topic = world.topic("receipts")
    receipt = world.wait_for(
        lambda r: r.topic == topic and r.value["code"] == "malformed" and "command_id" in r.value
    )
    assert receipt.value["result"] == "refused"
    told = [receipt.value[name] for name in ("command_id", "kind", "workflow", "by")]
    assert told == ["x", "dance", None, "ops"]


# S126 S92
def test_a_cancel_closes_what_is_open_and_a_second_one_comes_too_late(
    world: World, id: str
) -> None:
    execution = a_settling(world, id)
    receipt = obeyed(world, order(world, "cancel", execution))
    assert (receipt["execution_id"], receipt["by"]) == (execution, OPS)
    row = ended(world, execution)
    assert (row["status"], row["result"], row["error_message"]) == (
        "cancelled",
        None,
        "seen by eye",
    )
    assert steps_of(world, execution)["settled"] == "skipped"
    open_waits = "select 1 as x from waits where execution_id = %s and status = 'open'"
    assert world.query(open_waits, row["id"]) == []
    assert refused(world, order(world, "cancel", execution)) == "execution_finished"


def journey(sink: Sink, id: str) -> list[str]:
    return [call.json["step"] for call in sink.calls_to(f"/journey/{id}")]


# S126
@pytest.mark.parametrize(
    ("compensate", "undone"), [(True, ["free_car", "free_flight", "free_hotel"]), (False, [])]
)
def test_a_cancel_undoes_what_was_done_only_where_it_asks_for_it(
    world: World, sink: Sink, id: str, compensate: bool, undone: list[str]
) -> None:
    execution = begin(world, "journey.asked", {"id": id})
    world.waiting(execution_id=execution)
    obeyed(world, order(world, "cancel", execution, compensate=compensate))
    row = ended(world, execution)
    assert (row["status"], row["error_code"]) == ("cancelled", "cancelled")
    assert journey(sink, id) == ["hotel", "flight", *undone]


# S109 S205
def test_a_retry_goes_on_at_the_failed_step_in_a_new_execution_and_repeats_nothing_before_it(
    world: World, sink: Sink, id: str
) -> None:
    sink.answers[f"/op-second/{id}"] = [500]
    failed = begin(world, "operated.asked", {"id": id})
    assert ended(world, failed)["status"] == "failed"
    receipt = obeyed(world, order(world, "retry", failed))
    again = receipt["execution_id"]
    assert again != failed
    world.waiting(execution_id=again)
    assert len(sink.calls_to(f"/op-first/{id}")) == 1
    assert len(sink.calls_to(f"/op-second/{id}")) == 2
    world.publish("operated.settled", {"id": id, "note": "late"})
    row = ended(world, again)
    assert (row["status"], row["metadata"]["retry_of"]) == ("completed", failed)
    assert steps_of(world, again) == dict.fromkeys(
        ("second", "settled", "third", "done"), "completed"
    )
    assert row["context"]["steps"]["first"]["status"] == "completed"
    assert ended(world, failed)["status"] == "failed"


# S205
def test_a_retry_may_begin_earlier_than_where_it_failed(world: World, sink: Sink, id: str) -> None:
    sink.answers[f"/op-second/{id}"] = [500]
    failed = begin(world, "operated.asked", {"id": id})
    ended(world, failed)
    assert refused(world, order(world, "retry", failed, from_step="nowhere")) == "unknown_step"
    again = obeyed(world, order(world, "retry", failed, from_step="first"))["execution_id"]
    world.waiting(execution_id=again)
    assert len(sink.calls_to(f"/op-first/{id}")) == 2


# S94 S205
def test_nobody_goes_on_behind_an_approval_that_was_not_answered(
    world: World, sink: Sink, id: str
) -> None:
    sink.answers[f"/signed-late/{id}"] = [500]
    failed = begin(world, "signed_late.asked", {"id": id})
    ended(world, failed)
    for kind, data in (("retry", {"from_step": "pay"}), ("skip", {"step": "sign"})):
        assert refused(world, order(world, kind, failed, **data)) == "waits_for_approval"
    again = obeyed(world, order(world, "skip", failed, step="first"))["execution_id"]
    assert world.waiting(execution_id=again)["step_path"] == "sign"
    told = obeyed(world, order(world, "retry", failed, from_step="told"))["execution_id"]
    assert steps_of(world, ended(world, told)["execution_id"]) == {"told": "completed"}


# S131 S205
def test_a_retry_does_not_wait_for_the_delay_of_the_next_attempt(
    world: World, sink: Sink, id: str
) -> None:
    sink.answers[f"/patient/{id}"] = [503]
    execution = begin(world, "patient.asked", {"id": id})
    pending = "select 1 as x from step_executions where execution_id = %s and status = 'pending'"
    world.until(pending, execution.removeprefix("exec_"))
    assert stands(world, execution, "running")["status"] == "running"
    obeyed(world, order(world, "retry", execution))
    assert ended(world, execution)["status"] == "completed"
    assert len(sink.calls_to(f"/patient/{id}")) == 2


# S135
def test_a_step_is_skipped_instead_of_waited_for(world: World, id: str) -> None:
    execution = a_settling(world, id)
    assert refused(world, order(world, "skip", execution, step="third")) == "unknown_step"
    obeyed(world, order(world, "skip", execution))
    assert record_of(world, "operated", id) == {"note": "none"}
    assert ended(world, execution)["status"] == "completed"
    assert steps_of(world, execution)["settled"] == "skipped"


# S135
def test_a_call_that_waits_for_its_next_attempt_is_skipped(
    world: World, sink: Sink, id: str
) -> None:
    sink.answers[f"/patient/{id}"] = [503]
    execution = begin(world, "patient.asked", {"id": id})
    pending = "select 1 as x from step_executions where execution_id = %s and status = 'pending'"
    world.until(pending, execution.removeprefix("exec_"))
    obeyed(world, order(world, "skip", execution, step="call"))
    row = ended(world, execution)
    assert row["context"]["steps"]["done"]["output"]["reason"] == "skipped"


def test_an_approval_cannot_be_skipped(world: World, id: str) -> None:
    waiting = a_revocable(world, id)
    assert refused(world, order(world, "skip", waiting["execution_id"])) == "waits_for_approval"
    assert answer(world, world.decide(waiting)) == ("applied", None)


# S135
def test_a_failed_step_is_passed_in_a_new_execution(world: World, sink: Sink, id: str) -> None:
    sink.answers[f"/op-second/{id}"] = [500]
    failed = begin(world, "operated.asked", {"id": id})
    ended(world, failed)
    again = obeyed(world, order(world, "skip", failed))["execution_id"]
    world.waiting(execution_id=again)
    row = stands(world, again, "paused")
    assert row["context"]["steps"]["second"] == {"status": "skipped"}
    assert row["metadata"]["retry_of"] == failed
    assert len(sink.calls_to(f"/op-second/{id}")) == 1


# S126
def test_an_ended_execution_is_run_again_from_its_event(world: World, id: str) -> None:
    old = a_settling(world, id)
    obeyed(world, order(world, "cancel", old))
    ended(world, old)
    assert refused(world, order(world, "retry", old)) in ("not_failed", "execution_finished")
    new = obeyed(world, order(world, "rerun", old))["execution_id"]
    world.waiting(execution_id=new)
    row = stands(world, new, "paused")
    assert (row["trigger_event"], row["trigger_payload"]) == ("operated.asked", {"id": id})
    assert row["metadata"]["rerun_of"] == old
    assert ended(world, old)["status"] == "cancelled"


# S205
@pytest.mark.parametrize("kind", ["retry", "rerun"])
def test_what_is_tried_again_keeps_its_key(world: World, sink: Sink, id: str, kind: str) -> None:
    sink.answers[f"/keyed/{id}"] = [500, 500]
    failed = begin(world, "keyed.call", {"id": id})
    assert ended(world, failed)["status"] == "failed"
    gate = sink.hold[f"/keyed/{id}"] = threading.Event()
    other = begin(world, "keyed.call", {"id": id})
    sink.wait_for_call(f"/keyed/{id}", 2)
    assert refused(world, order(world, kind, failed)) == "busy"
    gate.set()
    ended(world, other)
    again = obeyed(world, order(world, kind, failed))["execution_id"]
    row = ended(world, again)
    assert (row["status"], row["trigger_key"]) == ("completed", id)
    key = "select 1 as x from trigger_keys where key = %s"
    assert world.query(key, id) == []
