"""What the policy of an approval, its reminders and its escalation are read as."""

import json
from datetime import timedelta

import pytest

from actions.definitions import examine, read_definition
from engine.definition import ApprovalSpec, ApprovalVerb
from engine.ids import StepPath
from engine.policy import AllOf, AnyOne, InSequence, NOf, PercentOf, Policy, Seat, policy_record

HOUR = timedelta(hours=1)


def read(more: str) -> ApprovalSpec:
    step = f"  - id: ask\n    approval: {{ title: t, {more} }}\n"
    text = f"name: t\ntrigger: {{ event: a.b }}\nsteps:\n{step}"
    verb = read_definition(text, file="t.yaml").steps[StepPath("ask")].verb
    assert isinstance(verb, ApprovalVerb)
    return verb.spec


def role(name: str) -> Seat:
    return Seat(name, is_role=True)


def user(name: str) -> Seat:
    return Seat(name, is_role=False)


# D21
@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("{ any: true }", AnyOne()),
        ("{ any: true, veto: true }", AnyOne(veto=True)),
        ("{ n_of: 2 }", NOf(2)),
        ("{ n_of: 2, veto: true }", NOf(2, veto=True)),
        ("{ n_of: 2, veto: false }", NOf(2)),
        ("{ all: [ada, legal] }", AllOf((user("ada"), role("legal")))),
        ("{ all: legal, veto: true }", AllOf((role("legal"),), veto=True)),
        ("{ percent: 60, of: [legal, sales] }", PercentOf(60, (role("legal"), role("sales")))),
    ],
)
def test_a_policy_is_read_and_written_back_in_its_own_words(policy: str, expected: Policy) -> None:
    asked = "roles: [legal, sales], users: [ada, ben]"
    assert read(f"{asked}, policy: {policy}").policy == expected
    written = json.dumps(policy_record(expected))
    assert read(f"{asked}, policy: {written}").policy == expected


def test_without_a_policy_the_first_vote_decides() -> None:
    assert read("roles: [boss]").policy == AnyOne()


def test_names_beside_users_known_only_later_are_users() -> None:
    spec = read("roles: [legal], users: ['${owner}'], policy: { all: [legal, ada] }")
    assert spec.policy == AllOf((role("legal"), user("ada")))


def test_a_sequence_is_read_and_shows_its_stages_as_rendered() -> None:
    spec = read(
        "policy: { veto: true, sequence: [{ title: 'First of ${id}', roles: [boss] },"
        " { users: ['${owner}', ada], policy: { n_of: 2 } },"
        " { anyone: true, policy: { any: true, veto: true } }] }"
    )
    assert isinstance(spec.policy, InSequence)
    assert (spec.roles, spec.users, spec.anyone) == ((), None, False)
    assert [stage.policy for stage in spec.policy.stages] == [AnyOne(), NOf(2), AnyOne(veto=True)]
    nobody: dict[str, object] = {"roles": [], "users": [], "anyone": False, "policy": {"any": True}}
    assert policy_record(spec.policy, {"id": 7, "owner": "olga"}) == {
        "veto": True,
        "sequence": [
            {**nobody, "title": "First of 7", "roles": ["boss"]},
            {**nobody, "users": ["olga", "ada"], "policy": {"n_of": 2}},
            {**nobody, "anyone": True, "policy": {"any": True, "veto": True}},
        ],
    }


def test_a_quorum_of_users_known_only_later_is_not_checked_against_their_number() -> None:
    assert read("users: ['${owner}'], policy: { n_of: 3 }").policy == NOf(3)
    assert read("users: [ada], roles: [boss], policy: { n_of: 3 }").policy == NOf(3)
    assert read("users: [ada, ben, cleo], policy: { n_of: 3 }").policy == NOf(3)


def test_reminders_escalation_and_bulk_are_read() -> None:
    spec = read(
        "roles: [boss], expires_in: 8h, remind_every: 2h, bulk: true,"
        " escalate: { after: 4h, roles: [chief], users: ['${owner}'] }"
    )
    assert spec.remind_every == 2 * HOUR
    assert spec.bulk
    assert spec.escalate is not None
    assert (spec.escalate.after, spec.escalate.roles) == (4 * HOUR, ("chief",))
    assert spec.escalate.users is not None
    assert spec.escalate.users.render({"owner": "olga"}) == ["olga"]


def test_without_them_nobody_is_reminded_and_nobody_else_is_asked() -> None:
    spec = read("roles: [boss]")
    assert (spec.remind_every, spec.escalate, spec.bulk) == (None, None, False)


def findings(more: str) -> tuple[list[str], list[str]]:
    step = f"  - id: ask\n    approval: {{ title: t, {more} }}\n"
    text = f"name: t\ntrigger: {{ event: a.b }}\nsteps:\n{step}"
    _, mistakes, warnings = examine(text, file="t.yaml")
    return [each.problem for each in mistakes], [each.problem for each in warnings]


EXCLUDED = "nobody may decide this: all its users are excluded"
TWICE = "nobody can decide this: %s needs 2 votes by different people, and there is only a"


# D21
@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ("users: [a], exclude: [a]", EXCLUDED),
        ("users: a, exclude: a", EXCLUDED),
        ("users: [a, a], policy: { n_of: 2 }", TWICE % "it"),
        ("users: [a, b], exclude: [b], policy: { n_of: 2 }", TWICE % "it"),
        ("users: [a, b, c], exclude: [b], policy: { all: [a, b] }", TWICE % "it"),
        (
            "policy: { sequence: [ { users: [a] }, { users: [a] } ] }",
            TWICE % "with the stages before, it",
        ),
    ],
)
def test_an_approval_that_too_few_may_decide_is_warned_of(more: str, problem: str) -> None:
    assert findings(more) == ([], [problem])


@pytest.mark.parametrize(
    "more",
    [
        "users: [a, b], exclude: [b]",
        "users: [a], roles: [r], exclude: [a]",
        "users: [a, a, b], policy: { n_of: 2 }",
        'users: [a, "${owner}"], exclude: [a]',
        'users: [a, b], exclude: ["${requested_by}"], policy: { n_of: 2 }',
        "users: [a, b], policy: { percent: 50, of: [a, b] }, exclude: [b]",
        "policy: { sequence: [ { users: [a] }, { users: [a, b] } ] }",
        "policy: { sequence: [ { users: [a] }, { roles: [r], users: [a] } ] }",
        "users: [a], policy: { n_of: 2 }, escalate: { after: 1h, users: [b] }",
        "users: [a], exclude: [a], escalate: { after: 1h, users: [b] }",
    ],
)
def test_an_approval_that_enough_may_decide_is_not(more: str) -> None:
    assert findings(more) == ([], [])
