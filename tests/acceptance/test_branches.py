"""Steps with lines of their own: branches by every strategy, lists, rounds, compensations."""

import threading
from uuid import uuid4

import pytest

from tests.acceptance.following import (
    answer,
    begin,
    ended,
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


def held(sink: Sink, path: str) -> threading.Event:
    """Let calls to a path go unanswered until the event is set."""
    return sink.hold.setdefault(path, threading.Event())


# S38 S44 S95 S98
def test_a_branch_with_an_approval_and_one_with_a_wait_go_on_each_by_its_own_news(
    world: World, id: str
) -> None:
    execution = begin(world, "signing.asked", {"id": id})
    sign = world.waiting(execution_id=execution, kind="approval")
    paid = world.waiting(execution_id=execution, kind="event")
    assert (sign["step_path"], paid["step_path"]) == ("both/person/sign", "both/money/paid")
    stands(world, execution, "paused")
    assert answer(world, world.decide(sign)) == ("applied", None)
    assert record_of(world, "signing", id) == {"by": "ana@example.com"}
    row = stands(world, execution, "paused")
    assert row["paused_reason"] == f"event:{paid['wait_id']}"
    world.publish("signing.paid", {"id": id, "amount": 12})
    row = ended(world, execution)
    assert (row["status"], row["result"]) == ("completed", "allowed")
    assert row["context"]["steps"]["both"]["branches"] == {
        "person": "completed",
        "money": "completed",
    }
    assert row["context"]["steps"]["done"]["output"]["reason"] == "completed, 12"


# S44
def test_the_branches_also_end_in_the_other_order(world: World, id: str) -> None:
    execution = begin(world, "signing.asked", {"id": id})
    sign = world.waiting(execution_id=execution, kind="approval")
    world.publish("signing.paid", {"id": id, "amount": 3})
    world.life_cycle(execution, "execution.resumed")
    row = stands(world, execution, "paused")
    assert row["paused_reason"] == f"approval:{sign['wait_id']}"
    assert answer(world, world.decide(sign)) == ("applied", None)
    assert ended(world, execution)["status"] == "completed"


# S45 S142 S208
def test_a_rejection_in_one_branch_blocks_the_execution_and_closes_the_others_wait(
    world: World, id: str
) -> None:
    execution = begin(world, "signing.asked", {"id": id})
    sign = world.waiting(execution_id=execution, kind="approval")
    paid = world.waiting(execution_id=execution, kind="event")
    assert answer(world, world.decide(sign, "rejected", reason="no")) == ("applied", None)
    row = ended(world, execution)
    assert (row["status"], row["result"], row["error_code"]) == ("blocked", "blocked", "rejected")
    closed = world.wait_for(
        lambda r: r.key == paid["wait_id"] and r.value["status"] == "closed", "the closing"
    )
    assert closed.value["outcome"] == "cancelled"
    assert steps_of(world, execution)["both/money/paid"] == "skipped"


# S38 S44 S121
def test_calls_of_two_branches_are_under_way_at_once_and_only_then_it_pauses(
    world: World, sink: Sink, id: str
) -> None:
    left, right = held(sink, f"/left/{id}"), held(sink, f"/right/{id}")
    execution = begin(world, "strategy.all", {"id": id})
    sink.wait_for_call(f"/left/{id}")
    sink.wait_for_call(f"/right/{id}")
    ask = world.waiting(execution_id=execution)
    assert stands(world, execution, "running")["paused_at"] is None
    left.set()
    right.set()
    assert stands(world, execution, "paused")["paused_reason"] == f"approval:{ask['wait_id']}"
    world.decide(ask)
    assert ended(world, execution)["status"] == "completed"
    assert record_of(world, "strategy", id)["branches"] == {
        "left": "completed",
        "right": "completed",
        "person": "completed",
    }


# S39 S135 S142
def test_all_fails_with_its_first_failing_branch_and_drops_the_rest(
    world: World, sink: Sink, id: str
) -> None:
    sink.answers[f"/left/{id}"] = [400]
    right = held(sink, f"/right/{id}")
    execution = begin(world, "strategy.all", {"id": id})
    row = ended(world, execution)
    assert (row["status"], row["error_code"]) == ("failed", "http_400")
    assert steps_of(world, execution) == {
        "spread": "failed",
        "spread/left/left": "failed",
        "spread/right/right": "skipped",
        "spread/person/ask": "skipped",
    }
    ask = world.waiting(execution_id=execution)
    assert request_status(world, ask["wait_id"]) == "cancelled"
    assert answer(world, world.decide(ask)) == ("refused", "cancelled")
    right.set()


# S40
def test_any_goes_on_with_the_first_success(world: World, sink: Sink, id: str) -> None:
    sink.answers[f"/left/{id}"] = [400]
    right = held(sink, f"/right/{id}")
    execution = begin(world, "strategy.any", {"id": id})
    world.life_cycle(execution, "step.failed")
    ask = world.waiting(execution_id=execution)
    right.set()
    assert ended(world, execution)["status"] == "completed"
    assert record_of(world, "strategy", id)["branches"] == {
        "left": "failed",
        "right": "completed",
        "person": "cancelled",
    }
    assert request_status(world, ask["wait_id"]) == "cancelled"


# S41
def test_in_a_race_the_first_failure_decides_too(world: World, sink: Sink, id: str) -> None:
    sink.answers[f"/left/{id}"] = [400]
    right = held(sink, f"/right/{id}")
    execution = begin(world, "strategy.race", {"id": id})
    assert ended(world, execution)["error_code"] == "http_400"
    right.set()


# S41
def test_a_race_is_won_by_the_person_who_is_quicker_than_two_calls(
    world: World, sink: Sink, id: str
) -> None:
    left, right = held(sink, f"/left/{id}"), held(sink, f"/right/{id}")
    execution = begin(world, "strategy.race", {"id": id})
    world.decide(world.waiting(execution_id=execution))
    assert ended(world, execution)["status"] == "completed"
    branches = record_of(world, "strategy", id)["branches"]
    assert branches == {"left": "cancelled", "right": "cancelled", "person": "completed"}
    left.set()
    right.set()


# S42
def test_two_of_three_branches_are_enough(world: World, sink: Sink, id: str) -> None:
    right = held(sink, f"/right/{id}")
    execution = begin(world, "strategy.n_of", {"id": id})
    sink.wait_for_call(f"/left/{id}")
    world.decide(world.waiting(execution_id=execution))
    assert ended(world, execution)["status"] == "completed"
    branches = record_of(world, "strategy", id)["branches"]
    assert branches == {"left": "completed", "right": "cancelled", "person": "completed"}
    right.set()


# S42
def test_two_of_three_fail_as_soon_as_two_cannot_be_had(world: World, sink: Sink, id: str) -> None:
    sink.answers[f"/left/{id}"], sink.answers[f"/right/{id}"] = [400], [403]
    execution = begin(world, "strategy.n_of", {"id": id})
    assert ended(world, execution)["status"] == "failed"
    ask = world.waiting(execution_id=execution)
    assert request_status(world, ask["wait_id"]) == "cancelled"


# S43
def test_all_settled_waits_for_all_and_shows_failures_as_data(
    world: World, sink: Sink, id: str
) -> None:
    sink.answers[f"/left/{id}"] = [400]
    execution = begin(world, "strategy.all_settled", {"id": id})
    world.life_cycle(execution, "step.failed")
    world.decide(world.waiting(execution_id=execution))
    assert ended(world, execution)["status"] == "completed"
    found = record_of(world, "strategy", id)
    assert found["branches"] == {"left": "failed", "right": "completed", "person": "completed"}
    assert found["output"]["left"]["error"]["code"] == "http_400"
    assert found["output"]["person"]["decided_by"] == "ana@example.com"


def test_a_list_is_worked_off_two_at_a_time_and_its_results_keep_the_lists_order(
    world: World, sink: Sink, id: str
) -> None:
    skus = ["a", "b", "c", "d", "e"]
    gates = {sku: held(sink, f"/line/{id}/{sku}") for sku in skus}
    for sku in skus:
        sink.bodies[f"/line/{id}/{sku}"] = f'{{"taken": "{sku}"}}'.encode()
    execution = begin(world, "lines.asked", {"id": id, "lines": [{"sku": sku} for sku in skus]})
    begun = "select count(*) as n from effects where execution_id = %s"
    row_id = execution.removeprefix("exec_")
    for number, sku in enumerate(skus, 1):
        (call,) = sink.wait_for_call(f"/line/{id}/{sku}")
        assert call.json == {"at": number - 1}
        expected = min(number + 1, len(skus))
        assert world.query(begun, row_id) == [{"n": expected}]
        if number == 1:
            # The second overtakes the first, which keeps its place in the results.
            sink.wait_for_call(f"/line/{id}/b")
        gates[sku].set()
        world.until(
            f"select 1 as x from ({begun}) as b where n = %s", row_id, min(number + 2, len(skus))
        )
    assert ended(world, execution)["status"] == "completed"
    items = record_of(world, "lines", id)["items"]
    assert [item["body"]["taken"] for item in items] == skus


def test_an_item_that_fails_fails_the_loop_with_its_place(
    world: World, sink: Sink, id: str
) -> None:
    sink.answers[f"/line/{id}/b"] = [404]
    lines = [{"sku": "a"}, {"sku": "b"}, {"sku": "c"}]
    row = ended(world, begin(world, "lines.asked", {"id": id, "lines": lines}))
    assert (row["status"], row["error_code"]) == ("failed", "http_404")
    assert "each, 1:" in row["error_message"]


def test_rounds_end_when_their_condition_holds(world: World, sink: Sink, id: str) -> None:
    sink.answers[f"/poll/{id}"] = [202, 200]
    row = ended(world, begin(world, "polling.asked", {"id": id}))
    assert row["context"]["steps"]["done"]["output"]["reason"] == "2 rounds"
    assert [call.json for call in sink.calls_to(f"/poll/{id}")] == [{"round": 1}, {"round": 2}]


def test_rounds_that_never_satisfy_fail_at_their_bound(world: World, sink: Sink, id: str) -> None:
    sink.answers[f"/poll/{id}"] = [202] * 9
    row = ended(world, begin(world, "polling.asked", {"id": id}))
    assert (row["status"], row["error_code"]) == ("failed", "repeat_exhausted")
    assert len(sink.calls_to(f"/poll/{id}")) == 3


def journey(sink: Sink, id: str) -> list[str]:
    return [call.json["step"] for call in sink.calls_to(f"/journey/{id}")]


# S30
def test_a_failure_undoes_what_was_done_in_reverse_order_and_then_runs_on_error(
    world: World, sink: Sink, id: str
) -> None:
    sink.answers[f"/car/{id}"] = [409]
    row = ended(world, begin(world, "journey.asked", {"id": id}))
    assert (row["status"], row["result"], row["error_code"]) == ("failed", "failed", "http_409")
    assert journey(sink, id) == ["hotel", "flight", "free_flight", "free_hotel", "told"]
    told = sink.calls_to(f"/journey/{id}")[-1].json
    assert told == {"step": "told", "code": "http_409", "of": "car"}
