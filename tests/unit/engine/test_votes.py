"""What votes decide under each policy, and which vote is one too many (definitions.md)."""

from datetime import UTC, datetime

import pytest

from engine.deciders import Deciders, Vote
from engine.effects import Refuse
from engine.policy import (
    AllOf,
    AnyOne,
    InSequence,
    NOf,
    PercentOf,
    Policy,
    Seat,
    Stage,
    votes_needed,
)
from engine.votes import can_be_approved, may_vote, tally

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
YES_NO = ("approved", "rejected")
OWN = ("accept", "reduce", "stop")
ABC = (Deciders(users=("ada", "ben", "cleo")),)


def cast(text: str) -> list[Vote]:
    """Return votes written as `ada+ ben- cleo:stop zoe/boss,chief+ yan>ada- 1@olga+`."""
    return [one(part) for part in text.split()]


def one(text: str) -> Vote:
    stage, _, text = text.rpartition("@")
    if ":" in text:
        text, _, outcome = text.partition(":")
    else:
        text, outcome = text[:-1], {"+": "approved", "-": "rejected"}[text[-1]]
    text, slash, roles = text.partition("/")
    by, _, for_ = text.partition(">")
    held = frozenset(filter(None, roles.split(","))) if slash else None
    return Vote(by, for_ or None, outcome, held, NOW, int(stage or 0))


def seats(*names: str) -> tuple[Seat, ...]:
    """Return seats of roles, written as `@role`, and of users."""
    return tuple(Seat(name.removeprefix("@"), name.startswith("@")) for name in names)


OPEN = [
    (AnyOne(), "", None),
    (AnyOne(), "ada+", "approved"),
    (AnyOne(), "ada-", "rejected"),
    (AnyOne(), "ada- ben+", "rejected"),
    (AnyOne(veto=True), "ada+ ben-", "approved"),
    (NOf(2), "ada+", None),
    (NOf(2), "ada+ ben+", "approved"),
    (NOf(2), "ada+ ben-", None),
    (NOf(2), "ada+ ben- cleo-", "rejected"),
    (NOf(2), "ada- ben+ cleo+ dan-", "approved"),
    (NOf(2), "ada+ ada+", None),
    (NOf(2), "ada+ yan>ada+", None),
    (NOf(2), "yan>ada+ ada+", None),
    (NOf(2), "yan>ada+ yan+", None),
    (NOf(2), "yan>ada+ yan>ben+", None),
    (NOf(2), "yan>ada+ zoe>ben+", "approved"),
    (NOf(2, veto=True), "ada-", "rejected"),
    (NOf(2, veto=True), "ada+ ben- cleo+", "rejected"),
    (NOf(2, veto=True), "ada+ ben+ cleo-", "approved"),
    (NOf(1), "ada-", "rejected"),
]


# D21
@pytest.mark.parametrize(("policy", "votes", "decided"), OPEN)
def test_where_anybody_may_vote_the_first_outcome_with_enough_votes_decides(
    policy: Policy, votes: str, decided: str | None
) -> None:
    assert tally(policy, YES_NO, cast(votes)).decided == decided


KNOWN = [
    (NOf(2), "ada- ben+", None),
    (NOf(2), "ada- ben-", "rejected"),
    (NOf(3), "ada+ ben+", None),
    (NOf(3), "ada-", "rejected"),
    (NOf(3), "ada+ ben-", "rejected"),
    (NOf(3), "ada+ yan>ben+", None),
    # Nobody has said otherwise, and others may be asked yet.
    (NOf(3), "ada>ben+", None),
    (NOf(4), "", None),
    (NOf(4), "ada+ ben+ cleo+", None),
    (NOf(4), "ada+ ben-", "rejected"),
]


@pytest.mark.parametrize(("policy", "votes", "decided"), KNOWN)
def test_where_the_voters_are_known_it_is_over_once_approval_is_out_of_reach(
    policy: Policy, votes: str, decided: str | None
) -> None:
    assert tally(policy, YES_NO, cast(votes), ABC).decided == decided


def test_people_who_may_not_vote_are_not_waited_for() -> None:
    asked = Deciders(users=("ada", "ben", "cleo"), exclude=frozenset({"ben"}), requester="cleo")
    assert tally(NOf(2), YES_NO, cast("ada-"), [asked]).decided == "rejected"
    assert tally(NOf(1), YES_NO, [], [asked]).decided is None


def test_whether_those_who_are_asked_are_enough() -> None:
    asked = [Deciders(users=("ada", "ben", "cleo"), exclude=frozenset({"ben"}))]
    assert can_be_approved(NOf(2), YES_NO, cast("ada+"), asked)
    assert not can_be_approved(NOf(3), YES_NO, cast("ada+"), asked)
    assert not can_be_approved(NOf(2), YES_NO, cast("ada+"), [Deciders(users=("ada",))])
    assert can_be_approved(NOf(2), YES_NO, cast("ada+"), [Deciders(roles=("boss",))])


@pytest.mark.parametrize("asked", [Deciders(("boss",), ("ada",)), Deciders((), ("ada",), True)])
def test_roles_and_anyone_leave_the_number_of_voters_open(asked: Deciders) -> None:
    assert tally(NOf(3), YES_NO, cast("ada- ben-"), [asked]).decided is None


BOTH = AllOf(seats("@finance", "@legal"))
SEATED = [
    (BOTH, "ada/finance+", None),
    (BOTH, "ada/finance+ ben/legal+", "approved"),
    (BOTH, "ada/finance+ ben/finance+", None),
    (BOTH, "ada/finance-", "rejected"),
    (BOTH, "ada/finance+ ben/legal-", "rejected"),
    (BOTH, "ada/cook-", None),
    # One person fills one seat, and takes the one that another cannot.
    (BOTH, "ada/finance,legal+", None),
    (BOTH, "ada/finance,legal+ ada/finance,legal+", None),
    (BOTH, "ada/finance,legal+ ben/finance+", "approved"),
    (BOTH, "ada/finance,legal+ ben/legal+", "approved"),
    (BOTH, "ada/finance,legal+ ben/cook+", None),
    # Roles that are not proven are trusted, for one seat each.
    (BOTH, "ada+ ben+", "approved"),
    (BOTH, "ada+ ada+", None),
    (AllOf(seats("ada", "@legal")), "ben/legal+ cleo/legal+", None),
    (AllOf(seats("ada", "@legal")), "ben+ cleo+", None),
    (AllOf(seats("ada", "@legal")), "ben+ ada+", "approved"),
    (AllOf(seats("ada", "@legal")), "ada/legal+ ben/legal+", "approved"),
    (AllOf(seats("ada", "ben")), "yan>ada+ ben+", "approved"),
    # Who has voted for somebody else cannot fill their own seat any more.
    (AllOf(seats("ada", "ben")), "ada>ben+", "rejected"),
    (PercentOf(50, seats("@a", "@b", "@c")), "x/a+", None),
    (PercentOf(50, seats("@a", "@b", "@c")), "x/a+ y/b+", "approved"),
    (PercentOf(50, seats("@a", "@b", "@c")), "x/a+ y/b-", None),
    (PercentOf(50, seats("@a", "@b", "@c")), "x/a- y/b-", "rejected"),
    (PercentOf(67, seats("@a", "@b", "@c")), "x/a+ y/b+", None),
    (PercentOf(67, seats("@a", "@b", "@c")), "x/a-", "rejected"),
    (PercentOf(66, seats("@a", "@b", "@c")), "x/a+ y/b+", "approved"),
    (PercentOf(66, seats("@a", "@b", "@c"), veto=True), "x/a+ y/b-", "rejected"),
    (PercentOf(1, seats("@a", "@b", "@c")), "x/a+", "approved"),
]


# D21
@pytest.mark.parametrize(("policy", "votes", "decided"), SEATED)
def test_a_policy_that_lists_roles_or_users_hears_each_of_them_once(
    policy: Policy, votes: str, decided: str | None
) -> None:
    assert tally(policy, YES_NO, cast(votes)).decided == decided


@pytest.mark.parametrize(
    ("percent", "of", "needed"),
    [(50, 2, 1), (51, 2, 2), (34, 3, 2), (33, 3, 1), (100, 7, 7), (1, 7, 1), (29, 7, 3)],
)
def test_a_share_is_rounded_up(percent: int, of: int, needed: int) -> None:
    assert votes_needed(PercentOf(percent, seats(*map(str, range(of))))) == needed


def test_a_listed_user_who_is_barred_makes_all_impossible() -> None:
    asked = Deciders(("legal",), ("ada",), requester="ada")
    assert tally(AllOf(seats("ada", "@legal")), YES_NO, [], [asked]).decided == "rejected"


OWN_NAMES = [
    (NOf(2), "ada:reduce ben:stop", None),
    (NOf(2), "ada:reduce ben:stop cleo:stop", "stop"),
    (NOf(2), "ada:reduce ben:stop cleo:accept", "reduce"),
    (NOf(2), "ada:accept ben:stop", None),
    (NOf(2), "ada:stop ben:reduce", None),
    (NOf(3), "ada:stop", None),
    (NOf(3), "ada:reduce", None),
    (NOf(3), "ada:reduce ben:stop", None),
    (NOf(3), "ada:stop ben:stop", "stop"),
    (NOf(3), "ada:reduce ben:accept", "reduce"),
    (NOf(3), "ada:stop ben:accept", None),
    (NOf(3, veto=True), "ada:stop", "stop"),
    (NOf(2), "ada:unheard-of ben:stop", None),
]


@pytest.mark.parametrize(("policy", "votes", "decided"), OWN_NAMES)
def test_own_outcomes_count_by_name_and_of_equals_the_first_listed_wins(
    policy: Policy, votes: str, decided: str | None
) -> None:
    assert tally(policy, OWN, cast(votes), ABC).decided == decided


TWO = InSequence((Stage(NOf(2), roles=("manager",)), Stage(AnyOne(), roles=("director",))))
SEQUENCES = [
    (TWO, "", (None, 0)),
    (TWO, "ada+", (None, 0)),
    (TWO, "ada+ ben+", (None, 1)),
    (TWO, "ada- ben-", ("rejected", 0)),
    (TWO, "ada+ ben+ 1@cleo+", ("approved", 1)),
    (TWO, "ada+ ben+ 1@cleo-", ("rejected", 1)),
    # One vote in all stages together.
    (TWO, "ada+ ben+ 1@ada+", (None, 1)),
    (TWO, "ada+ ben+ 1@yan>ben+", (None, 1)),
    (TWO, "ada+ 1@cleo+", (None, 0)),
    (InSequence(TWO.stages, veto=True), "ada+ ben-", ("rejected", 0)),
    (InSequence((Stage(NOf(2, veto=True)), Stage(NOf(2)))), "ada+ ben-", ("rejected", 0)),
    (InSequence((Stage(NOf(2, veto=True)), Stage(NOf(2)))), "a+ b+ 1@c-", (None, 1)),
]


@pytest.mark.parametrize(("policy", "votes", "expected"), SEQUENCES)
def test_stages_follow_one_another_until_one_is_not_approved(
    policy: Policy, votes: str, expected: tuple[str | None, int]
) -> None:
    found = tally(policy, YES_NO, cast(votes))
    assert (found.decided, found.stage) == expected


def test_a_later_stage_does_not_wait_for_people_who_voted_in_an_earlier_one() -> None:
    policy = InSequence((Stage(), Stage(NOf(2))))
    asked = [Deciders(users=("ada", "ben")), Deciders(users=("ada", "ben"))]
    found = tally(policy, YES_NO, cast("ada+"), asked)
    assert (found.decided, found.stage) == ("rejected", 1)


def test_a_tally_says_how_many_approvals_there_are_and_how_many_votes_decide() -> None:
    found = tally(NOf(3), YES_NO, cast("ada+ ben- cleo+"))
    assert (found.needed, found.have) == (3, 2)
    staged = tally(TWO, YES_NO, cast("ada+ ben+"))
    assert (staged.needed, staged.have, staged.stage) == (1, 0, 1)


def test_a_tally_says_who_is_still_asked() -> None:
    asked = Deciders(("boss",), ("ada", "ben", "eve"), exclude=frozenset({"eve"}), requester="rob")
    found = tally(NOf(3), YES_NO, cast("ada+ yan>zoe+"), [asked]).open_to
    assert (found.roles, found.users, found.anyone) == (("boss",), ("ben",), False)
    assert found.exclude == {"eve", "ada", "yan", "zoe"}
    assert found.requester == "rob"


def test_of_a_policy_with_seats_those_are_asked_that_could_still_be_filled() -> None:
    policy = AllOf(seats("@finance", "@legal", "ada"))
    # Ben can make room for a colleague of either role; there is room for one.
    found = tally(policy, YES_NO, cast("ben/finance,legal+")).open_to
    assert (found.roles, found.users) == (("finance", "legal"), ("ada",))
    found = tally(policy, YES_NO, cast("ben/finance+")).open_to
    assert (found.roles, found.users) == (("legal",), ("ada",))


def test_nobody_is_asked_any_more_once_it_is_decided() -> None:
    found = tally(AnyOne(), YES_NO, cast("ada+"), ABC)
    assert found.open_to == Deciders()


# D21
@pytest.mark.parametrize(
    ("policy", "votes", "vote", "problem"),
    [
        (NOf(2), "ada+", "ben+", None),
        (NOf(2), "ada+", "ada-", "ada has voted already; everybody has one vote"),
        (NOf(2), "yan>ada+", "yan+", "yan has voted already; everybody has one vote"),
        (BOTH, "ada/finance+", "ben/legal+", None),
        (BOTH, "ada/finance,legal+", "ben/finance+", None),
        (
            BOTH,
            "ada/finance+",
            "ben/finance+",
            "ben fills no open place of the policy: legal",
        ),
        (
            AllOf(seats("@finance", "ada")),
            "cleo/finance+",
            "ben/finance+",
            "ben fills no open place of the policy: ada",
        ),
        (TWO, "ada+ ben+", "1@cleo+", None),
        (TWO, "ada+ ben+", "1@ada+", "ada has voted already; everybody has one vote"),
        (TWO, "ada+ ben+", "2@cleo+", "the request has no stage 2"),
    ],
)
def test_a_vote_that_would_not_count_is_refused(
    policy: Policy, votes: str, vote: str, problem: str | None
) -> None:
    expected = None if problem is None else Refuse("not_allowed", problem)
    assert may_vote(policy, (), cast(votes), one(vote)) == expected


def test_each_stage_is_decided_by_those_whom_it_asks() -> None:
    asked = (Deciders(("manager",)), Deciders(("director",)))
    votes = cast("ada/manager+ ben/manager+")
    manager, director = one("1@cleo/manager+"), one("1@cleo/director+")
    refused = Refuse("not_allowed", "cleo holds none of the roles director")
    assert may_vote(TWO, asked, votes, manager) == refused
    assert may_vote(TWO, asked, votes, director) is None
