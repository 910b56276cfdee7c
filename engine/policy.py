"""Approval policies: how many people must say what (definitions.md, Approval).

A policy is met by votes of different people that say the same; the first outcome of an approval's
list counts as approval. With `veto`, one vote for anything else decides. `engine.votes` counts.
"""

from collections.abc import Iterable, Iterator
from typing import TypeAlias, assert_never

from engine.errors import TooLong, TooMany
from engine.templates import Scope, Template
from engine.values import dataclass


@dataclass(frozen=True, slots=True)
class Seat:
    """One voice that a policy lists: a user's, or that of one holder of a role."""

    name: str
    is_role: bool


@dataclass(frozen=True, slots=True)
class AnyOne:
    """The first vote decides."""

    veto: bool = False


@dataclass(frozen=True, slots=True)
class AllOf:
    """All seats must say the same; each is filled by another person."""

    seats: tuple[Seat, ...]
    veto: bool = False


@dataclass(frozen=True, slots=True)
class NOf:
    """The first outcome with so many votes decides."""

    count: int
    veto: bool = False


@dataclass(frozen=True, slots=True)
class PercentOf:
    """The first outcome with this share of the seats decides, rounded up to whole seats."""

    percent: int
    seats: tuple[Seat, ...]
    veto: bool = False


MOST_NAME = 255
"""Longest name of a user: nobody with a longer one can decide."""
MOST_ROLE = 100
"""Longest name of a role: what the database holds of one (S184)."""
MOST_PEOPLE_BYTES = 2_000
"""Most that the users and roles of an approval come to, with `NAME_BYTES` for each: an index holds
them, so that an inbox is found without a look at the requests of others."""
NAME_BYTES = 8
SinglePolicy: TypeAlias = AnyOne | AllOf | NOf | PercentOf
FIRST_VOTE = AnyOne()
"""The policy of an approval that names none."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One approval of a sequence: who decides it, and how."""

    policy: SinglePolicy = FIRST_VOTE
    title: Template | None = None
    roles: tuple[str, ...] = ()
    users: Template | None = None
    anyone: bool = False


@dataclass(frozen=True, slots=True)
class InSequence:
    """Stages one after another, each by other people; the first that is not approved decides."""

    stages: tuple[Stage, ...]
    veto: bool = False


Policy: TypeAlias = SinglePolicy | InSequence


def stage_policies(policy: Policy) -> tuple[SinglePolicy, ...]:
    """Return the policy of each stage; most policies have one stage."""
    if isinstance(policy, InSequence):
        return tuple(stage.policy for stage in policy.stages)
    return (policy,)


def templates_of(policy: Policy) -> Iterator[Template | None]:
    """Yield what a policy renders when its approval is opened."""
    for stage in policy.stages if isinstance(policy, InSequence) else ():
        yield from (stage.title, stage.users)


def votes_needed(policy: SinglePolicy) -> int:
    """Return how many equal votes decide."""
    match policy:
        case AnyOne():
            return 1
        case NOf():
            return policy.count
        case AllOf():
            return len(policy.seats)
        case PercentOf():
            return -(-policy.percent * len(policy.seats) // 100)
        case _:
            assert_never(policy)


def seats_of(policy: SinglePolicy) -> tuple[Seat, ...]:
    """Return the voices that a policy lists, none where whoever may decide has one."""
    return policy.seats if isinstance(policy, AllOf | PercentOf) else ()


def names_of(people: Template | None, scope: Scope) -> list[str]:
    """Return the user names that a template gives; raises Unresolved and TooLong."""
    value = people.render(scope) if people is not None else None
    items = value if isinstance(value, list) else [value]
    names = [str(item) for item in items if item not in (None, "")]
    if any(len(name) > MOST_NAME for name in names):
        raise TooLong("a user's name", f"{MOST_NAME} characters")
    return names


def require_few(users: Iterable[str], roles: Iterable[str]) -> None:
    """Raise TooMany for more people than one approval can ask."""
    sizes = (len(name.encode()) + NAME_BYTES for name in (*users, *roles))
    if sum(sizes) > MOST_PEOPLE_BYTES:
        raise TooMany(MOST_PEOPLE_BYTES, NAME_BYTES)


def policy_record(policy: Policy, scope: Scope | None = None) -> dict[str, object]:
    """Return a policy as waiting records carry it, in the words of definitions.

    The titles and users of stages are rendered over `scope`; raises Unresolved.
    """
    words = _words(policy, scope or {})
    return {**words, "veto": True} if policy.veto else words


def _words(policy: Policy, scope: Scope) -> dict[str, object]:
    match policy:
        case AnyOne():
            return {"any": True}
        case NOf():
            return {"n_of": policy.count}
        case AllOf():
            return {"all": [seat.name for seat in policy.seats]}
        case PercentOf():
            return {"percent": policy.percent, "of": [seat.name for seat in policy.seats]}
        case InSequence():
            return {"sequence": [_stage_record(stage, scope) for stage in policy.stages]}
        case _:
            assert_never(policy)


def _stage_record(stage: Stage, scope: Scope) -> dict[str, object]:
    title = stage.title.render(scope) if stage.title is not None else None
    record: dict[str, object] = {} if title is None else {"title": str(title)}
    return record | {
        "roles": list(stage.roles),
        "users": names_of(stage.users, scope),
        "anyone": stage.anyone,
        "policy": policy_record(stage.policy, scope),
    }
