"""Who may decide an approval, and for whom (security.md; D21)."""

from datetime import UTC, datetime, timedelta

import pytest

from engine.deciders import Deciders, Delegation, Vote, deciders_of, refuse_voter
from engine.effects import Refuse

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ASKED = Deciders(("boss", "chief"), ("ada", "ben"), exclude=frozenset({"eve"}), requester="rob")


def vote(by: str, *roles: str, proven: bool = True, for_: str | None = None) -> Vote:
    return Vote(by, for_, "approved", frozenset(roles) if proven else None, NOW)


# D21
@pytest.mark.parametrize(
    ("cast", "refusal"),
    [
        (vote("ada"), None),
        (vote("ada", proven=False), None),
        (vote("zoe", "boss"), None),
        (vote("zoe", "boss", "cook"), None),
        (vote("zoe", proven=False), None),
        (vote("zoe", "cook"), Refuse("not_allowed", "zoe holds none of the roles boss, chief")),
        (vote("zoe"), Refuse("not_allowed", "zoe holds none of the roles boss, chief")),
        (vote("eve", "boss"), Refuse("not_allowed", "eve is excluded from deciding this")),
        (
            vote("rob", "boss"),
            Refuse("self_approval", "rob asked for this; somebody else must decide"),
        ),
    ],
)
def test_a_person_is_let_vote_by_name_or_role(cast: Vote, refusal: Refuse | None) -> None:
    assert refuse_voter(cast, ASKED) == refusal


# D21
def test_users_are_checked_by_name_also_where_roles_are_not_proven() -> None:
    only_users = Deciders(users=("ada",))
    expected = Refuse("not_allowed", "zoe is not among the users who may decide")
    assert refuse_voter(vote("zoe", proven=False), only_users) == expected
    assert refuse_voter(vote("zoe", "boss"), only_users) == expected
    assert refuse_voter(vote("ada", proven=False), only_users) is None


def test_anyone_may_be_anyone_but_the_excluded_and_the_requester() -> None:
    anyone = Deciders(anyone=True, exclude=frozenset({"eve"}), requester="rob")
    found = {name: refuse_voter(vote(name), anyone) for name in ("zoe", "eve", "rob")}
    assert {name: refused.code if refused else None for name, refused in found.items()} == {
        "zoe": None,
        "eve": "not_allowed",
        "rob": "self_approval",
    }


def between(user: str, delegate: str, start: int = -1, end: int = 1) -> Delegation:
    return Delegation(user, delegate, NOW + start * DAY, NOW + end * DAY)


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ([between("ada", "zoe")], False),
        ([between("ada", "zoe", 0)], False),
        ([between("ada", "zoe", -3, -2), between("ada", "zoe")], False),
        ([], True),
        ([between("zoe", "ada")], True),
        ([between("ben", "zoe"), between("ada", "yan")], True),
        ([between("ada", "zoe", 1, 2)], True),
        ([between("ada", "zoe", -1, 0)], True),
    ],
)
def test_a_delegate_decides_for_a_user_while_the_delegation_holds(
    given: list[Delegation], refused: bool
) -> None:
    found = refuse_voter(vote("zoe", for_="ada"), ASKED, given)
    assert (found is not None) == refused
    assert found is None or found.code == "not_allowed"


def test_a_refused_delegate_is_told_why() -> None:
    cast = vote("zoe", for_="ada")
    unknown, over = (
        refuse_voter(cast, ASKED),
        refuse_voter(cast, ASKED, [between("ada", "zoe", -2, -1)]),
    )
    assert unknown == Refuse("not_allowed", "no delegation from ada is known")
    problem = "the delegation from ada to zoe does not hold at this time"
    assert over == Refuse("not_allowed", problem)


@pytest.mark.parametrize(
    ("by", "for_", "code"),
    [
        ("rob", "ada", "self_approval"),
        ("ada", "rob", "self_approval"),
        ("eve", "ada", "not_allowed"),
        ("ada", "eve", "not_allowed"),
    ],
)
def test_neither_side_of_a_delegation_may_be_barred(by: str, for_: str, code: str) -> None:
    found = refuse_voter(vote(by, "boss", for_=for_), ASKED, [between(for_, by)])
    assert found is not None
    assert found.code == code


def test_a_delegation_passes_on_a_name_but_no_role() -> None:
    only_roles = Deciders(("boss",))
    given = [between("ada", "zoe")]
    assert refuse_voter(vote("zoe", "cook", for_="ada"), only_roles, given) is not None
    assert refuse_voter(vote("zoe", "boss", for_="ada"), only_roles, given) is None
    assert refuse_voter(vote("zoe", proven=False, for_="ada"), only_roles, given) is None


def test_a_delegate_of_somebody_who_may_not_decide_may_not_either() -> None:
    only_users = Deciders(users=("zoe",))
    found = refuse_voter(vote("zoe", for_="ada"), only_users, [between("ada", "zoe")])
    assert found == Refuse("not_allowed", "ada is not among the users who may decide")


def test_to_decide_for_oneself_needs_no_delegation() -> None:
    assert refuse_voter(vote("ada", for_="ada"), ASKED) is None


RECORD: dict[str, object] = {
    "roles": ["boss"],
    "users": ["ada"],
    "anyone": False,
    "exclude": ["eve"],
    "requester": "rob",
    "allow_requester": False,
    "policy": {"any": True},
}


def test_deciders_are_read_from_the_waiting_record() -> None:
    (asked,) = deciders_of(RECORD)
    assert asked == Deciders(("boss",), ("ada",), False, frozenset({"eve"}), "rob")
    assert asked.barred == {"eve", "rob"}


def test_a_requester_who_may_decide_is_not_barred() -> None:
    (asked,) = deciders_of(RECORD | {"allow_requester": True})
    assert asked.requester is None
    assert asked.barred == {"eve"}


def test_each_stage_of_a_sequence_has_its_own_deciders_and_all_bar_the_same_people() -> None:
    stages = [
        {"roles": ["manager"], "users": [], "anyone": False, "policy": {"any": True}},
        {"roles": [], "users": ["olga"], "anyone": True, "policy": {"any": True}},
    ]
    record = RECORD | {"roles": [], "users": [], "policy": {"sequence": stages}}
    barred = frozenset({"eve"})
    assert deciders_of(record) == (
        Deciders(("manager",), (), False, barred, "rob"),
        Deciders((), ("olga",), True, barred, "rob"),
    )
