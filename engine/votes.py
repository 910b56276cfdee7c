"""Counting votes: what they decide, and who is still asked (definitions.md, Approval; D21).

A stage is over as soon as no further vote can change its answer: the first outcome with enough
votes wins, and where the people who may vote are known, so does what must come out once approval is
out of reach. If nothing ever gets enough, the outcome other
than approval with the most votes wins, of equals the one that the definition lists first. A person
has one vote in all stages together, whether cast for themselves, for somebody else, or by somebody
else.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import field

from engine.deciders import ANYBODY, Deciders, Delegation, Vote, refuse_voter
from engine.effects import Refuse
from engine.policy import (
    InSequence,
    NOf,
    Policy,
    Seat,
    SinglePolicy,
    seats_of,
    stage_policies,
    votes_needed,
)
from engine.values import dataclass


@dataclass(frozen=True, slots=True)
class Tally:
    """Where the count stands; `have` are the approvals of the stage, `needed` what decides it."""

    decided: str | None
    needed: int
    have: int
    stage: int
    open_to: Deciders
    """Who may still vote; nobody once it is decided."""


@dataclass(slots=True)
class _Count:
    """The votes of one stage; `voted` are the people of all stages so far."""

    number: int
    policy: SinglePolicy
    deciders: Deciders
    voted: set[str]
    veto: bool
    may_grow: bool
    """Whether more people may be asked: then too few approvals alone decide nothing."""
    counts: Counter[str] = field(default_factory=Counter)
    seated: dict[Seat, tuple[Seat, ...]] = field(default_factory=dict)
    """Who has a seat is known by the seats that they could fill."""

    def add(self, vote: Vote) -> bool:
        """Count a vote, unless one of its people has voted or no seat is left for them."""
        if not vote.people.isdisjoint(self.voted):
            return False
        seats = seats_of(self.policy)
        fitting = tuple(seat for seat in seats if _fits(seat, vote))
        if seats and not _take_seat(self.seated, fitting, set()):
            return False
        self.voted |= vote.people
        self.counts[vote.outcome] += 1
        return True

    def decided(self, outcomes: Sequence[str]) -> str | None:
        """Return the outcome that no further vote can change."""
        approval, *others = outcomes
        needed, rest = votes_needed(self.policy), self._rest()
        for outcome in outcomes:
            enough = 1 if self.veto and outcome != approval else needed
            if self.counts[outcome] >= enough:
                return outcome
        if rest is None or self.counts[approval] + rest >= needed:
            return None
        if self.may_grow and not any(self.counts[name] for name in others):
            return None
        possible = [name for name in others if self._can_win(name, others, rest, needed)]
        return possible[0] if len(possible) == 1 else None

    def is_reachable(self, outcomes: Sequence[str]) -> bool:
        """Tell whether the people who are left can still approve."""
        rest = self._rest()
        return rest is None or self.counts[outcomes[0]] + rest >= votes_needed(self.policy)

    def _can_win(self, outcome: str, others: list[str], rest: int, needed: int) -> bool:
        most = self.counts[outcome] + rest
        leading = max(others, key=lambda name: self.counts[name] + rest * (name == outcome))
        return most >= needed or leading == outcome

    def _rest(self) -> int | None:
        """Return how many more votes there can be, None for any number."""
        if seats_of(self.policy):
            seated = dict(self.seated)
            return sum(_take_seat(seated, (seat,), set()) for seat in self._fillable())
        if self.deciders.anyone or self.deciders.roles:
            return None
        return len(set(self.deciders.users) - self.voted - self.deciders.barred)

    def _fillable(self) -> Iterator[Seat]:
        gone = self.voted | self.deciders.barred
        return (seat for seat in seats_of(self.policy) if seat.is_role or seat.name not in gone)

    def open_to(self) -> Deciders:
        """Return who may still vote."""
        asked = self.deciders
        exclude = asked.exclude | self.voted
        if not seats_of(self.policy):
            users = tuple(user for user in asked.users if user not in asked.barred | self.voted)
            return Deciders(asked.roles, users, asked.anyone, exclude, asked.requester)
        free = [seat for seat in self._fillable() if _take_seat(dict(self.seated), (seat,), set())]
        roles = tuple(seat.name for seat in free if seat.is_role)
        users = tuple(seat.name for seat in free if not seat.is_role)
        return Deciders(roles, users, exclude=exclude, requester=asked.requester)


def _fits(seat: Seat, vote: Vote) -> bool:
    if not seat.is_role:
        return vote.principal == seat.name
    return vote.roles is None or seat.name in vote.roles


def _take_seat(
    seated: dict[Seat, tuple[Seat, ...]], fitting: tuple[Seat, ...], tried: set[Seat]
) -> bool:
    """Seat somebody, where need be by moving others to a seat that fits them as well."""
    for seat in fitting:
        if seat in tried:
            continue
        tried.add(seat)
        if seat not in seated or _take_seat(seated, seated[seat], tried):
            seated[seat] = fitting
            return True
    return False


def _stages(policy: Policy, deciders: Sequence[Deciders]) -> Iterator[_Count]:
    voted: set[str] = set()
    outer = isinstance(policy, InSequence) and policy.veto
    for number, single in enumerate(stage_policies(policy)):
        asked = deciders[number] if number < len(deciders) else ANYBODY
        may_grow = single is policy and isinstance(single, NOf)
        yield _Count(number, single, asked, voted, outer or single.veto, may_grow)


def tally(
    policy: Policy,
    outcomes: Sequence[str],
    votes: Sequence[Vote],
    deciders: Sequence[Deciders] = (),
) -> Tally:
    """Return what votes decide in their order; `deciders` are those of each stage, else anybody.

    What too few people may vote on to be approved is decided before the first vote, unless more may
    be asked: `n_of` waits for them until one of those who are asked says otherwise.
    """
    for stage in _stages(policy, deciders):
        found = _count(stage, outcomes, votes)
        if found.decided != outcomes[0]:
            break
    return found


def can_be_approved(
    policy: Policy,
    outcomes: Sequence[str],
    votes: Sequence[Vote],
    deciders: Sequence[Deciders],
) -> bool:
    """Tell whether those who are asked are enough for the stage under way."""
    number = tally(policy, outcomes, votes, deciders).stage
    for stage in _stages(policy, deciders):
        _count(stage, outcomes, votes)
        if stage.number == number:
            return stage.is_reachable(outcomes)
    return False


def _count(stage: _Count, outcomes: Sequence[str], votes: Sequence[Vote]) -> Tally:
    decided = stage.decided(outcomes)
    for vote in votes:
        if decided is None and vote.stage == stage.number and vote.outcome in outcomes:
            stage.add(vote)
            decided = stage.decided(outcomes)
    open_to = stage.open_to() if decided is None else Deciders()
    have = stage.counts[outcomes[0]]
    return Tally(decided, votes_needed(stage.policy), have, stage.number, open_to)


def may_vote(
    policy: Policy,
    deciders: Sequence[Deciders],
    votes: Sequence[Vote],
    vote: Vote,
    delegations: Collection[Delegation] = (),
) -> Refuse | None:
    """Return why a vote cannot be counted beside those cast already, or None."""
    asked = deciders[vote.stage] if vote.stage < len(deciders) else ANYBODY
    if (refused := refuse_voter(vote, asked, delegations)) is not None:
        return refused
    for stage in _stages(policy, deciders):
        for cast in votes:
            if cast.stage == stage.number:
                stage.add(cast)
        if stage.number == vote.stage:
            return _refuse_again(vote, stage)
    return Refuse("not_allowed", f"the request has no stage {vote.stage}")


def _refuse_again(vote: Vote, stage: _Count) -> Refuse | None:
    again = vote.people & stage.voted
    if again:
        return Refuse("not_allowed", f"{min(again)} has voted already; everybody has one vote")
    left = stage.open_to()
    if not stage.add(vote):
        places = ", ".join((*left.roles, *left.users)) or "none"
        return Refuse("not_allowed", f"{vote.by} fills no open place of the policy: {places}")
    return None
