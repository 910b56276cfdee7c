"""Branches, their strategies, and what pauses, ends or fails inside them."""

import pytest

from actions.definitions import DefinitionInvalid
from engine.advance import advance
from engine.definition import Definition
from engine.effects import CloseWait, DropEffect, Perform, StartTimer
from engine.execution import Execution, Status
from engine.inputs import TimerFired
from tests.builders import (
    Outcome,
    a_definition,
    decided,
    failed,
    last_records,
    later,
    of_kind,
    received,
    started,
    step_state,
    succeeded,
)

CALLS = """
steps:
  - id: spread
    parallel:
      strategy: %s
      branches:
        one: [{id: first, execute: [{webhook: {url: "https://x.example/1"}}], retry: {max: 0}}]
        two: [{id: second, execute: [{webhook: {url: "https://x.example/2"}}], retry: {max: 0}}]
        three: [{id: third, execute: [{webhook: {url: "https://x.example/3"}}], retry: {max: 0}}]
  - {id: after, allow: {}}
"""


class Calls:
    """Three branches under way, each with a call to settle."""

    def __init__(self, strategy: str) -> None:
        self.definition = a_definition(CALLS % strategy)
        self.execution, effects = started(self.definition)
        self.asked = {ask.path.split("/")[1]: ask for ask in of_kind(effects, Perform)}

    def settle(self, branch: str, *, fails: bool = False) -> Outcome:
        ask = self.asked[branch]
        settle = failed if fails else succeeded
        self.execution, effects = settle(self.definition, self.execution, ask)
        return self.execution, effects


# S38 S132 S137
def test_all_branches_ask_for_their_calls_at_once() -> None:
    calls = Calls("all")
    assert set(calls.asked) == {"one", "two", "three"}
    assert calls.execution.status is Status.RUNNING
    assert step_state(calls.execution, "spread") == {"status": "running"}


# S39
def test_all_waits_for_every_branch() -> None:
    calls = Calls("all")
    calls.settle("one")
    assert calls.settle("three")[0].status is Status.RUNNING
    execution, _ = calls.settle("two")
    assert execution.status is Status.COMPLETED
    branches = {"one": "completed", "two": "completed", "three": "completed"}
    assert step_state(execution, "spread")["branches"] == branches


# S39 S135
def test_all_fails_with_the_first_branch_and_drops_the_others() -> None:
    calls = Calls("all")
    calls.settle("one")
    execution, effects = calls.settle("two", fails=True)
    assert (execution.status, execution.error and execution.error.code) == ("failed", "http_500")
    assert [drop.id for drop in of_kind(effects, DropEffect)] == [calls.asked["three"].id]
    assert last_records(effects)["third"].status == "skipped"
    assert step_state(execution, "spread")["branches"] == {
        "one": "completed",
        "two": "failed",
        "three": "cancelled",
    }


# S40
def test_any_goes_on_with_the_first_success() -> None:
    calls = Calls("any")
    assert calls.settle("one", fails=True)[0].status is Status.RUNNING
    execution, effects = calls.settle("three")
    assert execution.status is Status.COMPLETED
    assert len(of_kind(effects, DropEffect)) == 1


# S40
def test_any_fails_only_if_all_fail() -> None:
    calls = Calls("any")
    for branch in ("one", "two"):
        assert calls.settle(branch, fails=True)[0].status is Status.RUNNING
    assert calls.settle("three", fails=True)[0].status is Status.FAILED


# S41
@pytest.mark.parametrize(("fails", "status"), [(True, Status.FAILED), (False, Status.COMPLETED)])
def test_a_race_is_decided_by_the_first_to_finish(fails: bool, status: Status) -> None:
    assert Calls("race").settle("two", fails=fails)[0].status is status


# S42
def test_n_of_needs_so_many_successes() -> None:
    calls = Calls("{n_of: 2}")
    calls.settle("one")
    calls.settle("two", fails=True)
    assert calls.settle("three")[0].status is Status.COMPLETED


# S42
def test_n_of_fails_as_soon_as_it_cannot_be_reached() -> None:
    calls = Calls("{n_of: 2}")
    calls.settle("one", fails=True)
    execution, effects = calls.settle("two", fails=True)
    assert execution.status is Status.FAILED
    assert len(of_kind(effects, DropEffect)) == 1


# S43
def test_all_settled_never_fails_and_keeps_failures_as_data() -> None:
    calls = Calls("all_settled")
    calls.settle("one", fails=True)
    calls.settle("two")
    execution, _ = calls.settle("three", fails=True)
    assert execution.status is Status.COMPLETED
    state = step_state(execution, "spread")
    assert state["branches"] == {"one": "failed", "two": "completed", "three": "failed"}
    assert state["output"]["one"]["error"]["code"] == "http_500"


def test_no_more_branches_run_at_once_than_allowed() -> None:
    text = CALLS.replace("strategy: %s", "concurrency: 1")
    definition = a_definition(text)
    execution, effects = started(definition)
    seen = []
    while asked := of_kind(effects, Perform):
        assert len(asked) == 1
        seen.append(asked[0].path)
        execution, effects = succeeded(definition, execution, asked[0])
    assert seen == ["spread/one/first", "spread/two/second", "spread/three/third"]
    assert execution.status is Status.COMPLETED


MIXED = """
steps:
  - id: spread
    parallel:
      branches:
        people: [{id: ask, approval: {title: May we?, roles: [boss]}}]
        call: [{id: call, execute: [{webhook: {url: "https://x.example/1"}}]}]
    %s
  - {id: after, execute: [{log: {message: "${approvals.ask.outcome:-nobody} said it"}}]}
"""


def mixed(more: str = "") -> tuple[Definition, Execution, Perform]:
    definition = a_definition(MIXED % more)
    execution, effects = started(definition)
    (call,) = of_kind(effects, Perform)
    return definition, execution, call


# S44 S122
def test_the_execution_pauses_only_when_every_branch_waits() -> None:
    definition, execution, call = mixed()
    assert execution.status is Status.RUNNING
    execution, _ = succeeded(definition, execution, call)
    assert execution.status is Status.PAUSED
    execution, _ = decided(definition, execution)
    assert execution.status is Status.COMPLETED


# S44
def test_a_decision_is_taken_while_another_branch_runs() -> None:
    definition, execution, call = mixed()
    execution, _ = decided(definition, execution)
    assert execution.status is Status.RUNNING
    execution, _ = succeeded(definition, execution, call)
    assert execution.status is Status.COMPLETED
    assert step_state(execution, "after")["output"]["message"] == "approved said it"


# S45 S142
def test_a_block_inside_a_branch_ends_the_execution_and_closes_the_other_waits() -> None:
    definition = a_definition(
        """
        steps:
          - id: spread
            parallel:
              branches:
                people: [{id: ask, approval: {title: May we?, roles: [boss]}}]
                gate:
                  - {id: hold_on, wait: {event: thing.checked, match: {id: "${id}"}}}
                  - {id: stop, block: {code: embargo, reason: No}}
        """
    )
    execution, _ = started(definition, {"id": "o1"})
    wait = next(wait for wait in execution.waits.values() if wait.kind == "event")
    only = [wait]
    execution, effects = received_by(definition, execution, only[0].id)
    assert (execution.status, execution.result) == ("blocked", "blocked")
    closed = {closing.wait.kind: closing.outcome for closing in of_kind(effects, CloseWait)}
    assert closed == {"event": "received", "approval": "cancelled"}
    assert not execution.waits


def received_by(definition: Definition, execution: Execution, wait: str) -> Outcome:
    from engine.ids import WaitId
    from engine.inputs import EventArrived
    from tests.builders import NOW

    return advance(definition, execution, EventArrived(NOW, WaitId(wait), {"id": "o1"}, {}))


def test_a_parallel_step_is_limited_in_time() -> None:
    definition, execution, call = mixed("timeout: 10m")
    _, effects = started(definition)
    timer = next(t for t in of_kind(effects, StartTimer) if t.kind == "step_timeout")
    execution, effects = advance(definition, execution, TimerFired(later(minutes=10), timer.id))
    assert (execution.status, execution.error and execution.error.code) == ("failed", "timeout")
    assert [drop.id for drop in of_kind(effects, DropEffect)] == [call.id]
    assert [closing.outcome for closing in of_kind(effects, CloseWait)] == ["cancelled"]


def test_a_failed_branch_can_be_handled_by_on_error() -> None:
    definition, execution, call = mixed(
        "on_error: [{id: mend, execute: [{log: {message: '${steps.spread.branches.call}'}}]}]"
    )
    execution, _ = failed(definition, execution, call)
    assert execution.status is Status.COMPLETED
    assert step_state(execution, "mend")["output"]["message"] == "failed"


def test_branches_nest() -> None:
    definition = a_definition(
        """
        steps:
          - id: outer
            parallel:
              branches:
                left:
                  - id: inner
                    parallel:
                      branches:
                        a: [{id: ask_a, wait: {event: a.came, match: {id: "${id}"}}}]
                        b: [{id: say_b, execute: [{log: {message: b}}]}]
                right: [{id: say_r, execute: [{log: {message: r}}]}]
          - {id: after, allow: {}}
        """
    )
    execution, _ = started(definition, {"id": "o1"})
    assert execution.status is Status.PAUSED
    execution, _ = received(definition, execution, {"id": "o1"})
    assert execution.status is Status.COMPLETED
    assert step_state(execution, "outer")["output"]["left"]["a"] == {"event": {"id": "o1"}}


# S46
def test_two_branches_that_write_one_path_are_a_mistake() -> None:
    with pytest.raises(DefinitionInvalid, match="the step id 'same' is used already"):
        a_definition(
            """
            steps:
              - id: both
                parallel:
                  branches:
                    left: [{id: same, allow: {}}]
                    right: [{id: same, allow: {}}]
            """
        )
