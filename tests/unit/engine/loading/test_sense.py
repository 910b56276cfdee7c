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
