"""The `policy` of an approval, and whom an approval asks (definitions.md, Approval; D21)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.hints import nearest
from engine.loading.node import Fields, Node
from engine.policy import (
    FIRST_VOTE,
    MOST_NAME,
    MOST_ROLE,
    AllOf,
    AnyOne,
    InSequence,
    NOf,
    PercentOf,
    Policy,
    Seat,
    SinglePolicy,
    Stage,
    names_of,
    seats_of,
    votes_needed,
)
from engine.templates import Template, compile_template

KINDS = ("any", "all", "n_of", "percent", "sequence")
KEYS = (*KINDS, "of", "veto")
WHO = ("roles", "users", "anyone")
STAGE_KEYS = ("title", *WHO, "policy")
MOST_VOTES = 50
MOST_STAGES = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """Whom an approval or a stage asks, as it is written."""

    roles: tuple[str, ...]
    users: Template | None
    anyone: bool

    @property
    def anybody(self) -> bool:
        """Tell whether somebody is asked at all."""
        return self.anyone or bool(self.roles) or self.fixed_users is None or bool(self.fixed_users)

    @property
    def fixed_users(self) -> tuple[str, ...] | None:
        """Return the users, None where they are known only when the approval is opened."""
        if self.users is not None and not self.users.is_constant:
            return None
        return tuple(names_of(self.users, {}))


def read_asked(fields: Fields) -> Asked:
    """Read roles, users and anyone; each may be absent."""
    roles, users, anyone = (fields.get(key) for key in WHO)
    return Asked(
        read_roles(roles) if roles is not None else (),
        read_people(users) if users is not None else None,
        anyone.boolean() if anyone is not None else False,
    )


def read_roles(node: Node) -> tuple[str, ...]:
    """Read a list of roles, or one."""
    for name in [node] if isinstance(node.value, str) else node.items():
        if isinstance(name.value, str) and len(name.value) > MOST_ROLE:
            name.mistake(f"a role has at most {MOST_ROLE} characters; write a shorter one")
    return node.texts()


def read_people(node: Node) -> Template:
    """Read a list of user names, or a text with a reference to one."""
    sound = isinstance(node.value, str | list)
    for name in [node] if isinstance(node.value, str) else node.items():
        written = name.line()
        if not isinstance(name.value, str | int | float):
            sound = False
        elif written.is_constant and len(written.text({})) > MOST_NAME:
            name.mistake(f"a user's name has at most {MOST_NAME} characters; write a shorter one")
            sound = False
    # What is wrong is said; what else is wrong is looked for as if there were a name.
    return node.template() if sound else compile_template(["invalid"])


def read_policy(fields: Fields, asked: Asked) -> Policy:
    """Read how an approval is decided, and check that somebody can decide it."""
    node = fields.get("policy")
    inner = _policy_fields(node) if node is not None else None
    if inner is None or "sequence" not in inner:
        _check_asked(fields, asked, "an approval")
        more = "escalate" in fields
        policy = _single(inner, asked, more=more) if inner is not None else FIRST_VOTE
        if not more:
            _warn_of_too_few(fields, [(node or fields.node, asked, policy)])
        return policy
    for key in WHO:
        if key in fields:
            fields.known[key].mistake("each stage of a sequence has its own; move this into them")
    listed = inner.known["sequence"]
    stages = _stages(listed)
    asking = [Asked(stage.roles, stage.users, stage.anyone) for stage in stages]
    policies = [stage.policy for stage in stages]
    _warn_of_too_few(fields, list(zip(listed.items(), asking, policies, strict=True)))
    return InSequence(stages, _veto(inner))


def _warn_of_too_few(fields: Fields, stages: Sequence[tuple[Node, Asked, SinglePolicy]]) -> None:
    """Warn of stages that too few people may decide: each person has one vote in all of them."""
    excluded = _excluded(fields.get("exclude"))
    earlier: list[tuple[set[str], int]] = []
    for node, asked, policy in stages:
        listed = [seat.name for seat in seats_of(policy)] or asked.fixed_users
        if asked.roles or asked.anyone or not listed:
            continue
        people, needed = set(listed) - excluded, votes_needed(policy)
        before = sum(votes for others, votes in earlier if others <= people)
        earlier.append((people, needed))
        if not people:
            fields.known["exclude"].warning("nobody may decide this: all its users are excluded")
        elif needed + before > len(people) and needed <= len(listed):
            node.warning(_too_few(needed, before, sorted(people)))


def _too_few(needed: int, before: int, people: Sequence[str]) -> str:
    what = "with the stages before, it" if before else "it"
    return (
        f"nobody can decide this: {what} needs {needed + before} votes by different people, "
        f"and there is only {', '.join(people)}"
    )


def _excluded(node: Node | None) -> set[str]:
    """Return the users of `exclude` that are written out."""
    if node is None:
        return set()
    names = node.value if isinstance(node.value, list) else [node.value]
    return {str(name) for name in names if "${" not in str(name)}


def _check_asked(fields: Fields, asked: Asked, what: str) -> None:
    if not asked.anybody and not fields.misspelt(*WHO):
        fields.node.mistake(f"{what} needs roles, users or anyone: true")


def _policy_fields(node: Node) -> Fields:
    fields = node.fields(KEYS)
    count = sum(kind in fields for kind in KINDS)
    if isinstance(node.value, Mapping) and count != 1 and (count or not fields.misspelt(*KINDS)):
        node.mistake(f"a policy has one of: {', '.join(KINDS)}")
    if "of" in fields and "percent" not in fields:
        fields.known["of"].mistake("of belongs to percent, as in {percent: 60, of: [sales, legal]}")
    return fields


def _veto(fields: Fields) -> bool:
    node = fields.get("veto")
    return node.boolean() if node is not None else False


def _single(fields: Fields, asked: Asked, *, more: bool = False) -> SinglePolicy:
    """Read a policy that is no sequence; `more` tells that others are asked later."""
    everybody, count, share = (fields.get(kind) for kind in ("all", "n_of", "percent"))
    veto = _veto(fields)
    if everybody is not None:
        return AllOf(_seats(everybody, asked), veto)
    if count is not None:
        return NOf(_count(count, asked, more=more), veto)
    if share is not None:
        of = fields.get("of")
        if of is None:
            share.mistake("percent needs of: the roles or users of which so many must agree")
        seats = _seats(of, asked) if of is not None else ()
        return PercentOf(share.integer(1, 100), seats, veto)
    first = fields.get("any")
    if first is not None and not first.boolean():
        first.mistake("write any: true, or another policy")
    return AnyOne(veto)


def _count(node: Node, asked: Asked, *, more: bool) -> int:
    count, users = node.integer(1, MOST_VOTES), asked.fixed_users
    if more or asked.roles or asked.anyone or not users or count <= len(users):
        return count
    node.mistake(f"{count} people must say the same, and only {len(users)} may decide: add more")
    return count


def _seats(node: Node, asked: Asked) -> tuple[Seat, ...]:
    names = node.texts()
    if not 1 <= len(names) <= MOST_VOTES and isinstance(node.value, list | str):
        node.mistake(f"name 1 to {MOST_VOTES} roles or users")
    if asked.anyone:
        node.mistake("name these as roles or users of the approval instead of anyone: true")
        return tuple(Seat(name, is_role=False) for name in names)
    for number, name in enumerate(names):
        if name in names[:number]:
            node.mistake(f"{name!r} stands in the list already; everybody has one vote", number)
        elif "${" not in name and not _is_asked(name, asked):
            known = (*asked.roles, *(asked.fixed_users or ()))
            hint = nearest(name, known) or "; add it there"
            node.mistake(
                f"{name!r} is neither among the roles nor the users of the approval{hint}", number
            )
    return tuple(Seat(name, name in asked.roles) for name in names)


def _is_asked(name: str, asked: Asked) -> bool:
    return name in asked.roles or asked.fixed_users is None or name in asked.fixed_users


def _stages(node: Node) -> tuple[Stage, ...]:
    items = node.items()
    if isinstance(node.value, list) and not 2 <= len(items) <= MOST_STAGES:
        node.mistake(f"a sequence has 2 to {MOST_STAGES} stages, each with its roles or users")
    return tuple(_stage(item) for item in items)


def _stage(node: Node) -> Stage:
    fields = node.fields(STAGE_KEYS)
    title, policy = fields.get("title"), fields.get("policy")
    asked = read_asked(fields)
    if isinstance(node.value, Mapping):
        _check_asked(fields, asked, "a stage")
    inner = _policy_fields(policy) if policy is not None else None
    if inner is not None and "sequence" in inner:
        inner.known["sequence"].mistake("a stage is no sequence itself; add its stages to the list")
    return Stage(
        _single(inner, asked) if inner is not None else FIRST_VOTE,
        title.line() if title is not None else None,
        asked.roles,
        asked.users,
        asked.anyone,
    )
