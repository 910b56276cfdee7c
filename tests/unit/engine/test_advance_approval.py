"""What approvals open and where their outcomes lead (requirements.md D1, D5, D6, S51, S111)."""

import pytest

from engine.canonical import request_hash
from engine.definition import Definition
from engine.effects import Accept, Announce, CloseWait, OpenWait, StartTimer, StopTimer, WriteLog
from engine.execution import Closed, Failure, Status, StepStatus
from tests.builders import (
    NOW,
    a_definition,
    announced,
    decided,
    expired,
    last_records,
    later,
    of_kind,
    one,
    started,
    step_state,
    the_wait,
)

PLAIN = a_definition("""
steps:
  - id: boss
    approval: {title: "Order ${id}", body: "for ${total}", roles: [manager], expires_in: 24h}
  - {id: after, execute: [{log: {message: "by ${approvals.boss.decided_by}"}}]}
""")
BRANCHED = a_definition("""
steps:
  - id: boss
    approval: {title: Order, roles: [manager], expires_in: 24h}
    on_approved: [{id: yes_step, execute: [{log: {message: approved}}]}]
    on_rejected: [{id: no_step, execute: [{log: {message: rejected}}]}]
    on_expired: [{id: late_step, execute: [{log: {message: expired}}]}]
  - {id: after, execute: [{log: {message: "${approvals.boss.outcome}"}}]}
""")
BLOCK = a_definition("""
steps:
  - id: gate
    block:
      code: embargo
      reason: "No way for ${id}"
      approval: {title: Release, anyone: true, expires_in: 1h}
  - {id: after, allow: {}}
""")
OWN = """
steps:
  - id: risk
    approval: {title: Risk, roles: [risk], outcomes: [accept, reduce, stop], expires_in: 12h}
    on:
      stop: [{id: stopped, block: {code: stopped, reason: "${approvals.risk.reason}"}}]
  - {id: after, allow: {reason: "${approvals.risk.outcome}"}}
"""
PAYLOAD = {"id": "o1", "total": 5, "requested_by": "bob"}


def messages_after(definition: Definition, outcome: str) -> list[str]:
    """Return what is logged once the approval has an outcome."""
    execution, _ = started(definition, PAYLOAD)
    if outcome == "expired":
        _, effects = expired(definition, execution)
    else:
        _, effects = decided(definition, execution, outcome)
    return [log.message for log in of_kind(effects, WriteLog)]


# S51 S91 S122 S136 S138
def test_an_approval_pauses_with_everything_that_the_approver_sees() -> None:
    execution, effects = started(PLAIN, PAYLOAD)
    wait = one(effects, OpenWait).wait
    assert (execution.status, execution.result) == (Status.PAUSED, None)
    assert last_records(effects)["boss"].status is StepStatus.WAITING
    assert one(effects, StartTimer).due_at == wait.due_at == later(hours=24)
    record = wait.record
    assert (record["title"], record["body"]) == ("Order o1", "for 5")
    assert (record["roles"], record["requester"]) == (["manager"], "bob")
    assert record["view"] == PAYLOAD
    assert (record["opened_at"], record["expires_at"]) == (
        "2026-03-02T09:00:00Z",
        "2026-03-03T09:00:00Z",
    )


# S51 S139 S105
def test_an_approved_request_lets_the_execution_go_on() -> None:
    execution, _ = started(PLAIN, PAYLOAD)
    wait = the_wait(execution)
    form = {"discount": 5}
    execution, effects = decided(
        PLAIN, execution, at=later(hours=2), received_at=later(hours=1), reason="ok", form=form
    )
    assert one(effects, Accept).result == "applied"
    closed = one(effects, CloseWait)
    assert (closed.wait, closed.outcome, closed.decided_by, closed.reason) == (
        wait,
        "approved",
        "ada",
        "ok",
    )
    assert len(of_kind(effects, StopTimer)) == 1
    assert one(effects, WriteLog).message == "by ada"
    assert execution.context["approvals"] == {
        "boss": {
            "outcome": "approved",
            "decided_by": "ada",
            "reason": "ok",
            "form": form,
            "decided_at": "2026-03-02T10:00:00Z",
            "votes": [{"by": "ada", "outcome": "approved"}],
        }
    }
    assert execution.status is Status.COMPLETED
    assert execution.paused_ms == 7_200_000
    assert execution.closed_waits == {wait.id: Closed("approved", "ada")}


# S111 S140
def test_a_rejected_request_without_branch_ends_as_blocked() -> None:
    execution, _ = started(PLAIN, PAYLOAD)
    execution, effects = decided(PLAIN, execution, "rejected", reason="too dear")
    assert (execution.status, execution.result) == (Status.BLOCKED, "blocked")
    assert execution.error is not None
    assert (execution.error.code, execution.error.message) == ("rejected", "too dear")
    assert last_records(effects)["boss"].status is StepStatus.COMPLETED
    assert step_state(execution, "boss")["outcome"] == "rejected"
    assert announced(effects)[-1] == "execution.blocked"


# S111 S141
def test_an_expired_request_without_branch_ends_as_blocked() -> None:
    execution, _ = started(PLAIN, PAYLOAD)
    execution, effects = expired(PLAIN, execution)
    assert (execution.status, execution.result) == (Status.BLOCKED, "blocked")
    assert one(effects, CloseWait).outcome == "expired"
    assert not of_kind(effects, Accept)
    assert not of_kind(effects, StopTimer)
    assert execution.error is not None
    assert "Nobody decided by 2026-03-03T09:00:00Z" in execution.error.message


# S111
@pytest.mark.parametrize("outcome", ["approved", "rejected", "expired"])
def test_every_outcome_takes_its_branch_and_the_flow_goes_on(outcome: str) -> None:
    assert messages_after(BRANCHED, outcome) == [outcome, outcome]


# S111
def test_an_expired_request_takes_the_branch_of_a_rejected_one() -> None:
    definition = a_definition("""
    steps:
      - id: boss
        approval: {title: T, anyone: true, expires_in: 1h}
        on_rejected: [{id: told, execute: [{log: {message: "${approvals.boss.outcome}"}}]}]
    """)
    assert messages_after(definition, "expired") == ["expired"]


# S36 S51
def test_a_block_with_an_approval_pauses_first() -> None:
    execution, _ = started(BLOCK, PAYLOAD)
    assert (execution.status, execution.result) == (Status.PAUSED, None)
    approved, _ = decided(BLOCK, execution)
    assert (approved.status, approved.result) == (Status.COMPLETED, "allowed")


# S36 S128
@pytest.mark.parametrize("outcome", ["rejected", "expired"])
def test_a_block_whose_approval_is_refused_ends_with_its_own_code(outcome: str) -> None:
    execution, _ = started(BLOCK, PAYLOAD)
    if outcome == "expired":
        execution, _ = expired(BLOCK, execution)
    else:
        execution, _ = decided(BLOCK, execution, outcome)
    assert (execution.status, execution.result) == (Status.BLOCKED, "blocked")
    assert execution.error is not None
    assert (execution.error.code, execution.error.message) == ("embargo", "No way for o1")


# S36 S111 S128
@pytest.mark.parametrize("outcome", ["approved", "rejected", "expired"])
def test_a_block_that_is_not_approved_ends_after_the_branch_of_its_outcome(outcome: str) -> None:
    definition = a_definition("""
    steps:
      - id: gate
        block: {code: held, reason: Held, approval: {title: T, anyone: true, expires_in: 1h}}
        on_rejected: [{id: note, execute: [{log: {message: rejected}}]}]
        on_expired: [{id: late, execute: [{log: {message: expired}}]}]
      - {id: ship, execute: [{log: {message: approved}}]}
    """)
    assert messages_after(definition, outcome) == [outcome]
    execution, _ = started(definition, PAYLOAD)
    if outcome == "expired":
        execution, effects = expired(definition, execution)
    else:
        execution, effects = decided(definition, execution, outcome)
    if outcome == "approved":
        assert execution.status is Status.COMPLETED
    else:
        assert execution.error == Failure("held", "Held", "gate")
        assert announced(effects)[-1] == "execution.blocked"


# S111
@pytest.mark.parametrize(
    ("outcome", "status", "result"),
    [
        ("accept", Status.COMPLETED, "allowed"),
        ("reduce", Status.COMPLETED, "allowed"),
        ("stop", Status.BLOCKED, "blocked"),
    ],
)
def test_own_outcomes_branch_by_name(outcome: str, status: Status, result: str) -> None:
    definition = a_definition(OWN)
    execution, _ = started(definition)
    execution, _ = decided(definition, execution, outcome, reason="why")
    assert (execution.status, execution.result) == (status, result)


# S112
@pytest.mark.parametrize("said", ["approve", "approved"])
@pytest.mark.parametrize("outcomes", [["approve", "deny"], ["approved", "rejected"]])
def test_approve_means_approved_and_the_other_way_round_as_the_request_names_it(
    said: str, outcomes: list[str]
) -> None:
    """What arrives on the topic is spelt out before anybody knows the request."""
    definition = a_definition(f"""
steps:
  - {{id: ask, approval: {{title: Ask, anyone: true, outcomes: {outcomes}}}}}
""")
    execution, _ = started(definition)
    execution, effects = decided(definition, execution, said)
    assert one(effects, CloseWait).outcome == outcomes[0]


# S111
def test_own_outcomes_that_expire_without_branch_end_as_blocked() -> None:
    definition = a_definition(OWN)
    execution, _ = expired(definition, started(definition)[0])
    assert execution.status is Status.BLOCKED


# S36
def test_a_block_stays_closed_for_every_own_outcome_but_the_first() -> None:
    definition = a_definition("""
    steps:
      - id: gate
        block: {code: held, approval: {title: T, anyone: true, outcomes: [release, keep]}}
      - {id: after, allow: {}}
    """)
    execution, _ = started(definition)
    assert decided(definition, execution, "release")[0].result == "allowed"
    assert decided(definition, execution, "keep")[0].result == "blocked"


# S51
def test_two_approvals_in_a_row_are_two_pauses() -> None:
    definition = a_definition("""
    steps:
      - {id: one, approval: {title: A, roles: [a]}}
      - {id: two, approval: {title: B, roles: [b], exclude: ["${approvals.one.decided_by}"]}}
      - {id: end, allow: {}}
    """)
    execution, effects = started(definition)
    assert not of_kind(effects, StartTimer)
    execution, effects = decided(definition, execution)
    assert execution.status is Status.PAUSED
    assert announced(effects) == ["execution.resumed", "step.completed", "execution.paused"]
    paths = [announce.step_path for announce in of_kind(effects, Announce)]
    assert paths == ["one", "one", "two"]
    assert the_wait(execution).record["exclude"] == ["ada"]
    execution, _ = decided(definition, execution, decided_by="eve")
    assert (execution.status, execution.result) == (Status.COMPLETED, "allowed")


def test_the_hash_covers_what_is_shown_and_nothing_else() -> None:
    record = the_wait(started(PLAIN, PAYLOAD)[0]).record
    keys = ("title", "body", "entity", "outcomes", "form", "required_fields", "view")
    assert record["request_hash"] == request_hash({key: record[key] for key in keys})
    other = the_wait(started(PLAIN, {**PAYLOAD, "total": 6})[0]).record
    assert other["request_hash"] != record["request_hash"]


# S141
def test_an_expiry_instant_from_the_payload_is_kept() -> None:
    definition = a_definition("""
    steps: [{id: a, approval: {title: T, anyone: true, expires_at: "${until}"}}]
    """)
    _, effects = started(definition, {"until": "2026-03-02T10:00:00+00:00"})
    assert one(effects, StartTimer).due_at == later(hours=1)
    for until in ("soon", "2027-03-03T09:00:00Z"):
        broken, _ = started(definition, {"until": until})
        assert broken.error is not None
        assert (broken.status, broken.error.code) == (Status.FAILED, "invalid_instant")


def test_the_view_and_the_entity_are_rendered() -> None:
    definition = a_definition("""
    steps:
      - id: a
        approval:
          title: T
          users: ["${boss}", eve]
          requester: "${owner}"
          view: {sum: "${total}"}
          entity: {type: order, id: "${id}"}
    """)
    execution, _ = started(definition, {**PAYLOAD, "boss": "dan", "owner": "kim"})
    record = the_wait(execution).record
    assert record["view"] == {"sum": 5}
    assert record["entity"] == {"type": "order", "id": "o1"}
    assert (record["users"], record["requester"]) == (["dan", "eve"], "kim")


# S29
def test_a_title_that_cannot_be_rendered_fails_the_step() -> None:
    execution, _ = started(PLAIN, {})
    assert execution.error is not None
    assert (execution.status, execution.error.code) == (Status.FAILED, "unresolved")
    assert not execution.waits
    assert execution.started_at == NOW


def test_a_title_that_is_one_reference_to_an_object_shows_it_as_json() -> None:
    definition = a_definition("""
    steps: [{id: ask, approval: {title: "${order}", anyone: true}}]
    """)
    execution, _ = started(definition, {"order": {"id": "o-1", "urgent": True}})
    assert the_wait(execution).record["title"] == '{"id":"o-1","urgent":true}'


# D29
@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ('entity: {type: order, id: "${long}"}', "entity.id"),
        ('entity: {type: "${long}", id: o1}', "entity.type"),
        ('users: ["${long}"]', "a user's name"),
        ('exclude: ["${long}"]', "a user's name"),
        ('requester: "${long}"', "the requester"),
    ],
)
def test_a_request_whose_columns_cannot_hold_it_fails_its_step(asked: str, named: str) -> None:
    definition = a_definition(f"""
    steps:
      - id: boss
        approval: {{title: Order, roles: [manager], {asked}}}
    """)
    execution, _ = started(definition, {"long": "x" * 256})
    assert execution.error is not None
    assert (execution.status, execution.error.code) == (Status.FAILED, "invalid_value")
    assert execution.error.message.startswith(f"{named} must have at most ")


# D29
@pytest.mark.parametrize(
    "asked",
    [
        'users: "${people}"',
        'roles: [manager], escalate: {after: 1h, users: "${people}"}',
        'policy: {sequence: [{roles: [first]}, {users: "${people}"}]}',
    ],
)
def test_more_people_than_an_inbox_can_be_searched_by_fail_the_step(asked: str) -> None:
    definition = a_definition(f"""
    steps:
      - id: boss
        approval: {{title: Order, {asked}}}
    """)
    some = [f"person-{n:02}@example.com" for n in range(60)]
    execution, _ = started(definition, {"people": some})
    assert execution.status is Status.PAUSED
    execution, _ = started(definition, {"people": [*some, *(f"more {name}" for name in some)]})
    assert execution.error is not None
    assert execution.error.code == "invalid_value"
    assert "ask a role instead" in execution.error.message
