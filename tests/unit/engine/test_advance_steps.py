"""Conditions, allow, block and the order of steps through `advance`."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from engine.definition import Definition
from engine.effects import RecordStep, WriteLog
from engine.execution import Status, StepStatus
from tests.builders import a_definition, announced, last_records, of_kind, one, started, step_state

INLINE = a_definition("""
steps:
  - id: large
    condition: {total: {gt: 100}}
    on_true: [{id: yes_one, execute: [{log: {message: y}}]}, {id: yes_two, allow: {}}]
    on_false: [{id: no_one, execute: [{log: {message: n}}]}]
  - {id: after, execute: [{log: {message: a}}]}
""")
BY_ID = a_definition("""
steps:
  - {id: large, condition: {total: {gt: 100}}, on_true: big, on_false: small}
  - {id: passed_by, execute: [{log: {message: never}}]}
  - {id: small, execute: [{log: {message: s}}]}
  - {id: big, execute: [{log: {message: b}}]}
""")


def path_of(definition: Definition, payload: Mapping[str, object]) -> list[str]:
    """Return the ids of the steps that ran, in order."""
    _, effects = started(definition, payload)
    return [record.step_id for record in of_kind(effects, RecordStep)]


# S32 S18
def test_a_true_condition_runs_its_steps_and_goes_on_after() -> None:
    assert path_of(INLINE, {"total": 101}) == ["large", "yes_one", "yes_two", "after"]


# S33
def test_a_false_condition_runs_its_steps_and_goes_on_after() -> None:
    assert path_of(INLINE, {"total": 100}) == ["large", "no_one", "after"]


# S32
def test_a_true_condition_jumps_to_a_later_step() -> None:
    assert path_of(BY_ID, {"total": 101}) == ["large", "big"]


# S33
def test_a_false_condition_jumps_to_a_later_step() -> None:
    assert path_of(BY_ID, {"total": 1}) == ["large", "small", "big"]


# S32 S33
@pytest.mark.parametrize("total", [1, 101])
def test_a_condition_without_branches_goes_on(total: int) -> None:
    text = "steps: [{id: c, condition: {total: {gt: 100}}}, {id: d, allow: {}}]"
    assert path_of(a_definition(text), {"total": total}) == ["c", "d"]


# S31
def test_a_condition_explains_each_comparison_with_its_value() -> None:
    definition = a_definition("""
    steps:
      - id: c
        condition: {any: [{total: {gt: 100}}, {not: {country: {in: [KP, SY]}}}]}
      - {id: d, condition: {steps.c.output.result: {eq: true}}}
    """)
    execution, effects = started(definition, {"total": "7", "country": "DE"})
    assert last_records(effects)["c"].output == {
        "result": True,
        "explain": [
            {
                "field": "total",
                "operator": "gt",
                "value": "7",
                "expected": 100,
                "holds": False,
                "warning": "gt cannot compare text with number",
            },
            {
                "field": "country",
                "operator": "in",
                "value": "DE",
                "expected": ["KP", "SY"],
                "holds": False,
            },
        ],
    }
    assert last_records(effects)["d"].output is not None
    assert step_state(execution, "d") == {"status": "completed", "output": {"result": True}}


# S35 S127
def test_allow_goes_on_and_the_execution_ends_as_allowed() -> None:
    definition = a_definition("""
    steps:
      - {id: ok, allow: {reason: "Fine, ${who}"}}
      - {id: told, execute: [{notify: {channel: log, message: "hello ${who}"}}]}
    """)
    execution, effects = started(definition, {"who": "ada"})
    assert (execution.status, execution.result) == (Status.COMPLETED, "allowed")
    assert one(effects, WriteLog).message == "hello ada"
    output = {"action": "allow", "success": True, "reason": "Fine, ada"}
    assert last_records(effects)["ok"].output == output


# S35
def test_allow_with_stop_ends_at_once() -> None:
    text = """
    steps:
      - {id: ok, allow: {stop: true}}
      - {id: never, block: {code: no}}
    """
    execution, effects = started(a_definition(text))
    assert (execution.status, execution.result) == (Status.COMPLETED, "allowed")
    assert list(last_records(effects)) == ["ok"]


# S36 S125 S128
def test_block_ends_as_blocked_with_its_reason() -> None:
    text = """
    steps:
      - {id: stop, block: {code: embargo, reason: "No ${country}"}}
      - {id: never, allow: {}}
    """
    execution, effects = started(a_definition(text), {"country": "KP"})
    assert (execution.status, execution.result) == (Status.BLOCKED, "blocked")
    assert execution.error is not None
    assert (execution.error.code, execution.error.message) == ("embargo", "No KP")
    record = last_records(effects)["stop"]
    assert record.status is StepStatus.COMPLETED
    output = {"action": "block", "success": True, "code": "embargo", "reason": "No KP"}
    assert record.output == output
    assert "never" not in last_records(effects)


# S36
def test_a_block_whose_reason_cannot_be_rendered_still_blocks() -> None:
    text = 'steps: [{id: stop, block: {code: embargo, reason: "${nowhere}"}}]'
    execution, _ = started(a_definition(text))
    assert execution.status is Status.BLOCKED
    assert execution.error is not None
    assert execution.error.message.startswith("embargo (")


# S36
def test_a_block_wins_over_an_earlier_allow() -> None:
    text = "steps: [{id: ok, allow: {}}, {id: stop, block: {code: no}}]"
    execution, _ = started(a_definition(text))
    assert (execution.status, execution.result) == (Status.BLOCKED, "blocked")


# S127 S129
@pytest.mark.parametrize(
    ("steps", "options", "result"),
    [
        ("{id: a, condition: {x: {eq: 1}}}", "", "allowed"),
        ("{id: a, condition: {x: {eq: 1}}}", "default_result: executed", "executed"),
        ("{id: a, execute: [{log: {message: m}}]}", "", "executed"),
        ("{id: a, execute: [{log: {message: m}}]}, {id: b, allow: {}}", "", "allowed"),
        ("{id: b, allow: {}}, {id: a, execute: [{log: {message: m}}]}", "", "allowed"),
        ("{id: a, when: {x: {eq: 1}}, execute: [{log: {message: m}}]}", "", "allowed"),
        ("{id: a, allow: {}}", "default_result: executed", "allowed"),
    ],
)
def test_the_result_follows_what_ran(steps: str, options: str, result: str) -> None:
    execution, _ = started(a_definition(f"{options}\nsteps: [{steps}]"))
    assert (execution.status, execution.result) == (Status.COMPLETED, result)


# S135
def test_a_step_whose_guard_is_false_is_skipped() -> None:
    definition = a_definition("""
    steps:
      - {id: a, when: {x: {eq: 1}}, block: {code: no}}
      - {id: b, condition: {steps.a.status: {eq: skipped}}, on_true: [{id: c, allow: {}}]}
    """)
    execution, effects = started(definition)
    statuses = {id: record.status for id, record in last_records(effects).items()}
    assert statuses["a"] is StepStatus.SKIPPED
    assert "c" in statuses
    assert announced(effects)[1] == "step.skipped"
    assert execution.status is Status.COMPLETED


# S18
def test_steps_of_one_turn_start_in_their_order_at_the_time_of_its_input() -> None:
    execution, effects = started(INLINE, {"total": 1})
    assert execution.completed_at is not None
    for number, record in enumerate(of_kind(effects, RecordStep), 1):
        at = execution.completed_at + timedelta(microseconds=number)
        assert record.started_at == record.completed_at == at
        assert record.first
    paths = [record.path for record in of_kind(effects, RecordStep)]
    assert paths == ["large", "large/no_one", "after"]


# S137
def test_step_types_are_the_predecessors() -> None:
    _, effects = started(INLINE, {"total": 101})
    types = {id: record.step_type for id, record in last_records(effects).items()}
    assert types["large"] == "condition"
    assert types["yes_one"] == types["yes_two"] == "action"


def test_a_strict_mismatch_fails_the_step() -> None:
    text = "steps: [{id: c, condition: {total: {gt: 1, strict: true}}}]"
    execution, effects = started(a_definition(text), {"total": "x"})
    assert execution.status is Status.FAILED
    assert execution.error is not None
    assert execution.error.code == "condition_mismatch"
    assert last_records(effects)["c"].status is StepStatus.FAILED
