"""What ends early leaves nothing open, and nothing where it does not belong."""

from typing import Any

from engine.advance import advance
from engine.definition import Definition
from engine.effects import DropEffect, Perform, RecordStep, StartTimer, StopTimer
from engine.execution import Execution, Status, StepStatus
from engine.inputs import (
    ActionFailed,
    ActionSucceeded,
    CancelRequested,
    EventArrived,
    HoldRequested,
    Started,
    TimerFired,
)
from tests.builders import (
    NOW,
    Outcome,
    a_definition,
    an_execution,
    failed,
    later,
    of_kind,
    one,
    started,
    step_state,
    succeeded,
)

CALL = 'execute: [{webhook: {url: "https://x.example/1"}}]'


def held(definition: Definition, execution: Execution) -> Execution:
    """Have an operator hold an execution."""
    return advance(definition, execution, HoldRequested(NOW, "ops"))[0]


def cancelled(definition: Definition, execution: Execution) -> Outcome:
    return advance(definition, execution, CancelRequested(NOW, "ops"))


# S135 S93
def test_a_step_between_two_actions_is_skipped_when_its_held_execution_is_cancelled() -> None:
    definition = a_definition("""
    steps:
      - id: two
        execute:
          - webhook: {url: "https://x.example/1"}
          - webhook: {url: "https://x.example/2"}
    """)
    execution, effects = started(definition)
    execution, _ = succeeded(definition, held(definition, execution), one(effects, Perform))
    execution, effects = cancelled(definition, execution)
    assert one(effects, RecordStep).status is StepStatus.SKIPPED
    assert step_state(execution, "two")["status"] == "skipped"


# S135 S93
def test_a_step_due_for_its_next_attempt_is_skipped_when_its_held_execution_is_cancelled() -> None:
    definition = a_definition(f"steps: [{{id: call, {CALL}}}]")
    execution, effects = started(definition)
    execution = held(definition, execution)
    execution, effects = failed(definition, execution, one(effects, Perform), retryable=True)
    fired = TimerFired(later(hours=1), one(effects, StartTimer).id)
    execution, _ = advance(definition, execution, fired)
    _, effects = cancelled(definition, execution)
    record = one(effects, RecordStep)
    assert (record.attempt, record.status) == (2, StepStatus.SKIPPED)


def test_what_is_abandoned_in_a_loop_is_not_seen_outside_of_it() -> None:
    definition = a_definition(f"""
    steps:
      - id: loop
        timeout: 1h
        for_each:
          in: [1]
          steps: [{{id: fork, parallel: {{branches: {{a: [{{id: call, {CALL}}}]}}}}}}]
        on_error: [{{id: pause, wait: {{for: 1h}}}}]
    """)
    execution, effects = started(definition)
    fired = TimerFired(later(hours=1), one(effects, StartTimer).id)
    execution, _ = advance(definition, execution, fired)
    steps: Any = execution.context["steps"]
    assert sorted(steps) == ["loop", "pause"]


# S42
def test_a_for_each_fails_whose_items_are_fewer_than_must_succeed() -> None:
    definition = a_definition(f"""
    steps:
      - id: loop
        for_each:
          in: "${{items}}"
          strategy: {{n_of: 2}}
          steps: [{{id: call, {CALL}}}]
    """)
    for items in ([], [1]):
        execution, effects = started(definition, {"items": items})
        assert execution.status is Status.FAILED
        assert execution.error is not None
        assert execution.error.code == "invalid_items"
        assert not of_kind(effects, Perform)


LOADING = a_definition("""
context:
  load:
    rates: {resource: rates, id: "1"}
    more: {resource: more, id: "1"}
steps: [{id: ok, allow: {}}]
""")


# S126
def test_a_cancelled_execution_reads_no_more_resources() -> None:
    execution, effects = started(LOADING)
    rates, more = of_kind(effects, Perform)
    execution, effects = failed(LOADING, execution, rates, retryable=True)
    retry = one(effects, StartTimer)
    _, effects = cancelled(LOADING, execution)
    assert one(effects, DropEffect).id == more.id
    assert one(effects, StopTimer).id == retry.id


# S90
def test_one_resource_that_cannot_be_had_ends_the_reading_of_the_others() -> None:
    execution, effects = started(LOADING)
    rates, more = of_kind(effects, Perform)
    execution, effects = failed(LOADING, execution, rates)
    assert execution.status is Status.FAILED
    assert one(effects, DropEffect).id == more.id


REFRESHING = a_definition(f"""
context:
  load:
    rates: {{resource: rates, id: "1"}}
    more: {{resource: more, id: "1"}}
steps:
  - id: fork
    parallel:
      strategy: race
      branches:
        a:
          - {{id: paid, wait: {{event: paid}}, refresh: [rates, more]}}
          - {{id: then, allow: {{}}}}
        b: [{{id: call, {CALL}}}]
""")
AT_HAND = {"rates": {"usd": 1}, "more": {"n": 1}}


def refreshing() -> tuple[Execution, tuple[Perform, ...]]:
    """Return an execution of which one branch reads again, with all that it asked for."""
    given = Started(NOW, AT_HAND)
    execution, effects = advance(REFRESHING, an_execution(REFRESHING), given)
    (wait,) = execution.waits
    call = one(effects, Perform)
    execution, effects = advance(REFRESHING, execution, EventArrived(NOW, wait, {}, {}))
    return execution, (call, *of_kind(effects, Perform))


# S40 S117
def test_a_branch_that_loses_while_it_reads_again_goes_no_further() -> None:
    execution, (call, rates, more) = refreshing()
    execution, effects = advance(REFRESHING, execution, ActionSucceeded(NOW, call.id, {}))
    assert execution.status is Status.COMPLETED
    assert {effect.id for effect in of_kind(effects, DropEffect)} == {rates.id, more.id}
    late = ActionSucceeded(NOW, rates.id, {"usd": 2})
    assert advance(REFRESHING, execution, late) == (execution, ())


# S117
def test_a_resource_that_cannot_be_read_again_fails_the_branch_under_the_id_of_its_step() -> None:
    execution, (_, rates, more) = refreshing()
    given = ActionFailed(NOW, rates.id, "http_404", "gone", retryable=False)
    execution, effects = advance(REFRESHING, execution, given)
    assert execution.error is not None
    assert (execution.error.code, execution.error.step) == ("http_404", "paid")
    assert more.id in {effect.id for effect in of_kind(effects, DropEffect)}


# S30
def test_each_branch_reads_its_own_error() -> None:
    definition = a_definition(f"""
    steps:
      - id: fork
        parallel:
          branches:
            a:
              - id: first
                {CALL}
                on_error:
                  - {{id: pause, wait: {{for: 1h}}}}
                  - {{id: told, execute: [{{log: {{message: "${{error.code}}"}}}}]}}
            b:
              - id: second
                {CALL}
                on_error: [{{id: other, wait: {{for: 2h}}}}]
    """)
    execution, effects = started(definition)
    first, second = of_kind(effects, Perform)
    execution, effects = failed(definition, execution, first, code="http_400")
    fired = TimerFired(later(hours=1), one(effects, StartTimer).id)
    execution, _ = failed(definition, execution, second, code="http_403")
    execution, _ = advance(definition, execution, fired)
    assert step_state(execution, "told")["output"]["message"] == "http_400"
