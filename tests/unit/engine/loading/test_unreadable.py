"""References that never have a value: a mistake where one is needed, else a warning."""

import pytest

from actions.definitions import examine

HEAD = "name: t\ntrigger: { event: thing.made }\nsteps:\n"
LOG = 'execute: [ { log: { message: "%s" } } ]'
ASK = "{ id: two, condition: { %s: { exists: true } } }"
NAP = "{ id: one, wait: { for: 1m } }"
AWAIT = "{ id: one, wait: { event: a.b, timeout: 1h }, on_timeout: [ %s ] }"
LATE = "{ id: late, block: { code: late } }"
FORK = "{ id: one, parallel: { branches: { left: [ { id: in_left, allow: {} } ] } } }"
LOOP = '{ id: one, for_each: { in: "${l}", steps: [ { id: inside, %s } ] } }'
AGAIN = "{ id: one, repeat: { steps: [ { id: inside, %s } ], until: { a: { eq: 1 } }, max: 2 } }"
ALLOW = "{ id: one, allow: {} }"


def log(path: str) -> str:
    return LOG % f"${{{path}}}"


def findings(*steps: str) -> tuple[list[str], list[str]]:
    text = HEAD + "".join(f"  - {step}\n" for step in steps)
    _, mistakes, warnings = examine(text, file="t.yaml")
    return [each.problem for each in mistakes], [each.problem for each in warnings]


@pytest.mark.parametrize(
    ("path", "before", "problem"),
    [
        ("error.message", ALLOW, "there is an error only in on_error"),
        ("execution.workflw", ALLOW, "execution has no 'workflw'; did you mean workflow?"),
        ("event.meta.tipe", ALLOW, "event.meta has no 'tipe'; did you mean type?"),
        ("steps.one.branches.left", ALLOW, "the step 'one' has no branches"),
        ("steps.one.items", ALLOW, "the step 'one' has no items"),
        ("steps.one.rounds", FORK, "the step 'one' has no rounds"),
        ("steps.one.branches.lefd", FORK, "the step 'one' has no 'lefd'; did you mean left?"),
        ("waits.one.event.id", NAP, "the step 'one' waits for a time, not for an event"),
    ],
)
def test_what_is_never_there_is_a_mistake_where_it_is_needed_and_else_a_warning(
    path: str, before: str, problem: str
) -> None:
    (needed,), none = findings(before, f"{{ id: two, {log(path)} }}")
    assert (needed.startswith(f"{path}: {problem}"), none) == (True, [])
    for optional in (f"{{ id: two, {log(path + ':-none')} }}", ASK % path):
        nothing, (odd,) = findings(before, optional)
        assert (odd.startswith(f"{path}: {problem}"), nothing) == (True, [])


@pytest.mark.parametrize(
    "path",
    ["execution.id", "event.meta.subject", "meta.foo", "steps.one.branches.left", "execution"],
)
def test_what_is_there_is_fine(path: str) -> None:
    assert findings(FORK, f"{{ id: two, {log(path)} }}") == ([], [])


def test_an_error_is_read_in_on_error_by_its_parts() -> None:
    step = "{ id: one, workflow: { name: other }, on_error: [ { id: two, %s } ] }"
    assert findings(step % log("error.code")) == ([], [])
    (mistake,), _ = findings(step % log("error.msg"))
    assert mistake.startswith("error.msg: error has no 'msg'; did you mean message?")


def test_a_wait_looks_at_the_error_of_the_event_itself() -> None:
    assert findings("{ id: one, wait: { event: a.b, when: { error.code: { eq: x } } } }") == (
        [],
        [],
    )


def test_no_event_has_come_where_on_timeout_runs() -> None:
    (mistake,), _ = findings(AWAIT % f"{{ id: two, {log('waits.one.event.id')} }}")
    assert mistake == "waits.one.event.id: no event has come where on_timeout of 'one' runs"


@pytest.mark.parametrize(
    "ending",
    [
        LATE,
        f"{{ id: told, allow: {{}} }}, {LATE}",
        "{ id: enough, allow: { stop: true } }",
        "{ id: c, condition: { a: { eq: 1 } }, on_true: [ { id: stop, block: { code: s } } ] }, "
        + LATE,
    ],
)
def test_behind_a_wait_whose_on_timeout_ends_there_is_an_event(ending: str) -> None:
    after = f"{{ id: two, {log('waits.one.event.id')} }}"
    assert findings(AWAIT % ending, after) == ([], [])


@pytest.mark.parametrize(
    "going_on",
    [
        "{ id: told, allow: {} }",
        "{ id: perhaps, when: { a: { eq: 1 } }, block: { code: late } }",
        "{ id: c, condition: { a: { eq: 1 } }, on_true: [ { id: stop, block: { code: s } } ] }",
        f"{{ id: c, condition: {{ a: {{ eq: 1 }} }}, on_true: last }}, {LATE}, "
        "{ id: last, allow: {} }",
    ],
)
def test_behind_a_wait_that_goes_on_without_an_event_a_default_is_needed(going_on: str) -> None:
    after = f"{{ id: two, {log('waits.one.event.id')} }}"
    mistakes, (warning,) = findings(AWAIT % going_on, after)
    assert mistakes == []
    assert "may have run out of time without an event; give a default" in warning


@pytest.mark.parametrize(
    ("loop", "part"), [(LOOP, "items"), (LOOP, "output"), (AGAIN, "output"), (AGAIN, "rounds")]
)
def test_what_a_loop_comes_to_is_not_read_inside_of_it(loop: str, part: str) -> None:
    (mistake,), _ = findings(loop % log(f"steps.one.{part}"))
    assert "only when the step 'one' has ended, not inside of it" in mistake


def parallel(more: str = "", inside: str = f"{{ id: first, {LOG % 'hi'} }}") -> str:
    return f"{{ id: one, parallel: {{ {more} branches: {{ left: [ {inside} ] }} }} }}"


def test_all_branches_of_a_parallel_step_have_run_behind_it() -> None:
    reader = f"{{ id: two, {log('steps.first.output')} }}"
    assert findings(parallel(), reader) == ([], [])
    inner = f"{{ id: p, parallel: {{ branches: {{ b: [ {{ id: first, {LOG % 'hi'} }} ] }} }} }}"
    assert findings(parallel(inside=inner), reader) == ([], [])


@pytest.mark.parametrize(
    "step",
    [
        parallel("strategy: any,"),
        parallel("strategy: all_settled,"),
        parallel(inside=f"{{ id: first, when: {{ a: {{ eq: 1 }} }}, {LOG % 'hi'} }}"),
        parallel()[:-1] + ", on_error: [ { id: mended, allow: {} } ] }",
        parallel()[:-1] + ", when: { a: { eq: 1 } } }",
    ],
)
def test_a_branch_that_may_not_have_run_is_warned_of(step: str) -> None:
    mistakes, (warning,) = findings(step, f"{{ id: two, {log('steps.first.output')} }}")
    assert mistakes == []
    assert "the step 'first' may not have run" in warning


def test_before_the_first_step_nothing_has_failed() -> None:
    text = (
        "name: t\ntrigger: { event: a.b }\nsteps: [ { id: one, allow: {} } ]\n"
        "context:\n  derive:\n    late: { error.code: { eq: timeout } }\n"
        '    day: { value: "${execution.dat}" }\n'
    )
    _, mistakes, warnings = examine(text, file="t.yaml")
    assert mistakes == []
    day, late = sorted(each.problem for each in warnings)[::-1]
    assert late.startswith("error.code: there is an error only in on_error")
    assert day.startswith("execution.dat: execution has no 'dat'; did you mean date?")
