"""What cannot be resolved or compared fails a step, wherever it is met; no input is a poison."""

from dataclasses import replace
from typing import Any

import pytest

from engine.advance import advance
from engine.effects import Emit, Perform, StartTimer, WriteLog, WriteRecord
from engine.execution import Status
from engine.inputs import ActionFailed, TimerFired
from tests.builders import (
    NOW,
    a_definition,
    announced,
    decided,
    later,
    of_kind,
    one,
    received,
    started,
    succeeded,
)

HANDLED = 'on_error: [{id: seen, execute: [{log: {message: "${error.code}: ${error.message}"}}]}]'


def handled(effects: Any) -> str:
    """Return what the step's `on_error` has logged."""
    return one(effects, WriteLog).message


# S62
def test_whom_to_ask_later_must_be_known_when_the_request_is_opened() -> None:
    definition = a_definition(f"""
    steps:
      - id: ask
        approval:
          {{title: A, roles: [r], expires_in: 8h, escalate: {{after: 1h, users: ["${{boss}}"]}}}}
        {HANDLED}
    """)
    execution, effects = started(definition, {"n": 1})
    assert execution.status is Status.COMPLETED
    assert handled(effects).startswith("unresolved: ${boss} has no value")
    execution, effects = started(definition, {"boss": "eve"})
    [escalation] = [timer for timer in of_kind(effects, StartTimer) if timer.kind == "escalation"]
    lost = replace(execution, context={})
    execution, effects = advance(definition, lost, TimerFired(later(hours=1), escalation.id))
    assert (execution.status, len(execution.waits)) == (Status.COMPLETED, 0)
    assert handled(effects).startswith("unresolved: escalate: ${boss}")


# S62 S71
@pytest.mark.parametrize(
    ("until", "code"),
    [
        ('{n: {gte: "${want}"}}', "unresolved: until: ${want}"),
        ("{n: {gte: five, strict: true}}", "condition_mismatch: until: n"),
    ],
)
def test_a_loop_whose_end_cannot_be_judged_fails_its_step(until: str, code: str) -> None:
    definition = a_definition(f"""
    steps:
      - id: loop
        repeat: {{steps: [{{id: look, allow: {{}}}}], until: {until}, max: 3}}
        {HANDLED}
    """)
    execution, effects = started(definition, {"n": 1})
    assert execution.status is Status.COMPLETED
    assert handled(effects).startswith(code)


WAITS = """
steps:
  - id: paid
    wait: {event: paid, match: {id: "${id}"}, when: %s, timeout: 1h}
    on_error: [{id: seen, execute: [{log: {message: "${error.code}: ${error.message}"}}]}]
  - {id: done, allow: {}}
"""


# S47 S71
def test_an_event_that_cannot_be_compared_fails_the_wait_that_insists() -> None:
    definition = a_definition(WAITS % "{amount: {gte: 3, strict: true}}")
    execution, _ = started(definition, {"id": "1"})
    execution, effects = received(definition, execution, {"id": "1", "amount": "500"})
    assert (execution.status, len(execution.waits)) == (Status.COMPLETED, 0)
    assert handled(effects).startswith("condition_mismatch: when: amount")


# S47 S78
def test_an_event_cannot_speak_for_what_the_engine_keeps() -> None:
    definition = a_definition(WAITS % "{execution.workflow: {eq: other}}")
    execution, _ = started(definition, {"id": "1"})
    forged = {"id": "1", "execution": {"workflow": "other"}}
    assert received(definition, execution, forged) == (execution, ())


# S47
@pytest.mark.parametrize(("amount", "ended"), [(1, False), (100, True)])
def test_references_beside_an_event_are_of_the_execution(amount: int, ended: bool) -> None:
    definition = a_definition(WAITS % '{amount: {gte: "${amount}"}}')
    execution, _ = started(definition, {"id": "1", "amount": 100})
    execution, _ = received(definition, execution, {"id": "1", "amount": amount})
    assert (execution.status is Status.COMPLETED) is ended


REFRESHED = """
context: {load: {customer: {resource: crm, id: "${customer_id}", optional: %s}}}
steps:
  - id: ask
    approval: {title: A, roles: [r]}
    refresh: [customer]
    on_error: [{id: seen, execute: [{log: {message: "${error.code}: ${error.message}"}}]}]
  - {id: done, allow: {}}
"""


# S117
def test_a_refresh_of_what_could_not_be_named_at_the_start_goes_on_without() -> None:
    definition = a_definition(REFRESHED % "true")
    execution, effects = started(definition, {"id": "1"})
    assert execution.context["customer"] is None
    execution, effects = decided(definition, execution)
    assert (execution.status, of_kind(effects, Perform)) == (Status.COMPLETED, [])


# S117
def test_a_refresh_that_fails_goes_the_way_of_the_steps_on_error() -> None:
    definition = a_definition(REFRESHED % "false")
    execution, effects = started(definition, {"customer_id": "7"})
    execution, effects = succeeded(definition, execution, one(effects, Perform), {"name": "Ann"})
    execution, effects = decided(definition, execution)
    read = one(effects, Perform)
    gone = ActionFailed(NOW, read.id, "http_404", "not found", retryable=False)
    execution, effects = advance(definition, execution, gone)
    assert execution.status is Status.COMPLETED
    assert handled(effects) == "http_404: resource crm could not be read again: not found"


RECORDS = """
steps:
  - id: put
    execute:
      - update_record: {entity: order, id: "${id}", set: %s, expected_version: "${version}"}
    on_error: [{id: seen, execute: [{log: {message: "${error.code}: ${error.message}"}}]}]
"""


# S60
@pytest.mark.parametrize("version", ["1", None, 1.5, True, [1]])
def test_a_version_that_is_no_whole_number_fails_the_step(version: object) -> None:
    definition = a_definition(RECORDS % "{a: 1}")
    _, effects = started(definition, {"id": "o1", "version": version})
    assert of_kind(effects, WriteRecord) == []
    assert handled(effects).startswith("invalid_value: expected_version must be a whole number")
    for version_beyond in (-1, 2**31):
        _, effects = started(definition, {"id": "o1", "version": version_beyond})
        assert handled(effects).startswith("invalid_value: expected_version must be from 0 to")
    _, effects = started(definition, {"id": "o1", "version": 2.0})
    assert one(effects, WriteRecord).expected_version == 2


# S59
def test_fields_of_a_record_that_are_no_mapping_fail_the_step() -> None:
    definition = a_definition(RECORDS % '"${fields}"')
    _, effects = started(definition, {"id": "o1", "version": 1, "fields": "status=new"})
    assert handled(effects).startswith("invalid_value: set must be a mapping of fields")


# S62
@pytest.mark.parametrize("value", [[1, 2], "five", 5, False])
def test_an_event_whose_data_no_worker_could_read_fails_the_step(value: object) -> None:
    definition = a_definition(f"""
    steps:
      - id: tell
        execute: [{{ emit: {{ event: told, data: "${{v}}" }} }}]
        {HANDLED}
    """)
    _, effects = started(definition, {"v": value})
    assert handled(effects).startswith("invalid_value: data must be a mapping of names to values")


# S62
def test_only_an_event_needs_data_that_is_a_mapping() -> None:
    definition = a_definition("""
    steps:
      - id: tell
        execute: [{ emit: { event: told, topic: elsewhere, data: "${v}" } }]
    """)
    _, effects = started(definition, {"v": [1, 2]})
    assert one(effects, Emit).payload == [1, 2]


# S62
@pytest.mark.parametrize(("value", "text"), [(True, "true"), (None, "null"), ({"a": 1}, '{"a":1}')])
def test_what_is_text_takes_other_values_as_json(value: object, text: str) -> None:
    definition = a_definition("""
    steps:
      - id: tell
        execute:
          - log: { message: "${v}", fields: "${v}" }
          - emit: { event: told, key: "k ${v}", subject: "${v}", data: {} }
          - create_record: { entity: note, id: "i ${v}", set: {} }
    """)
    _, effects = started(definition, {"v": value})
    assert one(effects, WriteLog).message == text
    assert one(effects, Emit).key == f"k {text}"
    assert one(effects, WriteRecord).entity_id == f"i {text}"


# S56
@pytest.mark.parametrize(
    ("step", "action", "seconds"),
    [
        ("", "", 30),
        ("", "timeout: 2m,", 120),
        ("timeout: 5s", "", 5),
        ("timeout: 5s", "timeout: 2m,", 5),
    ],
)
def test_a_call_may_take_as_long_as_its_definition_says(
    step: str, action: str, seconds: int
) -> None:
    definition = a_definition(f"""
    steps:
      - id: call
        execute: [{{http_request: {{{action} url: "https://a.example/x"}}}}]
        {step}
    """)
    _, effects = started(definition, {})
    assert one(effects, Perform).timeout.total_seconds() == seconds


# S84
def test_a_derived_field_that_cannot_be_compared_fails_with_its_own_code() -> None:
    definition = a_definition("""
    context: {derive: {big: {total: {gte: 5, strict: true}}}}
    steps: [{id: done, allow: {}}]
    """)
    execution, _ = started(definition, {"total": "5"})
    assert execution.error is not None
    assert execution.error.code == "condition_mismatch"


# G8
def test_what_is_met_outside_of_any_step_fails_the_execution() -> None:
    definition = a_definition(REFRESHED % "false")
    execution, effects = started(definition, {"customer_id": "7"})
    later_on = ActionFailed(NOW, one(effects, Perform).id, "http_503", "busy", retryable=True)
    execution, effects = advance(definition, execution, later_on)
    other = a_definition(REFRESHED.replace("customer_id", "other_id") % "false")
    again = TimerFired(later(minutes=1), one(effects, StartTimer).id)
    execution, effects = advance(other, execution, again)
    assert (execution.status, execution.result) == (Status.FAILED, "failed")
    assert execution.error is not None
    assert execution.error.code == "unresolved"
    assert announced(effects) == ["execution.failed"]
