"""Who may decide an approval, for themselves or for somebody else (security.md; D21)."""

from collections.abc import Collection, Mapping
from datetime import datetime

from engine.effects import Refuse
from engine.values import dataclass


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's answer; `roles` are None where the carrier does not prove them."""

    by: str
    on_behalf_of: str | None
    outcome: str
    roles: frozenset[str] | None
    at: datetime
    stage: int = 0

    @property
    def principal(self) -> str:
        """Return whose vote it is, whoever cast it."""
        return self.on_behalf_of or self.by

    @property
    def people(self) -> frozenset[str]:
        """Return who has voted with it: none of them may vote again."""
        return frozenset((self.by, self.principal))


@dataclass(frozen=True, slots=True)
class Delegation:
    """A user lets another decide for them, from one instant until just before another."""

    user: str
    delegate: str
    from_: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Deciders:
    """Who may decide one stage; `requester` is None where the requester may too."""

    roles: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    anyone: bool = False
    exclude: frozenset[str] = frozenset()
    requester: str | None = None

    @property
    def barred(self) -> frozenset[str]:
        """Return the people who may not decide, whatever else they are."""
        return self.exclude | {self.requester} if self.requester is not None else self.exclude


ANYBODY = Deciders(anyone=True)


def deciders_of(record: Mapping[str, object]) -> tuple[Deciders, ...]:
    """Return who may decide each stage of an approval, from its waiting record."""
    policy = record.get("policy")
    stages = policy.get("sequence") if isinstance(policy, Mapping) else None
    asking = [stage for stage in stages if isinstance(stage, Mapping)] if stages else [record]
    requester = None if record.get("allow_requester") else record.get("requester")
    return tuple(
        Deciders(
            texts(stage.get("roles")),
            texts(stage.get("users")),
            stage.get("anyone") is True,
            frozenset(texts(record.get("exclude"))),
            requester if isinstance(requester, str) else None,
        )
        for stage in asking
    )


def texts(value: object) -> tuple[str, ...]:
    """Return the names in a list of a waiting record; none where there is no list."""
    return tuple(map(str, value)) if isinstance(value, list) else ()


def refuse_voter(
    vote: Vote, asked: Deciders, delegations: Collection[Delegation] = ()
) -> Refuse | None:
    """Return why a person may not decide, whatever was decided so far, or None."""
    return _refuse_delegate(vote, delegations) or _refuse_person(vote, asked)


def _refuse_delegate(vote: Vote, delegations: Collection[Delegation]) -> Refuse | None:
    if vote.principal == vote.by:
        return None
    between = (vote.principal, vote.by)
    known = [given for given in delegations if (given.user, given.delegate) == between]
    if not known:
        return Refuse("not_allowed", f"no delegation from {vote.principal} is known")
    if not any(given.from_ <= vote.at < given.until for given in known):
        problem = f"the delegation from {vote.principal} to {vote.by} does not hold at this time"
        return Refuse("not_allowed", problem)
    return None


def _refuse_person(vote: Vote, asked: Deciders) -> Refuse | None:
    if asked.requester in vote.people:
        return Refuse(
            "self_approval", f"{asked.requester} asked for this; somebody else must decide"
        )
    excluded = vote.people & asked.exclude
    if excluded:
        return Refuse("not_allowed", f"{min(excluded)} is excluded from deciding this")
    if asked.anyone or vote.principal in asked.users:
        return None
    if not asked.roles:
        return Refuse("not_allowed", f"{vote.principal} is not among the users who may decide")
    # A delegate stands in for a named user; a role must be held by who decides.
    if vote.roles is not None and vote.roles.isdisjoint(asked.roles):
        return Refuse("not_allowed", f"{vote.by} holds none of the roles {', '.join(asked.roles)}")
    return None
