"""Waits for events and time through `advance` (requirements.md D10, S47-S50)."""

from datetime import timedelta

import pytest

from engine.advance import advance
from engine.correlation import correlation_of_event, shapes_of
from engine.effects import CloseWait, OpenWait, StartTimer, StopTimer, WriteLog
from engine.execution import Closed, Status, StepStatus
from engine.inputs import EventArrived, Started, TimerFired
from tests.builders import (
    NOW,
    a_definition,
    an_execution,
    announced,
    expired,
    last_records,
    later,
    of_kind,
    one,
    received,
    started,
    step_state,
    the_wait,
)

PAID = """
steps:
  - id: paid
    wait: {event: payment.settled, match: {order.id: "${id}"}, %s}
    %s
  - {id: told, execute: [{log: {message: "paid ${waits.paid.event.amount:-0}"}}]}
"""
TIMED = a_definition(PAID % ("timeout: 5d", ""))
PATIENT = a_definition(PAID % ("since: now", ""))
PAYLOAD = {"id": "o1"}
EVENT = {"order": {"id": "o1"}, "amount": 7}


# S47 S91 S122 S136
def test_a_wait_for_an_event_pauses_the_execution() -> None:
    execution, effects = started(TIMED, PAYLOAD)
    wait = one(effects, OpenWait).wait
    assert execution.status is Status.PAUSED
    assert (execution.result, execution.paused_at) == (None, NOW)
    assert last_records(effects)["paid"].status is StepStatus.WAITING
    assert (wait.kind, wait.due_at, wait.since) == ("event", later(days=5), NOW)
    assert wait.record["match"] == {"order.id": "o1"}
    assert announced(effects)[-1] == "execution.paused"


# S47
def test_the_event_resumes_and_is_readable_afterwards() -> None:
    execution, effects = started(TIMED, PAYLOAD)
    wait = the_wait(execution)
    execution, effects = received(TIMED, execution, EVENT, later(hours=1))
    assert one(effects, CloseWait).outcome == "received"
    assert one(effects, StopTimer).id == one(started(TIMED, PAYLOAD)[1], StartTimer).id
    assert one(effects, WriteLog).message == "paid 7"
    assert execution.status is Status.COMPLETED
    assert execution.paused_ms == 3_600_000
    assert execution.closed_waits == {wait.id: Closed("received")}
    assert execution.resume_data is not None
    assert execution.resume_data["kind"] == "event"
    assert announced(effects)[0] == "execution.resumed"


# S47 S48
def test_only_an_event_with_the_right_value_correlates() -> None:
    first, _ = started(TIMED, {"id": "o1"})
    second, _ = started(TIMED, {"id": "o2"})
    (shape,) = shapes_of(TIMED)
    found = correlation_of_event(shape, EVENT, "any key")
    assert found == the_wait(first).correlation
    assert found != the_wait(second).correlation
    assert correlation_of_event(shape, {"order": {}}, "o1") is None
    assert correlation_of_event(shape, {"order": {"id": None}}, "o1") is None


# S48
def test_without_match_the_key_of_the_record_correlates() -> None:
    definition = a_definition("steps: [{id: w, wait: {event: payment.settled}}]")
    execution, _ = started(definition)
    (shape,) = shapes_of(definition)
    assert correlation_of_event(shape, {}, "k1") == the_wait(execution).correlation
    assert correlation_of_event(shape, {}, "k2") != the_wait(execution).correlation
    assert correlation_of_event(shape, {}, None) is None


# S48
def test_a_wait_that_nothing_can_match_fails_the_step() -> None:
    text = "steps: [{id: w, wait: {event: payment.settled}}]"
    definition = a_definition(text)
    given = started(definition)[0]
    keyless = an_execution(definition, key=None)
    execution, _ = advance(definition, keyless, Started(NOW))
    assert given.status is Status.PAUSED
    assert execution.error is not None
    assert (execution.status, execution.error.code) == (Status.FAILED, "unmatchable_wait")
    assert execution.error.message.endswith("has no key to compare; give the wait a match")


# S47
def test_an_event_whose_condition_fails_leaves_the_wait_open() -> None:
    definition = a_definition(PAID % ('when: {amount: {gte: "${limit}"}}', ""))
    execution, _ = started(definition, {"id": "o1", "limit": 5})
    assert received(definition, execution, {**EVENT, "amount": 4}) == (execution, ())
    execution, _ = received(definition, execution, EVENT)
    assert execution.status is Status.COMPLETED


# S47
def test_an_event_for_a_closed_wait_changes_nothing() -> None:
    execution, _ = started(TIMED, PAYLOAD)
    event = EventArrived(NOW, the_wait(execution).id, EVENT, {})
    ended, _ = advance(TIMED, execution, event)
    assert ended.status is Status.COMPLETED
    assert advance(TIMED, ended, event) == (ended, ())


def test_since_now_counts_only_from_the_wait_on() -> None:
    execution, effects = started(PATIENT, PAYLOAD)
    wait = the_wait(execution)
    assert (wait.since, wait.due_at) == (wait.opened_at, None)
    assert not of_kind(effects, StartTimer)


# S49
def test_a_wait_without_branch_fails_when_its_time_is_up() -> None:
    execution, _ = started(TIMED, PAYLOAD)
    execution, effects = expired(TIMED, execution)
    assert one(effects, CloseWait).outcome == "expired"
    assert (execution.status, execution.result) == (Status.FAILED, "failed")
    assert execution.error is not None
    assert (execution.error.code, execution.error.step) == ("wait_timeout", "paid")


# S49 S134
def test_a_wait_that_ran_out_leaves_a_failed_row() -> None:
    execution, _ = started(TIMED, PAYLOAD)
    execution, effects = expired(TIMED, execution)
    assert last_records(effects)["paid"].status is StepStatus.FAILED
    assert step_state(execution, "paid")["status"] == "failed"


# S49
def test_on_timeout_runs_and_the_flow_goes_on() -> None:
    branch = "on_timeout: [{id: chase, execute: [{log: {message: where}}]}]"
    definition = a_definition(PAID % ("timeout: 5d", branch))
    execution, _ = started(definition, PAYLOAD)
    execution, effects = expired(definition, execution)
    assert [log.message for log in of_kind(effects, WriteLog)] == ["where", "paid 0"]
    assert execution.status is Status.COMPLETED
    assert step_state(execution, "paid") == {"status": "completed", "outcome": "timed_out"}
    assert execution.paused_ms == 5 * 86_400_000


# S49
def test_on_error_of_a_wait_takes_its_timeout() -> None:
    branch = 'on_error: [{id: chase, execute: [{log: {message: "${error.code}"}}]}]'
    definition = a_definition(PAID % ("timeout: 5d", branch))
    execution, _ = started(definition, PAYLOAD)
    execution, effects = expired(definition, execution)
    assert of_kind(effects, WriteLog)[0].message == "wait_timeout"
    assert execution.status is Status.COMPLETED


# S49
def test_an_event_at_the_end_of_the_time_comes_too_late() -> None:
    execution, _ = started(TIMED, PAYLOAD)
    assert received(TIMED, execution, EVENT, later(days=5)) == (execution, ())
    before = later(days=5) - timedelta(milliseconds=1)
    assert received(TIMED, execution, EVENT, before)[0].status is Status.COMPLETED


# S50
def test_a_wait_for_a_length_ends_by_its_timer_once() -> None:
    definition = a_definition("steps: [{id: nap, wait: {for: 30m}}, {id: up, allow: {}}]")
    paused, effects = started(definition)
    assert one(effects, StartTimer).due_at == later(minutes=30)
    assert the_wait(paused).kind == "timer"
    execution, effects = expired(definition, paused)
    assert one(effects, CloseWait).outcome == "elapsed"
    assert (execution.status, execution.result) == (Status.COMPLETED, "allowed")
    assert not of_kind(effects, StopTimer)
    timer = one(started(definition)[1], StartTimer)
    assert advance(definition, execution, TimerFired(timer.due_at, timer.id)) == (execution, ())


# S50
@pytest.mark.parametrize(
    ("until", "due_at"),
    [
        ("2026-03-02T10:00:00Z", later(hours=1)),
        ("2026-03-02T12:00:00+01:00", later(hours=2)),
        ("2026-03-01T00:00:00Z", later(hours=-33)),
    ],
)
def test_a_wait_until_an_instant_is_due_then(until: str, due_at: object) -> None:
    definition = a_definition('steps: [{id: nap, wait: {until: "${at}"}}]')
    execution, effects = started(definition, {"at": until})
    assert one(effects, StartTimer).due_at == due_at == the_wait(execution).due_at


# S50
@pytest.mark.parametrize(("length", "status"), [(365, Status.PAUSED), (366, Status.FAILED)])
def test_a_wait_until_an_instant_lasts_a_year_at_most(length: int, status: Status) -> None:
    definition = a_definition('steps: [{id: nap, wait: {until: "${at}"}}]')
    until = (NOW + timedelta(days=length)).isoformat()
    execution, _ = started(definition, {"at": until})
    assert execution.status == status
    assert (execution.error and execution.error.code) == (
        "invalid_instant" if status == Status.FAILED else None
    )


# S50
@pytest.mark.parametrize("until", ["tomorrow", "2026-03-02T10:00:00", 5, None])
def test_a_wait_until_no_instant_fails_the_step(until: object) -> None:
    definition = a_definition('steps: [{id: nap, wait: {until: "${at}"}}]')
    execution, _ = started(definition, {"at": until})
    assert execution.error is not None
    assert (execution.status, execution.error.code) == (Status.FAILED, "invalid_instant")


# S99
def test_a_wait_id_is_the_same_for_the_same_execution_and_step() -> None:
    first, second = (the_wait(started(TIMED, PAYLOAD)[0]) for _ in range(2))
    assert first == second
    assert first.id.startswith("w_")
    assert len(first.id) == 34
