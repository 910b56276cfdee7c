"""Conditions and branches that mean nothing are warned of, where they stand."""

import pytest

from actions.definitions import examine

TEXT = """\
name: t
trigger: {{ event: t.asked }}
steps:
  - id: one
    condition: {condition}
    on_true: [ {{ id: yes_, allow: {{}} }} ]
"""
APPROVAL = """\
name: t
trigger: { event: t.asked }
steps:
  - id: one
    approval: { title: T, roles: [r]EXPIRY }
    BRANCH
"""
LATE = "[ { id: late, block: { code: late, reason: late } } ]"


@pytest.mark.parametrize(
    ("condition", "column", "problem"),
    [
        ("{ all: [] }", 18, "all without conditions is always true"),
        ("{ any: [ { not: { or: [] } } ] }", 34, "or without conditions is never true"),
        ("{ total: { between: [5, 1] } }", 27, "never true: 5 is above 1"),
        ("{ field: total, operator: in, value: [] }", 46, "in with an empty list"),
        ("{ total: { between: ['${low}', 1] } }", None, ""),
        ("{ total: { between: [a, null] } }", 27, "never true: between compares"),
        ("{ total: { between: [1, z] } }", 27, "never true: one bound is a text"),
        ("{ total: { between: [a, z] } }", None, ""),
        ("{ total: { gt: null } }", 27, "never true: gt compares numbers, instants or texts"),
        ("{ total: { gte: [1] } }", 27, "never true: gte compares numbers, instants or texts"),
        ("{ total: { lt: true } }", 27, "never true: lt compares numbers, instants or texts"),
        ("{ total: { lte: { a: 1 } } }", 27, "never true: lte compares numbers"),
        ("{ field: total, operator: gt, value: null }", 46, "never true: gt compares numbers"),
        ("{ total: { gt: 5 }, name: { lt: m }, at: { gt: '${since}' } }", None, ""),
        ("{ total: { starts_with: 5 } }", 27, "never true: starts_with compares texts; put 5 in"),
        ("{ total: { ends_with: [a] } }", 27, "never true: ends_with compares texts"),
        ("{ total: { ends_with: '5' } }", None, ""),
        ("{ total: { contains: null } }", 27, "never true: nothing contains null"),
        ("{ total: { contains: 5, eq: null, neq: null } }", None, ""),
        ("{ total: { in: [null] } }", 27, "never true: null is in no list"),
        ("{ total: { in: [null, 1] } }", None, ""),
        ("{ total: { between: [1, 1] } }", None, ""),
    ],
)
def test_a_condition_that_is_always_the_same_is_warned_of(
    condition: str, column: int | None, problem: str
) -> None:
    _, mistakes, warnings = examine(TEXT.format(condition=condition), file="t.yaml")
    assert mistakes == []
    if column is None:
        assert warnings == []
        return
    (warning,) = warnings
    assert (warning.line, warning.column) == (5, column)
    assert problem in warning.problem


@pytest.mark.parametrize("branch", [f"on_expired: {LATE}", f"on: {{ expired: {LATE} }}"])
@pytest.mark.parametrize("expiry", ["", ", expires_in: 5m"])
def test_a_branch_of_an_expiry_that_cannot_come_is_warned_of(branch: str, expiry: str) -> None:
    text = APPROVAL.replace("EXPIRY", expiry).replace("BRANCH", branch)
    _, mistakes, warnings = examine(text, file="t.yaml")
    assert (mistakes, len(warnings)) == ([], 0 if expiry else 1)
    assert all("never taken" in warning.problem for warning in warnings)


STEPS = "name: t\ntrigger: { event: t.asked }\nsteps:\n"
BLOCK = "{ id: one, block: { code: c }%s }"
JUMP = "{ id: zero, condition: { a: { eq: 1 } }, on_true: two }"
TWO, THREE = "{ id: two, allow: {} }", "{ id: three, allow: {} }"


def warned(*steps: str) -> list[str]:
    text = STEPS + "".join(f"  - {step}\n" for step in steps)
    _, mistakes, warnings = examine(text, file="t.yaml")
    assert mistakes == []
    return [f"{each.line}:{each.column}: {each.problem}" for each in warnings]


@pytest.mark.parametrize("last", [BLOCK % "", "{ id: one, allow: { stop: true } }"])
def test_steps_behind_the_end_are_warned_of_once(last: str) -> None:
    problem = "5:5: this never runs: the step 'one' before it ends the execution"
    assert warned(last, TWO, THREE) == [problem]


@pytest.mark.parametrize(
    "steps",
    [
        (JUMP, BLOCK % "", TWO, THREE),
        (BLOCK % ", when: { a: { eq: 1 } }", TWO),
        (BLOCK % ", on_error: [ { id: mended, allow: {} } ]", TWO),
        ("{ id: one, block: { code: c, approval: { title: t, roles: [r] } } }", TWO),
        ("{ id: zero, condition: { a: { eq: 1 } }, on_true: [ %s ] }" % (BLOCK % ""), TWO),
    ],
)
def test_steps_that_can_be_reached_are_not(steps: tuple[str, ...]) -> None:
    assert warned(*steps) == []


def test_an_empty_title_and_a_key_that_is_more_than_a_secret_are_warned_of() -> None:
    send = '{ id: two, execute: [ { webhook: { url: "https://a.b/", sign: "%s" } } ] }'
    ask = '{ id: one, approval: { title: " ", roles: [r] } }'
    title, key = warned(ask, send % "pre-${secrets.K}")
    assert title == "4:28: nobody sees what is asked: the title is empty"
    assert key.startswith("5:61: what stands around the secret becomes part of the key")
    assert warned(send % "${secrets.NEW} ${secrets.OLD}") == []
