"""What operators do: hold, resume, skip, retry; and effects in doubt."""

from typing import Any

import pytest

from engine.advance import advance
from engine.definition import Definition
from engine.effects import Accept, Perform, Refuse
from engine.execution import Execution, Status
from engine.inputs import (
    ActionInDoubt,
    HoldRequested,
    Input,
    ResumeRequested,
    RetryRequested,
    SkipRequested,
)
from tests.builders import (
    NOW,
    Outcome,
    a_definition,
    announced,
    decided,
    failed,
    last_records,
    one,
    started,
    step_state,
    succeeded,
)

HOLD = HoldRequested(NOW, "olga")
RESUME = ResumeRequested(NOW, "olga", {"note": "by hand"})
SKIP = SkipRequested(NOW, "olga")
RETRY = RetryRequested(NOW, "olga")
CALL = a_definition(
    """
    steps:
      - {id: call, execute: [{webhook: {url: "https://x.example/"}}]}
      - {id: after, execute: [{log: {message: done}}]}
    """
)
WAITING = a_definition(
    """
    steps:
      - {id: settled, wait: {event: psp.settled, match: {id: "${id}"}}}
      - {id: after, execute: [{log: {message: "${waits.settled.event.note}"}}]}
      - {id: last, allow: {}}
    """
)
ASKING = a_definition(
    """
    steps:
      - {id: ask, approval: {title: May we?, roles: [boss]}}
      - {id: after, allow: {}}
    """
)


def refused(definition: Definition, execution: Execution, given: Input) -> str:
    after, effects = advance(definition, execution, given)
    assert after is execution
    return one(effects, Refuse).code


def called() -> tuple[Execution, Perform]:
    execution, effects = started(CALL)
    return execution, one(effects, Perform)


# S93 S99
def test_a_held_execution_begins_no_step_until_it_is_resumed() -> None:
    execution, call = called()
    execution, effects = advance(CALL, execution, HOLD)
    assert (execution.status, one(effects, Accept).result) == (Status.PAUSED, "applied")
    execution, effects = succeeded(CALL, execution, call)
    assert (execution.status, "after" in execution.lines) == (Status.PAUSED, False)
    assert announced(effects) == []
    execution, effects = advance(CALL, execution, RESUME)
    assert execution.status is Status.COMPLETED
    assert announced(effects)[0] == "execution.resumed"


# S93
def test_a_decision_during_a_hold_counts_and_goes_on_after_it() -> None:
    execution, _ = started(ASKING)
    execution, _ = advance(ASKING, execution, HOLD)
    execution, effects = decided(ASKING, execution)
    assert one(effects, Accept).result == "applied"
    assert (execution.status, execution.waits) == (Status.PAUSED, {})
    execution, _ = advance(ASKING, execution, RESUME)
    assert execution.status is Status.COMPLETED


# S94 S102
def test_an_operator_resumes_instead_of_the_event_that_is_waited_for() -> None:
    execution, _ = started(WAITING, {"id": "o1"})
    execution, _ = advance(WAITING, execution, RESUME)
    assert execution.status is Status.COMPLETED
    assert step_state(execution, "after")["output"]["message"] == "by hand"
    assert step_state(execution, "settled")["outcome"] == "resumed"
    assert execution.resume_data == {"kind": "operator", "by": "olga", "data": {"note": "by hand"}}


# S94
def test_a_resume_can_go_on_at_a_later_step() -> None:
    execution, _ = started(WAITING, {"id": "o1"})
    execution, _ = advance(WAITING, execution, ResumeRequested(NOW, "olga", {}, "last"))
    assert execution.status is Status.COMPLETED
    assert "after" not in execution.context["steps"]  # type: ignore[operator]


# S94
@pytest.mark.parametrize("step", ["nowhere", "settled"])
def test_a_resume_goes_neither_back_nor_to_an_unknown_step(step: str) -> None:
    execution, _ = started(WAITING, {"id": "o1"})
    given = ResumeRequested(NOW, "olga", {}, step)
    assert refused(WAITING, execution, given) == "unknown_step"


# S94
def test_what_cannot_be_resumed_is_refused_with_a_code() -> None:
    asking, _ = started(ASKING)
    assert refused(ASKING, asking, RESUME) == "waits_for_approval"
    assert refused(ASKING, asking, SKIP) == "waits_for_approval"
    assert refused(ASKING, asking, RETRY) == "not_failed"
    running, _ = called()
    assert refused(CALL, running, RESUME) == "not_paused"
    ended, _ = decided(ASKING, asking)
    for given in (HOLD, RESUME, SKIP, RETRY):
        assert refused(ASKING, ended, given) == "execution_finished"
    held, _ = advance(CALL, running, HOLD)
    assert refused(CALL, held, HOLD) == "already_held"


# S135
def test_a_step_that_waits_can_be_skipped() -> None:
    execution, _ = started(WAITING, {"id": "o1"})
    definition = a_definition(
        """
        steps:
          - {id: settled, wait: {event: psp.settled, match: {id: "${id}"}}}
          - {id: after, allow: {}}
        """
    )
    execution, _ = started(definition, {"id": "o1"})
    execution, effects = advance(definition, execution, SKIP)
    assert execution.status is Status.COMPLETED
    assert last_records(effects)["settled"].status == "skipped"


def test_a_step_between_attempts_can_be_tried_again_at_once() -> None:
    execution, call = called()
    execution, _ = failed(CALL, execution, call, retryable=True)
    execution, effects = advance(CALL, execution, RETRY)
    again = one(effects, Perform)
    assert (again.attempt, again.idempotency_key) == (2, call.idempotency_key)


RISKY = """
steps:
  - id: pay
    execute: [{webhook: {url: "https://x.example/"%s}}]
    %s
  - {id: after, allow: {}}
"""


def in_doubt(option: str = "", step: str = "") -> tuple[Definition, Outcome, Perform]:
    definition = a_definition(RISKY % (option, step))
    execution, effects = started(definition)
    pay = one(effects, Perform)
    return definition, advance(definition, execution, ActionInDoubt(NOW, pay.id)), pay


# S108 S118
@pytest.mark.parametrize(
    ("option", "step", "expected"),
    [
        ("", "", "retry"),
        (", idempotent: false", "", "ask"),
        (", idempotent: false", "on_in_doubt: retry", "retry"),
        ("", "on_in_doubt: fail", "fail"),
    ],
)
def test_an_effect_says_what_to_do_when_it_is_in_doubt(
    option: str, step: str, expected: str
) -> None:
    _, _, pay = in_doubt(option, step)
    assert pay.in_doubt == expected


# S118
def test_a_step_in_doubt_asks_an_operator() -> None:
    definition, (execution, effects), pay = in_doubt("", "on_in_doubt: ask")
    assert execution.status is Status.PAUSED
    assert last_records(effects)["pay"].error_code == "in_doubt"
    again, effects = advance(definition, execution, RETRY)
    asked = one(effects, Perform)
    assert (again.status, asked.attempt) == (Status.RUNNING, 2)
    assert asked.idempotency_key == pay.idempotency_key
    skipped, _ = advance(definition, execution, SKIP)
    assert skipped.status is Status.COMPLETED


# S118
def test_a_step_in_doubt_fails_where_the_definition_says_so() -> None:
    _, (execution, _), _ = in_doubt("", "on_in_doubt: fail")
    assert (execution.status, execution.error and execution.error.code) == ("failed", "in_doubt")


def test_every_move_of_an_operator_survives_a_restart() -> None:
    from tests.properties.histories import restarted

    execution, _ = called()
    held, _ = advance(CALL, execution, HOLD)
    twin: Any = restarted(held)
    assert advance(CALL, twin, RESUME)[0].status is Status.RUNNING
