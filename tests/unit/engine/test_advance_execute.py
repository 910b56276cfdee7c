"""Sub-actions, retries and failures through `advance`."""

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.advance import advance
from engine.definition import DEFAULT_TIMEOUT
from engine.effects import (
    Announce,
    DropEffect,
    Emit,
    Perform,
    RecordStep,
    Refuse,
    StartTimer,
    WriteLog,
    WriteRecord,
)
from engine.execution import Status, StepStatus
from engine.inputs import ActionFailed, ActionSucceeded, TimerFired
from tests.builders import (
    NOW,
    a_definition,
    announced,
    failed,
    last_records,
    later,
    of_kind,
    one,
    started,
    step_state,
    succeeded,
)

CALL = """
steps:
  - id: call
    execute: [{webhook: {url: "https://x.example/${id}", json: {n: "${n}"}}}]
    %s
  - {id: after, execute: [{log: {message: "${steps.call.status}"}}]}
"""
TWO_CALLS = """
steps:
  - id: call
    execute:
      - log: {message: first}
      - webhook: {url: "https://x.example/1"}
      - log: {message: third}
      - webhook: {url: "https://x.example/2"}
    %s
  - {id: after, allow: {}}
"""
PAYLOAD = {"id": "o1", "n": 5}


# S37 S18
def test_sub_actions_run_in_order_and_outside_ones_one_at_a_time() -> None:
    definition = a_definition(TWO_CALLS % "")
    execution, effects = started(definition)
    assert [log.message for log in of_kind(effects, WriteLog)] == ["first"]
    first = one(effects, Perform)
    assert first.params["url"] == "https://x.example/1"
    execution, effects = succeeded(definition, execution, first, {"a": 1})
    assert [log.message for log in of_kind(effects, WriteLog)] == ["third"]
    second = one(effects, Perform)
    assert second.params["url"] == "https://x.example/2"
    execution, effects = succeeded(definition, execution, second, {"b": 2})
    assert (execution.status, execution.result) == (Status.COMPLETED, "allowed")
    outputs = step_state(execution, "call")["output"]
    assert [outputs[1], outputs[3]] == [{"a": 1}, {"b": 2}]


# S37
def test_the_first_failure_stops_the_list() -> None:
    definition = a_definition(TWO_CALLS % "")
    execution, effects = started(definition)
    execution, effects = failed(definition, execution, one(effects, Perform))
    assert (execution.status, execution.result) == (Status.FAILED, "failed")
    assert not of_kind(effects, WriteLog)
    assert not of_kind(effects, Perform)


# S37
def test_continue_on_error_runs_the_rest_and_keeps_the_error_as_output() -> None:
    definition = a_definition(TWO_CALLS % "continue_on_error: true")
    execution, effects = started(definition)
    execution, effects = failed(definition, execution, one(effects, Perform))
    execution, effects = succeeded(definition, execution, one(effects, Perform), "ok")
    assert execution.status is Status.COMPLETED
    outputs = step_state(execution, "call")["output"]
    assert outputs[1] == {"error": {"code": "http_500", "message": "no luck"}}
    assert outputs[3] == "ok"


# S37
def test_a_reference_without_value_stops_the_list() -> None:
    definition = a_definition("""
    steps:
      - {id: a, execute: [{log: {message: "${nowhere}"}}, {log: {message: second}}]}
    """)
    execution, effects = started(definition)
    assert not of_kind(effects, WriteLog)
    assert execution.error is not None
    assert (execution.error.code, execution.error.step) == ("unresolved", "a")
    assert "nowhere" in execution.error.message


# S25
def test_an_attempt_may_take_thirty_seconds_by_default() -> None:
    _, effects = started(a_definition(CALL % ""), PAYLOAD)
    assert one(effects, Perform).timeout == timedelta(seconds=30) == DEFAULT_TIMEOUT


# S25
def test_the_shorter_of_the_timeouts_of_step_and_action_holds() -> None:
    _, effects = started(a_definition(CALL % "timeout: 200ms"), PAYLOAD)
    assert one(effects, Perform).timeout == timedelta(milliseconds=200)
    text = """
    steps:
      - {id: a, timeout: 5s, execute: [{webhook: {url: "https://x.example", timeout: 2s}}]}
    """
    _, effects = started(a_definition(text))
    assert one(effects, Perform).timeout == timedelta(seconds=2)


# S25
def test_a_timed_out_attempt_without_retries_fails_the_execution_with_code_timeout() -> None:
    definition = a_definition(CALL % "retry: {max: 0}")
    execution, effects = started(definition, PAYLOAD)
    execution, _ = failed(
        definition, execution, one(effects, Perform), retryable=True, code="timeout"
    )
    assert execution.status is Status.FAILED
    assert execution.error is not None
    assert execution.error.code == "timeout"


# S15 S20 S121 S132
def test_a_call_is_written_as_running_before_it_is_made() -> None:
    execution, effects = started(a_definition(CALL % ""), PAYLOAD)
    asked = one(effects, Perform)
    record = last_records(effects)["call"]
    assert execution.status is Status.RUNNING
    assert (record.status, record.attempt, record.completed_at) == (StepStatus.RUNNING, 1, None)
    assert record.input == asked.params == {"url": "https://x.example/o1", "json": {"n": 5}}


# S26 S131
def test_three_retries_make_four_attempts_with_one_key() -> None:
    definition = a_definition(CALL % "")
    execution, effects = started(definition, PAYLOAD)
    asked, now = [one(effects, Perform)], NOW
    for attempt in range(1, 4):
        execution, effects = failed(definition, execution, asked[-1], retryable=True, at=now)
        timer = one(effects, StartTimer)
        pending = [record for record in of_kind(effects, RecordStep) if record.completed_at is None]
        assert [record.status for record in pending] == [StepStatus.PENDING]
        assert timer.due_at - now == timedelta(seconds=2 ** (attempt - 1) * 0.5)
        now = timer.due_at
        execution, effects = advance(definition, execution, TimerFired(now, timer.id))
        asked.append(one(effects, Perform))
    execution, effects = failed(definition, execution, asked[-1], retryable=True, at=now)
    assert not of_kind(effects, StartTimer)
    assert [perform.attempt for perform in asked] == [1, 2, 3, 4]
    assert len({perform.id for perform in asked}) == 4
    assert len({perform.idempotency_key for perform in asked}) == 1
    assert execution.status is Status.FAILED


# S26
def test_each_attempt_has_a_row_of_its_own() -> None:
    definition = a_definition(CALL % "")
    execution, effects = started(definition, PAYLOAD)
    rows = {record.id: record for record in of_kind(effects, RecordStep)}
    execution, effects = failed(definition, execution, one(effects, Perform), retryable=True)
    rows |= {record.id: record for record in of_kind(effects, RecordStep)}
    fired = TimerFired(later(seconds=1), one(effects, StartTimer).id)
    execution, effects = advance(definition, execution, fired)
    rows |= {record.id: record for record in of_kind(effects, RecordStep)}
    _, effects = succeeded(definition, execution, one(effects, Perform))
    rows |= {record.id: record for record in of_kind(effects, RecordStep)}
    of_call = [(r.attempt, r.status) for r in rows.values() if r.step_id == "call"]
    assert of_call == [(1, StepStatus.FAILED), (2, StepStatus.COMPLETED)]


def test_a_longer_retry_after_than_the_pause_is_kept() -> None:
    definition = a_definition(CALL % "")
    execution, effects = started(definition, PAYLOAD)
    given = ActionFailed(
        NOW, one(effects, Perform).id, "http_429", "slow", True, timedelta(seconds=20), 0.9
    )
    _, effects = advance(definition, execution, given)
    assert one(effects, StartTimer).due_at == later(seconds=20)


def test_what_cannot_be_retried_fails_at_once() -> None:
    definition = a_definition(CALL % "")
    execution, effects = started(definition, PAYLOAD)
    execution, effects = failed(definition, execution, one(effects, Perform))
    assert execution.status is Status.FAILED
    assert not of_kind(effects, StartTimer)


# S30 S124 S130 S134
def test_a_failed_step_leaves_a_failed_row_and_nothing_to_drop() -> None:
    definition = a_definition(CALL % "")
    execution, effects = started(definition, PAYLOAD)
    execution, effects = failed(definition, execution, one(effects, Perform))
    record = last_records(effects)["call"]
    assert record.status is StepStatus.FAILED
    assert (record.error_code, record.error_message) == ("http_500", "no luck")
    assert (execution.status, execution.result) == (Status.FAILED, "failed")
    assert execution.error is not None
    assert (execution.error.code, execution.error.step) == ("http_500", "call")
    assert step_state(execution, "call")["status"] == "failed"
    assert not of_kind(effects, DropEffect)


# S30
def test_on_error_of_the_step_runs_with_the_error_and_the_flow_goes_on() -> None:
    text = (
        CALL % 'on_error: [{id: mend, execute: [{log: {message: "${error.code} ${error.step}"}}]}]'
    )
    definition = a_definition(text)
    execution, effects = started(definition, PAYLOAD)
    execution, effects = failed(definition, execution, one(effects, Perform))
    messages = [log.message for log in of_kind(effects, WriteLog)]
    assert messages == ["http_500 call", "failed"]
    assert (execution.status, execution.result) == (Status.COMPLETED, "executed")
    assert last_records(effects)["call"].status is StepStatus.FAILED


# S30
def test_on_error_of_the_workflow_runs_once_and_the_execution_fails() -> None:
    definition = a_definition("""
    on_error: [{id: tell, execute: [{log: {message: "${error.message}"}}]}]
    steps: [{id: call, execute: [{webhook: {url: "https://x.example"}}]}, {id: after, allow: {}}]
    """)
    execution, effects = started(definition)
    execution, effects = failed(definition, execution, one(effects, Perform))
    assert one(effects, WriteLog).message == "no luck"
    assert "after" not in last_records(effects)
    assert (execution.status, execution.result) == (Status.FAILED, "failed")
    assert execution.error is not None
    assert execution.error.step == "call"


# S30
def test_a_failure_inside_on_error_ends_with_the_first_failure() -> None:
    definition = a_definition("""
    on_error: [{id: tell, execute: [{log: {message: "${nowhere}"}}]}]
    steps: [{id: call, execute: [{log: {message: "${neither}"}}]}]
    """)
    execution, _ = started(definition)
    assert execution.status is Status.FAILED
    assert execution.error is not None
    assert (execution.error.code, execution.error.step) == ("unresolved", "call")


def test_a_result_that_nobody_waits_for_changes_nothing() -> None:
    definition = a_definition(CALL % "")
    execution, effects = started(definition, PAYLOAD)
    asked = one(effects, Perform)
    execution, _ = succeeded(definition, execution, asked)
    for late in (
        ActionSucceeded(NOW, asked.id, 1),
        ActionFailed(NOW, asked.id, "timeout", "", True),
    ):
        assert advance(definition, execution, late) == (execution, ())


def test_a_result_counts_once_while_the_execution_goes_on() -> None:
    definition = a_definition(TWO_CALLS % "")
    execution, effects = started(definition)
    first = one(effects, Perform)
    execution, _ = succeeded(definition, execution, first)
    assert succeeded(definition, execution, first) == (execution, ())


# S104
def test_effects_and_keys_are_the_same_when_an_input_is_taken_again() -> None:
    definition = a_definition(TWO_CALLS % "")
    assert started(definition) == started(definition)
    execution, effects = started(definition)
    first = one(effects, Perform)
    again = succeeded(definition, execution, first, 1)
    assert again == succeeded(definition, execution, first, 1)


# S62
def test_emit_and_records_are_rendered_and_done_in_the_turn() -> None:
    definition = a_definition("""
    steps:
      - id: a
        execute:
          - emit: {event: order.accepted, key: "${id}", data: {n: "${n}"}, subject: "s-${id}"}
          - log: {level: warning, message: "n is ${n}", fields: {n: "${n}"}}
    """)
    execution, effects = started(definition, PAYLOAD)
    emit = one(effects, Emit)
    found = (emit.event, emit.key, emit.payload, emit.subject, emit.topic)
    assert found == ("order.accepted", "o1", {"n": 5}, "s-o1", None)
    log = one(effects, WriteLog)
    assert (log.level, log.message, log.fields) == ("warning", "n is 5", {"step": "a", "n": 5})
    assert execution.result == "executed"


# S59 S60
@pytest.mark.parametrize(
    ("action", "mode"), [("create_record", "create"), ("update_record", "update")]
)
def test_a_record_is_asked_for_and_its_result_awaited(action: str, mode: str) -> None:
    definition = a_definition(f"""
    steps:
      - id: a
        execute: [{{{action}: {{entity: order, id: "${{id}}", set: {{n: "${{n}}"}}}}}}]
    """)
    execution, effects = started(definition, PAYLOAD)
    write = one(effects, WriteRecord)
    assert (write.mode, write.entity, write.entity_id) == (mode, "order", "o1")
    assert write.values == {"n": 5}
    execution, _ = advance(definition, execution, ActionSucceeded(NOW, write.id, {"version": 1}))
    assert execution.status is Status.COMPLETED


@pytest.mark.parametrize(
    ("id", "status"), [("x" * 2000, Status.RUNNING), ("\u2603" * 667, Status.FAILED)]
)
def test_a_record_has_an_id_that_an_index_holds(id: str, status: Status) -> None:
    definition = a_definition("""
    steps:
      - id: a
        execute: [{create_record: {entity: order, id: "${id}", set: {}}}]
    """)
    execution, _ = started(definition, {"id": id})
    assert execution.status is status


def test_more_steps_than_allowed_end_the_execution() -> None:
    definition = a_definition(CALL % "")
    execution, effects = started(definition, PAYLOAD)
    tired = replace(execution, steps_taken=1000)
    execution, effects = succeeded(definition, tired, one(effects, Perform))
    assert execution.error is not None
    assert (execution.status, execution.error.code) == (Status.FAILED, "step_limit")


def test_no_answer_is_owed_to_actions_and_timers() -> None:
    definition = a_definition(CALL % "")
    execution, effects = started(definition, PAYLOAD)
    unknown = TimerFired(NOW, one(effects, Perform).id)
    changed, nothing = advance(definition, execution, unknown)
    assert changed == execution
    assert not of_kind(nothing, Refuse)


# S143
def test_life_cycle_records_rise_by_one() -> None:
    definition = a_definition(CALL % "")
    execution, effects = started(definition, PAYLOAD)
    _, more = succeeded(definition, execution, one(effects, Perform))
    sequence = [announce.sequence for announce in of_kind((*effects, *more), Announce)]
    assert sequence == list(range(1, len(sequence) + 1))
    assert announced(effects) == ["execution.started"]
    assert announced(more) == ["step.completed", "step.completed", "execution.completed"]
