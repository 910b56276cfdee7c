"""`sluicegate test`: votes, delegates, claims, reminders, escalation, and what operators do."""

from pathlib import Path

import pytest

from tests.unit.cli.rehearsed import check, said, ways

SIGN = """\
name: sign
trigger: {event: deal.made}
steps:
  - id: sign
    approval:
      title: Sign
      %s
  - {id: done, allow: {}}
"""
START = "given: {event: {type: deal.made, data: {id: d1, requested_by: eva}}}"
NUDGED = "roles: [boss], expires_in: 9h, remind_every: 2h, escalate: {after: 5h, users: [cy]}"
CALL = """\
name: call
trigger: {event: deal.made}
steps:
  - id: call
    execute: [{webhook: {url: "https://x.example", idempotent: %s}}]
    retry: {max: 3, base: 1h, backoff: fixed, jitter: none}
  - {id: paid, wait: {event: bank.paid, match: {id: "${id}"}}}
  - {id: done, allow: {}}
"""


def problems(
    folder: Path, capsys: pytest.CaptureFixture[str], definition: str, rest: str
) -> list[str]:
    """Return what one test of a definition complains of."""
    lines = "\n".join(f"  {line}" for line in rest.strip("\n").splitlines())
    return said(check(folder, capsys, definition, f"- name: one\n  {START}\n{lines}\n"))


# S112
def test_a_decision_may_be_short_as_on_the_topic(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    form = "anyone: true, form: {n: {type: integer}}, required_fields: [n]"
    rest = """
then: [{decide: {step: sign, by: ana, outcome: reject}}]
expect: {status: blocked}
"""
    definition = SIGN % form.replace(", ", "\n      ", 1).replace(", req", "\n      req")
    assert problems(tmp_path, capsys, definition, rest) == []


# D21
@pytest.mark.parametrize(
    ("policy", "votes", "end"),
    [
        (
            "roles: [boss], policy: {n_of: 2}",
            ["{step: sign, by: ana}", "{step: sign, by: bo}"],
            "completed",
        ),
        (
            "roles: [boss], policy: {n_of: 2, veto: true}",
            ["{step: sign, by: ana}", "{step: sign, by: bo, outcome: rejected}"],
            "blocked",
        ),
        (
            "users: [ana, bo, cy], policy: {percent: 60, of: [ana, bo, cy]}",
            ["{step: sign, by: ana}", "{step: sign, by: cy}"],
            "completed",
        ),
        (
            "roles: [legal, risk], policy: {all: [legal, risk]}",
            ["{step: sign, by: ana, roles: [risk]}", "{step: sign, by: bo, roles: [legal]}"],
            "completed",
        ),
        (
            "policy: {sequence: [{users: [ana]}, {users: [bo]}]}",
            ["{step: sign, by: ana}", "{step: sign, by: bo}"],
            "completed",
        ),
    ],
)
def test_an_approval_that_needs_several_votes_stays_open_until_they_decide_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], policy: str, votes: list[str], end: str
) -> None:
    first, last = votes
    rest = f"""
then:
  - decide: {first}
    expect: {{status: paused, waiting_for: [{{step: sign}}]}}
  - decide: {first}
    expect: {{refused: not_allowed}}
  - decide: {last}
    expect: {{status: {end}}}
  - decide: {last}
    expect: {{refused: already_decided}}
expect: {{}}
"""
    assert (
        problems(tmp_path, capsys, SIGN % policy.replace(", policy", "\n      policy"), rest) == []
    )


def test_how_far_the_votes_have_come_can_be_expected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = """
then:
  - decide: {step: sign, by: ana, reason: Fine}
expect:
  waiting_for:
    - step: sign
      have: 1
      needed: 3
      votes: [{by: ana, outcome: approved, reason: Fine}]
"""
    definition = SIGN % "roles: [boss]\n      policy: {n_of: 3}"
    assert problems(tmp_path, capsys, definition, rest) == []
    assert problems(tmp_path, capsys, definition, rest.replace("have: 1", "have: 2")) == [
        "expected 2, got 1"
    ]


def test_somebody_may_decide_for_another_only_while_a_delegation_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = """
delegations: [{user: ana, delegate: bo, since: 1h, until: "2026-01-05T11:00:00Z"}]
then:
  - decide: {step: sign, by: bo, on_behalf_of: ana}
    expect: {refused: not_allowed}
  - decide: {step: sign, by: cy, on_behalf_of: ana, at: 1h}
    expect: {refused: not_allowed}
  - decide: {step: sign, by: bo, on_behalf_of: ana, at: %s}
expect: {context: {approvals.sign: {decided_by: bo, decided_for: ana}}}
"""
    definition = SIGN % "users: [ana]"
    assert problems(tmp_path, capsys, definition, rest % "1h") == []
    (late,) = problems(tmp_path, capsys, definition, rest % "2h")
    assert late.startswith("refused: not_allowed: the delegation from ana to bo does not hold")


def test_a_claim_and_a_new_assignment_are_seen_in_the_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = """
then:
  - claim: {step: sign, by: ana}
    expect: {waiting_for: [{step: sign, claimed_by: ana}]}
  - claim: {step: sign, by: bo}
    expect: {refused: not_allowed}
  - reassign: {step: sign, by: ana, to: [bo]}
    expect: {waiting_for: [{step: sign, users: [bo], roles: [], claimed_by: null}]}
  - decide: {step: sign, by: cy}
    expect: {refused: not_allowed}
  - decide: {step: sign, by: bo}
  - claim: {step: sign, by: bo}
    expect: {refused: already_decided}
expect: {status: completed}
"""
    assert problems(tmp_path, capsys, SIGN % "roles: [boss]", rest) == []


def test_time_jumps_go_through_reminders_and_escalation_to_the_expiry(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = """
then:
  - after: 119m
    expect: {waiting_for: [{step: sign, reminders: 0, escalated: false, users: []}]}
  - after: 1m
    expect: {waiting_for: [{step: sign, reminders: 1}]}
  - decide: {step: sign, by: cy, roles: []}
    expect: {refused: not_allowed}
  - after: 3h
    expect: {waiting_for: [{step: sign, reminders: 2, escalated: true, users: [cy]}]}
  - after: 210m
    expect: {waiting_for: [{step: sign, reminders: 4}]}
  - %s
expect: {status: %s}
"""
    definition = SIGN % NUDGED.replace(", ", "\n      ", 3)
    decided = rest % ("decide: {step: sign, by: cy, roles: []}", "completed")
    assert problems(tmp_path, capsys, definition, decided) == []
    assert problems(tmp_path, capsys, definition, rest % ("after: 30m", "blocked")) == []


# S93
def test_an_operator_holds_an_execution_and_lets_it_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = """
then:
  - hold: {by: ops, reason: Look first}
  - decide: {step: sign, by: ana}
    expect: {status: paused, not_run: [done]}
  - hold: {by: ops}
    expect: {refused: already_held}
  - resume: {by: ops}
expect: {status: completed, path: [sign, done]}
"""
    assert problems(tmp_path, capsys, SIGN % "roles: [boss]", rest) == []


# S94
@pytest.mark.parametrize(
    ("move", "expect"),
    [
        ("resume: {by: ops, data: {paid: 5}}", "{context: {waits.paid.event: {paid: 5}}}"),
        ("resume: {from_step: done}", "{path: [call, paid, done]}"),
        ("skip: {step: paid}", "{context: {steps.paid.status: skipped}}"),
    ],
)
def test_an_operator_lets_an_execution_go_on_without_what_it_waits_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], move: str, expect: str
) -> None:
    rest = f"""
then:
  - {move}
    expect: {{status: completed}}
  - skip: {{}}
    expect: {{refused: execution_finished}}
expect: {expect}
"""
    assert problems(tmp_path, capsys, CALL % "true", rest) == []


# D28
def test_a_call_in_doubt_waits_for_an_operator_unless_it_can_be_made_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = """
stubs: {call: [{in_doubt: true}, {status: 200}]}
then: [{retry: {step: call, by: ops}, expect: %s}]
expect: {waiting_for: [paid]}
"""
    assert problems(tmp_path, capsys, CALL % "false", rest % "{status: paused}") == []
    assert problems(tmp_path, capsys, CALL % "true", rest % "{refused: not_failed}") == []
    rest = "stubs: {call: {in_doubt: true}}\nexpect: {}\n"
    assert problems(tmp_path, capsys, CALL % "true", rest) == [
        "stubs call is tried again after a doubt: say what it answers then"
    ]


def test_a_step_that_an_operator_skips_does_not_count_as_guarded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    definition = (CALL % "true").replace("- {id: paid,", "- {id: paid, when: {id: {eq: d1}},")
    tests = f"- {{name: one, {START}, then: [{{skip: {{step: paid}}}}], expect: {{}}}}\n"
    report = check(tmp_path, capsys, definition, tests)
    assert said(report) == []
    assert ways(report) == ([], ["paid: event", "paid: when: false"])
