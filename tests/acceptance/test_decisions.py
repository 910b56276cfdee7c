"""Decisions: whom they resume, and every way in which one does not fit."""

import json
from uuid import uuid4

import pytest

from tests.world import World


def ask(world: World, **data: object) -> dict[str, object]:
    """Open a verdict and return its waiting record."""
    id = uuid4().hex
    world.publish("verdict.asked", {"id": id, "author": "eve@example.com", **data})
    return world.waiting(title=f"Verdict on {id}")


def refused(world: World, waiting: dict[str, object], **more: object) -> str:
    fields = {"outcome": "accept", "form": {"note": "good"}, **more}
    receipt = world.receipt(world.decide(waiting, **fields))  # type: ignore[arg-type]
    assert receipt["result"] == "refused", receipt
    return str(receipt["code"])


@pytest.fixture(scope="module")
def verdict(world: World) -> dict[str, object]:
    """An open verdict that no test of this module may close."""
    return ask(world)


# S207
@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"outcome": "approved"}, "invalid_outcome"),
        ({"form": {"note": "x"}}, "invalid_form"),
        ({"form": {}}, "invalid_form"),
        ({"form": {"note": "good", "other": 1}}, "invalid_form"),
        ({"decided_by": "eve@example.com"}, "not_allowed"),
        ({"request_hash": "sha256:00"}, "content_changed"),
        ({"on_behalf_of": "boss@example.com"}, "not_allowed"),
        ({"request_id": "w_01a20d5f4f4479a8ba57e13a51ea2c38"}, "unknown"),
        ({"request_id": "nonsense"}, "unknown"),
        ({"execution_id": "exec_does_not_exist"}, "unknown"),
        ({"execution_id": "nonsense", "request_id": None}, "unknown"),
    ],
)
def test_a_decision_that_does_not_fit_is_refused_and_changes_nothing(
    world: World, verdict: dict[str, object], more: dict[str, object], code: str
) -> None:
    assert refused(world, verdict, **more) == code
    row = world.query(
        "select status from approval_requests where request_id = %s", verdict["wait_id"]
    )[0]
    assert row["status"] == "pending"


# S207
def test_the_one_who_asked_may_not_decide(world: World) -> None:
    waiting = ask(world, requested_by="ana@example.com")
    assert refused(world, waiting) == "self_approval"


def test_a_second_decision_is_answered_already_decided(world: World) -> None:
    waiting = ask(world)
    first = world.decide(waiting, "accept", form={"note": "good"})
    assert world.receipt(first)["result"] == "applied"
    second = world.receipt(world.decide(waiting, "drop", form={"note": "good"}))
    assert (second["code"], second["message"]) == (
        "already_decided",
        "the request is closed: accept by ana@example.com",
    )
    world.life_cycle(str(waiting["execution_id"]), "execution.completed")
    assert refused(world, waiting) == "already_decided"


def test_a_decision_id_used_twice_is_a_duplicate(world: World) -> None:
    waiting = ask(world)
    id = uuid4().hex
    world.decide(waiting, "accept", form={"note": "good"}, decision_id=id)
    world.receipt(id)
    world.decide(waiting, "accept", form={"note": "good"}, decision_id=id)
    topic = world.topic("receipts")
    world.wait_for(
        lambda r: (
            r.topic == topic and r.value.get("decision_id") == id and r.value["code"] == "duplicate"
        ),
        "the duplicate's receipt",
    )


def test_own_outcomes_take_their_branch(world: World) -> None:
    waiting = ask(world)
    world.decide(waiting, "drop", form={"note": "bad"}, reason="no use")
    world.life_cycle(str(waiting["execution_id"]), "execution.blocked")
    row = world.query(
        "select error_code, error_message from workflow_executions where execution_id = %s",
        waiting["execution_id"],
    )[0]
    assert row == {"error_code": "dropped", "error_message": "no use"}


# S219
def test_a_decision_under_another_key_is_applied_once_to_the_execution_it_names(
    world: World,
) -> None:
    waiting = ask(world)
    decision = {
        "decision_id": uuid4().hex,
        "execution_id": waiting["execution_id"],
        "request_id": waiting["wait_id"],
        "outcome": "accept",
        "decided_by": "ana@example.com",
        "form": {"note": "good"},
    }
    world.produce(world.topic("decisions"), json.dumps(decision), key="somebody-else")
    assert world.receipt(str(decision["decision_id"]))["result"] == "applied"


# S219 S112
@pytest.mark.parametrize("named", ["execution_id", "request_id"])
def test_one_of_the_two_ids_is_enough(world: World, named: str) -> None:
    id = uuid4().hex
    world.publish("blocking.asked", {"id": id, "second": "ana@example.com"})
    waiting = world.waiting(title=f"May {id} pass?")
    value = waiting["execution_id"] if named == "execution_id" else waiting["wait_id"]
    decision = {
        "decision_id": uuid4().hex,
        named: value,
        "approved": True,
        "decided_by": "boss@example.com",
    }
    world.produce(world.topic("decisions"), json.dumps(decision))
    receipt = world.receipt(str(decision["decision_id"]))
    assert (receipt["result"], receipt["request_id"]) == ("applied", waiting["wait_id"])
    resumed = world.life_cycle(str(waiting["execution_id"]), "execution.resumed")
    assert resumed["step_path"] == waiting["step_path"]
    told = world.wait_for(
        lambda r: r.key == waiting["execution_id"] and r.type == "sluicegate.execution.resumed",
        "the record of it",
    )
    assert told.headers["ce_causationid"] == str(decision["decision_id"]).encode()
    world.life_cycle(str(waiting["execution_id"]), "execution.completed")


# S51 S207
def test_only_the_named_users_may_decide_and_a_rejected_block_blocks(world: World) -> None:
    id = uuid4().hex
    world.publish("blocking.asked", {"id": id})
    waiting = world.waiting(title=f"May {id} pass?")
    assert waiting["users"] == ["boss@example.com"]
    stranger = world.decide(waiting, decided_by="stranger@example.com")
    assert world.receipt(stranger)["code"] == "not_allowed"
    world.decide(waiting, "reject", decided_by="boss@example.com")
    world.life_cycle(waiting["execution_id"], "execution.blocked")
    row = world.query(
        "select error_code, error_message from workflow_executions where execution_id = %s",
        waiting["execution_id"],
    )[0]
    assert row == {"error_code": "refused_by_boss", "error_message": f"The boss refused {id}"}


def test_a_decision_before_its_pause_is_held_and_applied(world: World) -> None:
    """The ids are deterministic, so that a decision can be sent before the event is processed."""
    from engine.ids import ExecutionId, StepPath, execution_id, public_id, wait_id

    ids = []
    for _ in range(20):
        event_id = uuid4().hex
        timestamp = 1_790_000_000_000
        execution = execution_id("verdict", "/tests", event_id, timestamp)
        request = wait_id(ExecutionId(execution), StepPath("panel"))
        named = {
            "execution_id": public_id(execution),
            "wait_id": request,
        }
        ids.append(world.decide(named, "accept", form={"note": "good"}))
        headers = {
            "ce_specversion": "1.0",
            "ce_id": event_id,
            "ce_source": "/tests",
            "ce_type": "verdict.asked",
        }
        world.producer.produce(
            world.events_topic,
            json.dumps({"id": event_id, "author": "eve"}),
            headers=list(headers.items()),
            timestamp=timestamp,
        )
    world.producer.flush(10)
    for id in ids:
        assert world.receipt(id)["result"] == "applied"
