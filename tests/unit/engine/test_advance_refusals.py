"""Every refusal of a decision (interfaces.md, Receipt; security.md, order of checks)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engine.advance import advance
from engine.effects import Refuse
from engine.execution import Execution, Status
from engine.ids import WaitId
from tests.builders import (
    NOW,
    Outcome,
    a_decision,
    a_definition,
    an_execution,
    cancelled,
    decided,
    expired,
    later,
    one,
    started,
    the_wait,
)

DEFINITION = a_definition("""
steps:
  - id: boss
    approval:
      title: "Order ${id}"
      roles: [manager]
      users: [dan]
      exclude: [mallory]
      expires_in: 24h
  - {id: after, allow: {}}
""")
PAYLOAD = {"id": "o1", "requested_by": "bob"}
PAUSED = started(DEFINITION, PAYLOAD)[0]
OPEN = the_wait(PAUSED)


def refused(execution: Execution, given: Outcome) -> str:
    """Return the code of the only effect; the execution must be as it was."""
    after, effects = given
    assert after == execution
    assert len(effects) == 1
    return one(effects, Refuse).code


# S141
@pytest.mark.parametrize(("late_by", "taken"), [(-1, True), (0, False), (1, False)])
def test_expiry_is_judged_by_when_the_broker_took_the_decision(late_by: int, taken: bool) -> None:
    received_at = later(hours=24) + timedelta(milliseconds=late_by)
    given = decided(DEFINITION, PAUSED, at=later(hours=30), received_at=received_at)
    if taken:
        assert given[0].status is Status.COMPLETED
    else:
        assert refused(PAUSED, given) == "expired"


# S141
def test_a_decision_after_the_timer_is_refused_as_expired() -> None:
    execution, _ = expired(DEFINITION, PAUSED)
    given = decided(DEFINITION, execution, request_id=OPEN.id, at=later(days=2))
    assert refused(execution, given) == "expired"


# S106
@pytest.mark.parametrize("first", ["approved", "rejected"])
def test_a_second_decision_is_refused_as_already_decided(first: str) -> None:
    execution, _ = decided(DEFINITION, PAUSED, first)
    assert refused(execution, decided(DEFINITION, execution, request_id=OPEN.id)) == (
        "already_decided"
    )


# S142
def test_a_decision_after_cancel_is_refused_as_cancelled() -> None:
    execution, _ = cancelled(DEFINITION, PAUSED)
    given = decided(DEFINITION, execution, request_id=OPEN.id)
    assert refused(execution, given) == "cancelled"


def test_a_decision_without_request_after_the_end_is_refused_as_finished() -> None:
    execution, _ = decided(DEFINITION, PAUSED)
    given = decided(DEFINITION, execution, request_id=None)
    assert refused(execution, given) == "execution_finished"


def test_a_request_that_nobody_opened_is_unknown() -> None:
    given = decided(DEFINITION, PAUSED, request_id=WaitId("w_" + "0" * 32))
    assert refused(PAUSED, given) == "unknown"


def test_a_decision_before_the_start_is_unknown() -> None:
    pending = an_execution(DEFINITION, PAYLOAD)
    assert refused(pending, decided(DEFINITION, pending, request_id=OPEN.id)) == "unknown"


def test_a_wait_that_is_no_approval_takes_no_decision() -> None:
    definition = a_definition("steps: [{id: w, wait: {for: 1h}}]")
    execution, _ = started(definition)
    assert refused(execution, decided(definition, execution)) == "unknown"
    assert refused(execution, decided(definition, execution, request_id=None)) == "unknown"


def test_a_decision_without_request_means_the_only_open_one() -> None:
    execution, _ = decided(DEFINITION, PAUSED, request_id=None)
    assert execution.status is Status.COMPLETED


def test_a_decision_without_request_is_refused_where_several_are_open() -> None:
    other = replace(OPEN, id=WaitId("w_" + "1" * 32))
    execution = replace(PAUSED, waits={OPEN.id: OPEN, other.id: other})
    given = decided(DEFINITION, execution, request_id=None)
    assert refused(execution, given) == "unknown"
    assert other.id in one(given[1], Refuse).message


# S51
def test_a_decision_about_other_content_is_refused() -> None:
    given = decided(DEFINITION, PAUSED, request_hash="sha256:" + "0" * 64)
    assert refused(PAUSED, given) == "content_changed"


def test_a_decision_with_the_right_hash_is_applied() -> None:
    execution, _ = decided(DEFINITION, PAUSED, request_hash=OPEN.record["request_hash"])
    assert execution.status is Status.COMPLETED


def test_the_requester_may_not_decide() -> None:
    assert refused(PAUSED, decided(DEFINITION, PAUSED, decided_by="bob")) == "self_approval"


def test_the_requester_may_decide_where_the_definition_says_so() -> None:
    definition = a_definition("""
    steps: [{id: a, approval: {title: T, anyone: true, allow_requester: true}}]
    """)
    execution, _ = started(definition, PAYLOAD)
    execution, _ = decided(definition, execution, decided_by="bob")
    assert execution.status is Status.COMPLETED


# S51
@pytest.mark.parametrize(
    "more",
    [
        {"decided_by": "mallory"},
        {"decided_by": "mallory", "roles": frozenset({"manager"})},
        {"roles": frozenset({"clerk"})},
        {"roles": frozenset()},
        {"on_behalf_of": "dan"},
        {"decided_by": "dan", "on_behalf_of": "ada"},
    ],
)
def test_who_may_not_decide_is_refused(more: dict[str, Any]) -> None:
    assert refused(PAUSED, decided(DEFINITION, PAUSED, **more)) == "not_allowed"


# S51
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"roles": frozenset({"manager", "clerk"})},
        {"decided_by": "dan", "roles": frozenset()},
    ],
)
def test_who_may_decide_is_heard(more: dict[str, Any]) -> None:
    assert decided(DEFINITION, PAUSED, **more)[0].status is Status.COMPLETED


# S51
def test_a_request_for_users_alone_takes_no_one_else() -> None:
    definition = a_definition("steps: [{id: a, approval: {title: T, users: [dan]}}]")
    execution, _ = started(definition)
    assert refused(execution, decided(definition, execution)) == "not_allowed"
    given = decided(definition, execution, roles=frozenset({"manager"}))
    assert refused(execution, given) == "not_allowed"
    assert decided(definition, execution, decided_by="dan")[0].status is Status.COMPLETED


@pytest.mark.parametrize("outcome", ["", "Approved", "expired", "cancelled", "accept"])
def test_an_outcome_that_the_request_does_not_offer_is_refused(outcome: str) -> None:
    assert refused(PAUSED, decided(DEFINITION, PAUSED, outcome)) == "invalid_outcome"


def test_own_outcomes_replace_approved_and_rejected() -> None:
    definition = a_definition("""
    steps: [{id: a, approval: {title: T, anyone: true, outcomes: [yes_please, no_thanks]}}]
    """)
    execution, _ = started(definition)
    assert refused(execution, decided(definition, execution, "approved")) == "invalid_outcome"
    assert decided(definition, execution, "no_thanks")[0].status is Status.COMPLETED


def test_a_form_that_its_schema_refuses_is_refused() -> None:
    given = decided(DEFINITION, PAUSED, form_problem="discount: 20 is above 15")
    assert refused(PAUSED, given) == "invalid_form"
    assert one(given[1], Refuse).message == "discount: 20 is above 15"


def test_checks_stop_at_the_first_that_fails() -> None:
    wrong: dict[str, Any] = {
        "received_at": later(days=2),
        "request_hash": "x",
        "decided_by": "bob",
        "outcome": "maybe",
        "form_problem": "bad",
    }
    right = a_decision(PAUSED)
    codes = []
    for field in wrong:
        given = replace(a_decision(PAUSED), **wrong)
        codes.append(refused(PAUSED, advance(DEFINITION, PAUSED, given)))
        wrong[field] = getattr(right, field)
    expected = ["expired", "content_changed", "self_approval", "invalid_outcome", "invalid_form"]
    assert codes == expected


# S126
def test_a_cancel_after_the_end_is_refused() -> None:
    execution, _ = decided(DEFINITION, PAUSED)
    assert refused(execution, cancelled(DEFINITION, execution)) == "execution_finished"
    assert execution.completed_at == NOW
