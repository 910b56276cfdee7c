"""Where an operator may not go on, and what a skipped child leaves (requirements.md S93, S94)."""

from engine.advance import advance
from engine.definition import Definition
from engine.effects import (
    CancelChild,
    DropEffect,
    Perform,
    Refuse,
    StartChild,
    StartTimer,
    StopTimer,
)
from engine.execution import Execution, Status
from engine.inputs import CancelRequested, HoldRequested, ResumeRequested, SkipRequested
from tests.builders import NOW, a_definition, failed, of_kind, one, started, succeeded

HOLD = HoldRequested(NOW, "olga")
CALL = 'execute: [{webhook: {url: "https://x.example/"}}]'


def refused(definition: Definition, execution: Execution, step: str) -> str:
    """Return the code with which going on at a step is refused."""
    given = ResumeRequested(NOW, "olga", {}, step)
    after, effects = advance(definition, execution, given)
    assert after == execution
    return one(effects, Refuse).code


# S94
def test_nobody_resumes_at_a_step_of_the_workflows_on_error() -> None:
    definition = a_definition(f"""
    on_error: [{{id: told, allow: {{}}}}]
    steps: [{{id: paid, wait: {{event: paid}}}}, {{id: last, {CALL}}}]
    """)
    execution, _ = started(definition)
    assert refused(definition, execution, "told") == "unknown_step"


# S94
def test_nobody_resumes_at_a_step_before_the_one_under_way() -> None:
    definition = a_definition("""
    steps:
      - {id: choose, condition: {total: {exists: false}}, on_true: paid}
      - {id: passed, allow: {}}
      - {id: paid, wait: {event: paid}}
    """)
    execution, _ = started(definition)
    assert refused(definition, execution, "passed") == "unknown_step"
    assert refused(definition, execution, "paid") == "unknown_step"


# S94
def test_nobody_resumes_elsewhere_while_compensations_run() -> None:
    definition = a_definition(f"""
    steps:
      - id: call
        {CALL}
        compensate: [{{id: pause, wait: {{for: 1h}}}}]
      - {{id: paid, wait: {{event: paid}}}}
      - {{id: last, allow: {{}}}}
    """)
    execution, effects = started(definition)
    execution, _ = succeeded(definition, execution, one(effects, Perform))
    execution, _ = advance(
        definition, execution, CancelRequested(NOW, "olga", None, compensate=True)
    )
    assert execution.status is Status.PAUSED
    assert refused(definition, execution, "last") == "not_allowed"


# S94
def test_nobody_resumes_elsewhere_while_resources_are_read() -> None:
    definition = a_definition("""
    context: {load: {rates: {resource: rates, id: "1"}}}
    steps: [{id: first, allow: {}}, {id: last, allow: {}}]
    """)
    execution, _ = started(definition)
    execution, _ = advance(definition, execution, HOLD)
    assert refused(definition, execution, "last") == "not_allowed"


# S94
def test_nobody_resumes_at_a_step_once_the_last_one_is_over() -> None:
    definition = a_definition(f"""
    steps:
      - {{id: choose, condition: {{total: {{exists: false}}}}, on_true: call}}
      - {{id: passed, allow: {{}}}}
      - {{id: call, {CALL}}}
    """)
    execution, effects = started(definition)
    execution, _ = advance(definition, execution, HOLD)
    execution, _ = succeeded(definition, execution, one(effects, Perform))
    assert refused(definition, execution, "passed") == "unknown_step"


# S94
def test_nobody_resumes_elsewhere_once_a_held_execution_has_failed() -> None:
    definition = a_definition(f"steps: [{{id: call, {CALL}}}, {{id: last, allow: {{}}}}]")
    execution, effects = started(definition)
    execution, _ = advance(definition, execution, HOLD)
    execution, _ = failed(definition, execution, one(effects, Perform))
    assert refused(definition, execution, "last") == "not_allowed"


CHILD = a_definition("steps: [{id: child, workflow: {name: other}, timeout: 1h}]")


# S135
def test_a_skipped_workflow_step_cancels_its_child_and_its_limit_of_time() -> None:
    execution, begun = started(CHILD)
    execution, effects = advance(CHILD, execution, SkipRequested(NOW, "olga"))
    assert execution.status is Status.COMPLETED
    assert one(effects, CancelChild).id == one(begun, StartChild).id
    assert one(effects, StopTimer).id == one(begun, StartTimer).id
    assert not of_kind(effects, DropEffect)


# S126
def test_a_cancelled_execution_stops_the_limit_of_time_of_its_child() -> None:
    execution, begun = started(CHILD)
    _, effects = advance(CHILD, execution, CancelRequested(NOW, "olga"))
    assert one(effects, CancelChild).id == one(begun, StartChild).id
    assert one(effects, StopTimer).id == one(begun, StartTimer).id


SIGNED = a_definition("""
steps:
  - {id: first, wait: {event: paid}}
  - id: both
    parallel:
      branches:
        people: [{id: sign, approval: {title: Pay, roles: [boss]}}]
        money: [{id: counted, wait: {event: counted}}]
  - {id: pay, allow: {}}
""")
MAYBE = a_definition("""
steps:
  - {id: first, wait: {event: paid}}
  - id: large
    condition: {amount: {gt: 5}}
    on_true: [{id: sign, approval: {title: Pay, roles: [boss]}}]
  - {id: pay, allow: {}}
""")


# S94
def test_nobody_resumes_behind_an_approval_that_was_not_answered() -> None:
    execution, _ = started(SIGNED)
    assert refused(SIGNED, execution, "pay") == "waits_for_approval"
    after, _ = advance(SIGNED, execution, ResumeRequested(NOW, "olga", {}, "both"))
    assert [wait.kind for wait in after.waits.values()] == ["approval", "event"]


# S94
def test_an_approval_that_may_not_be_asked_for_does_not_stop_who_goes_on_behind_it() -> None:
    execution, _ = started(MAYBE)
    after, _ = advance(MAYBE, execution, ResumeRequested(NOW, "olga", {}, "pay"))
    assert after.status is Status.COMPLETED
