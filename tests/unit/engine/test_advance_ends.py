"""Ends of an execution: cancel, timeout, the pairs of status and result (D2, D14)."""

import pytest

from engine.advance import advance
from engine.definition import Definition
from engine.effects import (
    Announce,
    CloseWait,
    DropEffect,
    Perform,
    RecordStep,
    Refuse,
    StartTimer,
    StopTimer,
)
from engine.execution import ENDED, MOVES, Execution, IllegalMove, Status, StepStatus
from engine.ids import child_id
from engine.inputs import CancelRequested, Started, TimerFired
from engine.turn import Turn
from tests.builders import (
    NOW,
    a_definition,
    an_execution,
    announced,
    cancelled,
    decided,
    failed,
    last_records,
    later,
    of_kind,
    one,
    started,
    succeeded,
)

CALL = 'execute: [{webhook: {url: "https://x.example"}}]'
CALLING = a_definition(f"steps: [{{id: call, {CALL}}}, {{id: after, allow: {{}}}}]")
ASKING = a_definition("steps: [{id: boss, approval: {title: T, anyone: true, expires_in: 1h}}]")


def limited(options: str, steps: str) -> Definition:
    """Return a definition with an execution timeout of an hour."""
    return a_definition(f"timeout: 1h\n{options}\nsteps: [{steps}]")


def timed_out(definition: Definition, execution: Execution, **length: float) -> Execution:
    """Fire the timer of the execution timeout."""
    timer = child_id(execution.id, "timeout")
    return advance(definition, execution, TimerFired(later(**length), timer))[0]


# S126 S142
def test_cancel_closes_an_open_approval() -> None:
    execution, _ = started(ASKING)
    execution, effects = cancelled(ASKING, execution, "no longer needed")
    assert (execution.status, execution.result) == (Status.CANCELLED, None)
    assert one(effects, CloseWait).outcome == "cancelled"
    assert len(of_kind(effects, StopTimer)) == 1
    assert last_records(effects)["boss"].status is StepStatus.SKIPPED
    assert execution.error is not None
    assert (execution.error.code, execution.error.message) == ("cancelled", "no longer needed")
    assert (execution.completed_at, execution.paused_at, execution.waits) == (NOW, None, {})


# S126
def test_cancel_drops_a_call_that_has_not_begun() -> None:
    execution, effects = started(CALLING)
    asked = one(effects, Perform)
    execution, effects = cancelled(CALLING, execution)
    assert one(effects, DropEffect).id == asked.id
    assert execution.error is not None
    assert execution.error.message == "cancelled by ops"
    assert succeeded(CALLING, execution, asked) == (execution, ())


# S126
def test_cancel_stops_a_retry() -> None:
    execution, effects = started(CALLING)
    execution, effects = failed(CALLING, execution, one(effects, Perform), retryable=True)
    timer = one(effects, StartTimer)
    execution, effects = cancelled(CALLING, execution)
    assert one(effects, StopTimer).id == timer.id
    assert advance(CALLING, execution, TimerFired(timer.due_at, timer.id)) == (execution, ())


# S126 S120
def test_a_pending_execution_can_be_cancelled() -> None:
    pending = an_execution(CALLING)
    assert pending.status is Status.PENDING
    execution, effects = cancelled(CALLING, pending)
    assert execution.status is Status.CANCELLED
    assert announced(effects) == ["execution.cancelled"]
    assert advance(CALLING, execution, Started(NOW)) == (execution, ())


def test_an_execution_starts_once() -> None:
    execution, _ = started(CALLING)
    assert advance(CALLING, execution, Started(NOW)) == (execution, ())


# S124
def test_an_execution_that_is_not_done_in_time_fails() -> None:
    definition = limited("", f"{{id: call, {CALL}}}")
    execution, effects = started(definition)
    timer = next(timer for timer in of_kind(effects, StartTimer))
    assert (timer.kind, timer.due_at) == ("execution_timeout", later(hours=1))
    execution, effects = advance(definition, execution, TimerFired(timer.due_at, timer.id))
    assert (execution.status, execution.result) == (Status.FAILED, "failed")
    assert execution.error is not None
    assert execution.error.code == "timeout"
    assert len(of_kind(effects, DropEffect)) == 1


# S124
def test_paused_time_does_not_count_for_the_timeout() -> None:
    definition = limited(
        "", f"{{id: boss, approval: {{title: T, anyone: true}}}}, {{id: c, {CALL}}}"
    )
    paused, _ = started(definition)
    timer = child_id(paused.id, "timeout")
    assert advance(definition, paused, TimerFired(later(hours=1), timer)) == (paused, ())
    at = later(hours=3)
    execution, effects = decided(definition, paused, at=at, received_at=at)
    assert execution.status is Status.RUNNING
    assert one(effects, StartTimer).due_at == later(hours=4)
    assert timed_out(definition, execution, hours=3, minutes=59).status is Status.RUNNING
    assert timed_out(definition, execution, hours=4).status is Status.FAILED


# S124
def test_paused_time_counts_where_the_definition_says_so() -> None:
    definition = limited("include_paused: true", "{id: boss, approval: {title: T, anyone: true}}")
    paused, _ = started(definition)
    assert timed_out(definition, paused, minutes=59).status is Status.PAUSED
    execution = timed_out(definition, paused, hours=1)
    assert (execution.status, execution.waits) == (Status.FAILED, {})


def test_an_execution_that_ends_in_time_stops_its_timer() -> None:
    definition = limited("", "{id: ok, allow: {}}")
    execution, effects = started(definition)
    assert one(effects, StopTimer).id == one(effects, StartTimer).id
    assert timed_out(definition, execution, hours=1) == execution


# S124
def test_there_is_no_execution_timeout_by_default() -> None:
    _, effects = started(CALLING)
    assert not of_kind(effects, StartTimer)


RESULTS: dict[Status, set[str | None]] = {
    Status.PENDING: {None},
    Status.RUNNING: {None},
    Status.PAUSED: {None},
    Status.COMPLETED: {"allowed", "executed"},
    Status.BLOCKED: {"blocked"},
    Status.FAILED: {"failed"},
    Status.CANCELLED: {None},
}


def some_executions() -> dict[str, Execution]:
    """Return an execution of every status and result."""
    running, effects = started(CALLING)
    paused, _ = started(ASKING)
    return {
        "pending": an_execution(CALLING),
        "running": running,
        "paused": paused,
        "allowed": succeeded(CALLING, running, one(effects, Perform))[0],
        "executed": started(a_definition("steps: [{id: a, execute: [{log: {message: m}}]}]"))[0],
        "blocked": decided(ASKING, paused, "rejected")[0],
        "failed": failed(CALLING, running, one(effects, Perform))[0],
        "cancelled": cancelled(ASKING, paused)[0],
    }


# S22 S120 S121 S122 S123 S124 S125 S126 S127 S128 S129 S130
def test_every_status_is_reached_and_fits_its_result() -> None:
    found = some_executions()
    assert {execution.status for execution in found.values()} == set(Status)
    for name, execution in found.items():
        assert execution.result in RESULTS[execution.status], name
        assert (execution.completed_at is not None) == execution.ended
        assert (execution.paused_at is not None) == (execution.status is Status.PAUSED)
    results = {execution.result for execution in found.values()}
    assert results == {None, "allowed", "blocked", "executed", "failed"}


# S143
@pytest.mark.parametrize("status", sorted(ENDED))
def test_an_end_is_final(status: Status) -> None:
    assert MOVES[status] == frozenset()
    for execution in some_executions().values():
        if execution.status is status:
            after, effects = advance(ASKING, execution, CancelRequested(NOW, "ops"))
            assert after == execution
            assert one(effects, Refuse).code == "execution_finished"


# S143
def test_the_table_of_moves_is_that_of_the_requirements() -> None:
    moves = {(str(source), str(target)) for source, targets in MOVES.items() for target in targets}
    running = {
        ("running", end) for end in ("completed", "failed", "blocked", "paused", "cancelled")
    }
    paused = {("paused", end) for end in ("running", "cancelled", "failed", "blocked")}
    assert moves == {("pending", "running"), ("pending", "cancelled")} | running | paused


# S143
def test_every_move_outside_the_table_raises_and_changes_nothing() -> None:
    by_status = {execution.status: execution for execution in some_executions().values()}
    for source, targets in MOVES.items():
        for target in set(Status) - targets:
            turn = Turn(CALLING, by_status[source], NOW)
            with pytest.raises(IllegalMove):
                turn.move(target)
            assert turn.status is source


# S131 S132 S133 S134 S135 S136
def test_every_step_status_is_reached() -> None:
    definition = a_definition(f"""
    steps:
      - {{id: skipped, when: {{x: {{eq: 1}}}}, allow: {{}}}}
      - {{id: call, {CALL}, on_error: [{{id: mended, allow: {{}}}}]}}
      - {{id: boss, approval: {{title: T, anyone: true}}}}
    """)
    execution, effects = started(definition)
    seen = {record.status for record in of_kind(effects, RecordStep)}
    execution, effects = failed(definition, execution, one(effects, Perform), retryable=True)
    seen |= {record.status for record in of_kind(effects, RecordStep)}
    timer = one(effects, StartTimer)
    execution, effects = advance(definition, execution, TimerFired(timer.due_at, timer.id))
    execution, effects = failed(definition, execution, one(effects, Perform))
    seen |= {record.status for record in of_kind(effects, RecordStep)}
    assert seen == set(StepStatus)
    assert execution.status is Status.PAUSED


def test_the_last_record_tells_status_result_and_error() -> None:
    running, effects = started(CALLING)
    _, effects = failed(CALLING, running, one(effects, Perform))
    last = of_kind(effects, Announce)[-1]
    assert (last.kind, last.status, last.result, last.error_code) == (
        "execution.failed",
        Status.FAILED,
        "failed",
        "http_500",
    )
