"""Compensations: what is done is undone in reverse order when an execution fails."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.advance import advance
from engine.effects import Perform, Refuse, StartTimer, WriteLog
from engine.execution import Execution, Status
from engine.inputs import ActionSucceeded, CancelRequested, TimerFired
from tests.builders import NOW, a_definition, announced, failed, of_kind, started, succeeded

SAGA = """
steps:
  - id: book
    execute: [{log: {message: booked}}]
    compensate: [{id: unbook, execute: [{log: {message: unbooked}}]}]
  - id: pay
    execute: [{log: {message: paid}}]
    compensate:
      - {id: repay, execute: [{webhook: {url: "https://x.example/repay"}}], retry: {max: 0}}
      - {id: told, execute: [{log: {message: repaid}}]}
  - {id: ship, execute: [{webhook: {url: "https://x.example/ship"}}], retry: {max: 0}}
on_error: [{id: alarm, execute: [{log: {message: "failed: ${error.code}"}}]}]
"""
DEFINITION = a_definition(SAGA)


def messages(effects: tuple[object, ...]) -> list[str]:
    return [effect.message for effect in effects if isinstance(effect, WriteLog)]


def shipped() -> tuple[Execution, Perform]:
    execution, effects = started(DEFINITION)
    return execution, of_kind(effects, Perform)[0]


def test_a_failure_undoes_the_completed_steps_in_reverse_order_before_on_error() -> None:
    execution, ship = shipped()
    execution, effects = failed(DEFINITION, execution, ship)
    assert execution.status is Status.RUNNING
    (repay,) = of_kind(effects, Perform)
    assert (repay.path, messages(effects)) == ("pay/repay", [])
    execution, effects = succeeded(DEFINITION, execution, repay)
    assert messages(effects) == ["repaid", "unbooked", "failed: http_500"]
    assert (execution.status, execution.error and execution.error.step) == ("failed", "ship")


def test_a_compensation_that_fails_does_not_stop_the_others() -> None:
    execution, ship = shipped()
    execution, effects = failed(DEFINITION, execution, ship)
    (repay,) = of_kind(effects, Perform)
    execution, effects = failed(DEFINITION, execution, repay, code="http_404")
    assert messages(effects) == ["unbooked", "failed: http_500"]
    assert execution.error is not None
    assert execution.error.code == "http_500"


def test_a_cancel_undoes_only_where_it_asks_for_it() -> None:
    execution, _ = shipped()
    plain, effects = advance(DEFINITION, execution, CancelRequested(NOW, "ops"))
    assert (plain.status, of_kind(effects, Perform)) == (Status.CANCELLED, [])
    execution, effects = advance(DEFINITION, execution, CancelRequested(NOW, "ops", None, True))
    assert execution.status is Status.RUNNING
    (repay,) = of_kind(effects, Perform)
    execution, effects = succeeded(DEFINITION, execution, repay)
    assert messages(effects) == ["repaid", "unbooked"]
    assert execution.status is Status.CANCELLED
    assert announced(effects)[-1] == "execution.cancelled"


def test_what_has_not_run_is_not_undone() -> None:
    definition = a_definition(
        """
        steps:
          - id: book
            when: {no: {eq: true}}
            execute: [{log: {message: booked}}]
            compensate: [{id: unbook, execute: [{log: {message: unbooked}}]}]
          - {id: stop, execute: [{webhook: {url: "https://x.example/"}}], retry: {max: 0}}
        """
    )
    execution, effects = started(definition)
    execution, effects = failed(definition, execution, of_kind(effects, Perform)[0])
    assert messages(effects) == []


def test_the_items_of_a_loop_are_undone_with_what_they_saw() -> None:
    definition = a_definition(
        """
        steps:
          - id: each
            for_each:
              in: [1, 2]
              as: number
              steps:
                - id: book
                  execute: [{log: {message: "booked ${number}"}}]
                  compensate: [{id: unbook, execute: [{log: {message: "unbooked ${number}"}}]}]
          - {id: stop, execute: [{webhook: {url: "https://x.example/"}}], retry: {max: 0}}
        """
    )
    execution, effects = started(definition)
    assert messages(effects) == ["booked 1", "booked 2"]
    execution, effects = failed(definition, execution, of_kind(effects, Perform)[0])
    assert messages(effects) == ["unbooked 2", "unbooked 1"]
    assert execution.status is Status.FAILED


def test_a_compensation_that_blocks_ends_alone_and_the_others_follow() -> None:
    definition = a_definition(
        SAGA.replace("execute: [{log: {message: repaid}}]", "block: {code: kept}")
    )
    execution, effects = started(definition)
    execution, effects = failed(definition, execution, of_kind(effects, Perform)[0])
    execution, effects = succeeded(definition, execution, of_kind(effects, Perform)[0])
    assert messages(effects) == ["unbooked", "failed: http_500"]
    assert (execution.status, execution.result) == (Status.FAILED, "failed")


# S25
@pytest.mark.parametrize("ended_by", ["time", "cancel"])
def test_compensations_take_their_own_time(ended_by: str) -> None:
    definition = a_definition("timeout: 1m" + SAGA)
    execution, effects = started(definition)
    (limit,) = (
        timer for timer in of_kind(effects, StartTimer) if timer.kind == "execution_timeout"
    )
    fired = TimerFired(NOW + timedelta(minutes=1), limit.id)
    asked = CancelRequested(NOW, "ops", None, compensate=True)
    execution, effects = advance(definition, execution, fired if ended_by == "time" else asked)
    (repay,) = of_kind(effects, Perform)
    assert advance(definition, execution, fired) == (execution, ())
    same, (refused,) = advance(definition, execution, replace(asked, at=fired.at))
    assert same is execution
    assert isinstance(refused, Refuse)
    assert refused.code == "not_allowed"
    execution, effects = succeeded(definition, execution, repay)
    assert messages(effects) == ["repaid", "unbooked"]
    assert execution.status is (Status.FAILED if ended_by == "time" else Status.CANCELLED)


def test_a_cancel_without_compensations_ends_those_that_run() -> None:
    execution, ship = shipped()
    execution, effects = failed(DEFINITION, execution, ship)
    execution, effects = advance(DEFINITION, execution, CancelRequested(NOW, "ops"))
    assert execution.status is Status.CANCELLED
    assert messages(effects) == []


# S25
def test_on_error_does_not_begin_after_the_time_limit() -> None:
    definition = a_definition("timeout: 1m" + SAGA)
    execution, effects = started(definition)
    execution, effects = failed(definition, execution, of_kind(effects, Perform)[0])
    (repay,) = of_kind(effects, Perform)
    done = ActionSucceeded(NOW + timedelta(minutes=2), repay.id, None)
    execution, effects = advance(definition, execution, done)
    assert messages(effects) == ["repaid", "unbooked"]
    assert execution.error is not None
    assert execution.error.code == "http_500"
