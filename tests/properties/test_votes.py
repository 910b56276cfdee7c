"""Votes against every way in which they could go on: decided once, and by different people."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations, product
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.deciders import Deciders, Vote
from engine.policy import (
    AllOf,
    AnyOne,
    InSequence,
    NOf,
    PercentOf,
    Policy,
    Seat,
    Stage,
    seats_of,
)
from engine.votes import may_vote, tally

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PEOPLE = ("ada", "ben", "cleo", "dan", "eve")
ROLES = ("finance", "legal", "sales")
SEATS = (*(Seat(name, is_role=True) for name in ROLES), Seat("ada", is_role=False))

outcome_lists = st.sampled_from([("yes", "no"), ("yes", "no", "later")])
seats = st.lists(st.sampled_from(SEATS), min_size=1, max_size=4, unique=True).map(tuple)
singles = (
    st.builds(AnyOne, st.booleans())
    | st.builds(NOf, st.integers(1, 4), st.booleans())
    | st.builds(AllOf, seats, st.booleans())
    | st.builds(PercentOf, st.integers(1, 100), seats, st.booleans())
)
policies = singles | st.builds(
    InSequence,
    st.lists(st.builds(Stage, singles), min_size=2, max_size=3).map(tuple),
    st.booleans(),
)
roles = st.none() | st.frozensets(st.sampled_from(ROLES))
votes = st.builds(
    Vote,
    st.sampled_from(PEOPLE),
    st.none() | st.sampled_from(PEOPLE),
    st.sampled_from(["yes", "no", "later"]),
    roles,
    st.just(NOW),
    st.integers(0, 2),
)
histories = st.lists(votes, max_size=8)
asked = st.lists(
    st.builds(
        Deciders,
        st.sampled_from([(), ROLES]),
        st.sampled_from([(), PEOPLE[:3], PEOPLE]),
        st.booleans(),
        st.frozensets(st.sampled_from(PEOPLE), max_size=1),
    ),
    max_size=3,
)


def ends_as(outcomes: Sequence[str], needed: int, answers: Sequence[str], *, veto: bool) -> str:
    """Return how a vote ends that everybody has taken part in."""
    counts: Counter[str] = Counter()
    for answer in answers:
        counts[answer] += 1
        if counts[answer] == needed or (veto and answer != outcomes[0]):
            return answer
    return max(outcomes[1:], key=lambda name: counts[name])


# D21
@settings(deadline=None)
@given(st.data(), outcome_lists, st.integers(1, 4), st.integers(1, 5), st.booleans())
def test_it_is_decided_exactly_when_all_that_could_follow_ends_the_same(
    data: st.DataObject, outcomes: tuple[str, ...], people: int, needed: int, veto: bool
) -> None:
    said = data.draw(st.lists(st.sampled_from(outcomes), max_size=people))
    voters = PEOPLE[:people]
    history = [
        Vote(by, None, outcome, None, NOW) for by, outcome in zip(voters, said, strict=False)
    ]
    endings = {
        ends_as(outcomes, needed, [*said, *more], veto=veto)
        for more in product(outcomes, repeat=people - len(said))
    }
    # Others may be asked: too few approvals alone are no refusal.
    settled = outcomes[0] in endings or any(outcome != outcomes[0] for outcome in said)
    expected = endings.pop() if len(endings) == 1 and settled else None
    found = tally(NOf(needed, veto), outcomes, history, [Deciders(users=voters)])
    assert found.decided == expected


# D21
@settings(deadline=None)
@given(policies, outcome_lists, histories, asked, votes)
def test_what_is_decided_is_not_decided_again(
    policy: Policy,
    outcomes: tuple[str, ...],
    history: list[Vote],
    asked: list[Deciders],
    vote: Vote,
) -> None:
    before = tally(policy, outcomes, history, asked)
    after = tally(policy, outcomes, [*history, vote], asked)
    if before.decided is not None:
        assert after == before
    else:
        assert after.stage >= before.stage
        assert after.stage > before.stage or after.have in (before.have, before.have + 1)


@settings(deadline=None)
@given(policies, outcome_lists, histories, asked)
def test_nobody_counts_twice_however_often_and_for_whomever_they_vote(
    policy: Policy, outcomes: tuple[str, ...], history: list[Vote], asked: list[Deciders]
) -> None:
    found = tally(policy, outcomes, history, asked)
    assert found.have <= len({vote.by for vote in history})
    assert found.have <= len({vote.principal for vote in history})
    assert tally(policy, outcomes, [*history, *history], asked) == found


# D21
@settings(deadline=None)
@given(policies, histories)
def test_a_vote_is_let_in_exactly_when_it_counts(policy: Policy, history: list[Vote]) -> None:
    outcomes = ("yes", "no", "later")
    taken: list[Vote] = []
    for vote in history:
        before = tally(policy, outcomes, taken)
        if before.decided is not None:
            return
        cast = replace(vote, on_behalf_of=None, stage=before.stage)
        after = tally(policy, outcomes, [*taken, cast])
        if may_vote(policy, (), taken, cast) is None:
            moved = after.decided is not None or after.stage > before.stage
            assert moved or cast.by in after.open_to.exclude
            taken.append(cast)
        else:
            assert after == before


def best_seating(seats: Sequence[Seat], history: Sequence[Vote]) -> int:
    """Return how many seats can be filled, by trying every order of the voters."""
    most = 0
    for order in permutations(history, min(len(seats), len(history))):
        filled = sum(
            vote.by == seat.name
            if not seat.is_role
            else vote.roles is None or seat.name in vote.roles
            for seat, vote in zip(seats, order, strict=False)
        )
        most = max(most, filled)
    return most


people_with_roles = st.lists(
    st.builds(lambda by, held: Vote(by, None, "yes", held, NOW), st.sampled_from(PEOPLE), roles),
    max_size=5,
    unique_by=lambda vote: vote.by,
)


@settings(deadline=None)
@given(seats, people_with_roles, st.randoms())
def test_all_agree_as_soon_as_each_seat_has_somebody_in_whatever_order_they_came(
    listed: tuple[Seat, ...], history: list[Vote], shuffle: Random
) -> None:
    policy = AllOf(listed)
    found = tally(policy, ("yes", "no"), history)
    if found.decided is None:
        orders = list(permutations(listed))
        assert found.have == max(best_seating(order, history) for order in orders)
        assert found.have < len(listed)
    shuffled = sorted(history, key=lambda _: shuffle.random())
    again = tally(policy, ("yes", "no"), shuffled)
    assert (again.decided, again.have) == (found.decided, found.have)


@settings(deadline=None)
@given(singles.filter(lambda policy: bool(seats_of(policy))), people_with_roles)
def test_the_roles_that_are_still_asked_are_those_whose_holders_are_let_in(
    policy: AllOf | PercentOf, history: list[Vote]
) -> None:
    found = tally(policy, ("yes", "no"), history)
    if found.decided is not None:
        return
    for seat in policy.seats:
        if seat.is_role:
            newcomer = Vote("zoe", None, "yes", frozenset({seat.name}), NOW)
            let_in = may_vote(policy, (), history, newcomer) is None
            assert let_in == (seat.name in found.open_to.roles)
