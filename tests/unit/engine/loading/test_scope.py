"""Which references are refused, warned of, or fine (definitions.md, What reads back)."""

import pytest

from actions.definitions import examine

READER = '{ id: reader, execute: [{ log: { message: "%s" } }] }'
LOG = "execute: [{ log: { message: a } }]"


def findings(*steps: str, more: str = "") -> tuple[list[str], list[str]]:
    text = "name: t\ntrigger: { event: thing.made }\nsteps:\n"
    text += "".join(f"  - {step}\n" for step in steps) + more
    _, mistakes, warnings = examine(text, file="t.yaml")
    return [each.problem for each in mistakes], [each.problem for each in warnings]


WARNING = (
    "steps.first.output: the step 'first' may not have run; "
    "give a default: ${steps.first.output:-...}"
)


def test_an_earlier_step_of_the_same_list_may_be_read() -> None:
    reader = READER % "${steps.first.output}"
    assert findings(f"{{ id: first, {LOG} }}", reader) == ([], [])


@pytest.mark.parametrize(
    "before",
    [
        f"{{ id: first, when: {{ a: {{ eq: 1 }} }}, {LOG} }}",
        f"{{ id: c, condition: {{ a: {{ eq: 1 }} }}, on_true: [{{ id: first, {LOG} }}] }}",
    ],
)
def test_a_step_that_may_not_have_run_is_warned_of(before: str) -> None:
    assert findings(before, READER % "${steps.first.output}") == ([], [WARNING])


def test_a_step_that_a_jump_may_pass_over_is_warned_of() -> None:
    jump = "{ id: c, condition: { a: { eq: 1 } }, on_true: reader }"
    reader = READER % "${steps.first.output}"
    assert findings(jump, f"{{ id: first, {LOG} }}", reader) == ([], [WARNING])


def test_a_default_or_a_condition_needs_no_warning() -> None:
    before = f"{{ id: c, condition: {{ a: {{ eq: 1 }} }}, on_true: [{{ id: first, {LOG} }}] }}"
    after = "{ id: d, condition: { steps.first.output: { exists: true } } }"
    assert findings(before, READER % "${steps.first.output:-none}", after) == ([], [])


def test_a_branch_reads_the_steps_that_enclose_it() -> None:
    branch = READER % "${approvals.ask.decided_by}"
    step = f"{{ id: ask, approval: {{ title: t, roles: [a] }}, on_approved: [{branch}] }}"
    assert findings(step) == ([], [])


def test_a_block_reads_its_own_approval_in_its_reason_but_not_in_its_title() -> None:
    block = '{ id: b, block: { code: c, reason: "%s", approval: { title: "%s", roles: [a] } } }'
    own = "${approvals.b.reason:-none}"
    assert findings(block % (own, "t")) == ([], [])
    refused = "approvals.b.reason: the step 'b' does not run before this one"
    assert findings(block % ("r", own)) == ([refused], [])


def test_on_error_of_the_workflow_may_read_any_step_with_a_default() -> None:
    first = f"{{ id: first, {LOG} }}"
    sound = f"on_error:\n  - {READER % '${steps.first.output:-none}'}\n"
    doubtful = f"on_error:\n  - {READER % '${steps.first.output}'}\n"
    assert findings(first, more=sound) == ([], [])
    assert findings(first, more=doubtful) == ([], [WARNING])


def test_steps_may_not_read_what_runs_only_on_error() -> None:
    more = f"on_error:\n  - {{ id: first, {LOG} }}\n"
    refused = "steps.first.output: the step 'first' does not run before this one"
    assert findings(READER % "${steps.first.output}", more=more) == ([refused], [])


def test_a_trigger_that_reads_a_step_is_warned_of() -> None:
    text = "name: t\ntrigger: { event: a, key: '${steps.x.id}' }\nsteps: [{ id: x, allow: {} }]\n"
    _, mistakes, warnings = examine(text, file="t.yaml")
    assert mistakes == []
    assert [str(each) for each in warnings] == [
        "t.yaml:2:22: steps.x.id: here this is a field of the event; no step has run yet"
    ]
