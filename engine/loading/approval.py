"""The `approval` of a step, also of a `block` (definitions.md, Approval)."""

from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Literal

from engine.definition import ApprovalSpec, Escalation
from engine.ids import StepPath
from engine.loading.node import Fields, Node
from engine.loading.policy import Asked, read_asked, read_people, read_policy, read_roles
from engine.loading.schema import refuse_remote
from engine.paths import parse_path
from engine.policy import AnyOne, NOf, Policy
from engine.templates import Template, is_one_reference

KEYS = (
    "title",
    "body",
    "roles",
    "users",
    "anyone",
    "policy",
    "exclude",
    "allow_requester",
    "requester",
    "outcomes",
    "form",
    "required_fields",
    "view",
    "entity",
    "expires_in",
    "expires_at",
    "remind_every",
    "escalate",
    "priority",
    "bulk",
)
BRANCHES = {"on_approved": "approved", "on_rejected": "rejected", "on_expired": "expired"}
SHORTEST_REMINDER = timedelta(minutes=1)
FIXED_OUTCOMES = ("approved", "rejected")

ReadBranch = Callable[[Node, str], StepPath | None]
"""Reads the branch of an outcome."""


def read_approval(
    node: Node, branches: Fields, read_branch: ReadBranch, read_refused: ReadBranch
) -> ApprovalSpec:
    """Read an approval with the branches beside it: that of approval, those of other outcomes."""
    fields = node.fields(KEYS, required=("title",))
    asked = read_asked(fields)
    policy = read_policy(fields, asked)
    outcomes = _outcomes(fields)
    expires_in = _expires_in(fields)
    if "expires_in" not in fields and "expires_at" not in fields:
        _warn_of_no_expiry(branches)
    return ApprovalSpec(
        title=_title(fields) or node.child("title", "").template(),
        body=fields.known["body"].markdown() if "body" in fields else None,
        roles=asked.roles,
        users=asked.users,
        anyone=asked.anyone,
        exclude=_people(fields, "exclude"),
        requester=_line(fields, "requester"),
        allow_requester=_flag(fields, "allow_requester"),
        outcomes=outcomes,
        form=_form(fields),
        required_fields=_required(fields),
        view=_view(fields),
        entity=_entity(fields),
        expires_in=expires_in,
        expires_at=_expires_at(fields),
        priority=_priority(fields),
        policy=policy,
        remind_every=_remind_every(fields, expires_in),
        escalate=_escalate(fields, asked, policy, expires_in),
        bulk=_bulk(fields),
        on_outcome=_branches(branches, outcomes, read_branch, read_refused),
    )


def _line(fields: Fields, key: str) -> Template | None:
    node = fields.get(key)
    return None if node is None else node.line()


def _title(fields: Fields) -> Template | None:
    title = fields.get("title")
    if title is not None and isinstance(title.value, str) and not title.value.strip():
        title.warning("nobody sees what is asked: the title is empty")
    return _line(fields, "title")


def _people(fields: Fields, key: str) -> Template | None:
    node = fields.get(key)
    return None if node is None else read_people(node)


def _view(fields: Fields) -> Template | None:
    node = fields.get("view")
    if node is None:
        return None
    if not isinstance(node.value, Mapping) and not is_one_reference(node.value):
        node.mistake("view is a mapping of what is shown, such as {total: ${total}}")
    return node.template()


def _expires_at(fields: Fields) -> Template | None:
    node = fields.get("expires_at")
    return None if node is None else node.instant()


def _roles(fields: Fields) -> tuple[str, ...]:
    node = fields.get("roles")
    return () if node is None else read_roles(node)


def _texts(fields: Fields, key: str) -> tuple[str, ...]:
    node = fields.get(key)
    return () if node is None else node.texts()


def _flag(fields: Fields, key: str) -> bool:
    node = fields.get(key)
    return False if node is None else node.boolean()


def _outcomes(fields: Fields) -> tuple[str, ...]:
    node = fields.get("outcomes")
    if node is None:
        return FIXED_OUTCOMES
    outcomes = tuple(item.name("outcome") for item in node.items())
    if not isinstance(node.value, list) or not all(isinstance(name, str) for name in node.value):
        return FIXED_OUTCOMES
    if len(set(outcomes)) < max(len(outcomes), 2):
        node.mistake("outcomes needs at least two different names")
        return FIXED_OUTCOMES
    for reserved in ("expired", "cancelled"):
        if reserved in outcomes:
            node.mistake(f"{reserved} is set by the engine; choose another name")
    return outcomes


def _form(fields: Fields) -> Mapping[str, object] | None:
    node = fields.get("form")
    if node is None:
        return None
    found: dict[str, object] = {}
    for name, field in node.entries():
        _check_field_name(name, field)
        found[name] = field.value
        if isinstance(field.value, Mapping):
            refuse_remote(field)
        else:
            field.mistake("a form field is a JSON Schema, such as {type: number, maximum: 15}")
    return found if isinstance(node.value, Mapping) else None


def _check_field_name(name: str, field: Node) -> None:
    """Note a name that no reference to the filled form can hold."""
    try:
        readable = len(parse_path(name)) == 1
    except ValueError:
        readable = False
    if not readable:
        field.mistake(
            f"{name!r} is no field name: write letters (a to z), digits, _ and -, a letter first; "
            "what people see is its title"
        )


def _required(fields: Fields) -> tuple[str, ...]:
    required = _texts(fields, "required_fields")
    form = fields.get("form")
    names = form.value if form is not None and isinstance(form.value, Mapping) else {}
    for name in required:
        if name not in names:
            fields.known["required_fields"].mistake(f"the form has no field {name!r}")
    return required


def _entity(fields: Fields) -> Template | None:
    node = fields.get("entity")
    if node is None:
        return None
    fields = node.fields(("type", "id"), required=("type", "id"))
    for part in fields.known.values():
        part.line()
    return node.template()


def _expires_in(fields: Fields) -> timedelta | None:
    node = fields.get("expires_in")
    if node is None:
        return None
    if "expires_at" in fields:
        node.mistake("give expires_in or expires_at, not both")
    return node.duration()


def _remind_every(fields: Fields, expires_in: timedelta | None) -> timedelta | None:
    node = fields.get("remind_every")
    if node is None:
        return None
    pause = _before_expiry(node, expires_in)
    if timedelta() < pause < SHORTEST_REMINDER:
        node.mistake(f"{node.value} is too often; remind at most once a minute")
    return pause


def _before_expiry(node: Node, expires_in: timedelta | None) -> timedelta:
    length = node.duration()
    if expires_in and length >= expires_in:
        node.mistake(f"{node.value} never comes: the approval expires before; write less")
    return length


def _escalate(
    fields: Fields, asked: Asked, policy: Policy, expires_in: timedelta | None
) -> Escalation | None:
    node = fields.get("escalate")
    if node is None:
        return None
    inner = node.fields(("after", "roles", "users"), required=("after",))
    after, roles, users = inner.get("after"), _roles(inner), _people(inner, "users")
    nobody = not Asked(roles, users, anyone=False).anybody and not inner.misspelt("roles", "users")
    if isinstance(node.value, Mapping) and nobody:
        node.mistake("escalate needs roles or users: whom else to ask")
    if asked.anyone:
        node.mistake("anyone may decide already; escalate has nobody to add")
    if not isinstance(policy, AnyOne | NOf):
        node.mistake(
            "escalate adds deciders, and this policy counts only those it names;"
            " use any, n_of, or on_expired with another approval"
        )
    return Escalation(
        _before_expiry(after, expires_in) if after is not None else timedelta(), roles, users
    )


def _bulk(fields: Fields) -> bool:
    bulk = _flag(fields, "bulk")
    if bulk and "required_fields" in fields:
        fields.known["bulk"].mistake("nobody fills in a form in bulk; drop required_fields or bulk")
    return bulk


def _priority(fields: Fields) -> Literal["low", "normal", "high"]:
    node = fields.get("priority")
    word = "normal" if node is None else node.choice(("normal", "low", "high"))
    return "low" if word == "low" else "high" if word == "high" else "normal"


def _branches(
    branches: Fields,
    outcomes: tuple[str, ...],
    read_branch: ReadBranch,
    read_refused: ReadBranch,
) -> dict[str, StepPath]:
    found: dict[str, StepPath] = {}
    refused = outcomes[1:] if "block" in branches else ("rejected",)
    for key, outcome in BRANCHES.items():
        node = branches.get(key)
        if node is None:
            continue
        if outcome != "expired" and outcome not in outcomes:
            node.mistake(f"the outcomes are {', '.join(outcomes)}; use on: {{<outcome>: ...}}")
        _check_empty(node, outcome, refused)
        first = (read_branch if outcome == outcomes[0] else read_refused)(node, outcome)
        if first is not None:
            found[outcome] = first
    own = branches.get("on")
    for outcome, node in own.entries() if own is not None else ():
        if outcome not in (*outcomes, "expired"):
            node.mistake(f"unknown outcome {outcome!r}; there are: {', '.join(outcomes)}, expired")
        elif f"on_{outcome}" in branches:
            node.mistake(f"on_{outcome} stands beside it already; give one of the two")
        _check_empty(node, outcome, refused)
        first = (read_branch if outcome == outcomes[0] else read_refused)(node, outcome)
        if first is not None:
            found[outcome] = first
    return found


def _warn_of_no_expiry(branches: Fields) -> None:
    text = "this is never taken: the approval has neither expires_in nor expires_at"
    if "on_expired" in branches:
        branches.known["on_expired"].warning(text)
    own = branches.get("on")
    if own is not None and isinstance(own.value, Mapping) and "expired" in own.value:
        own.warning(text, "expired")


def _check_empty(node: Node, outcome: str, refused: Collection[str]) -> None:
    """Note an empty branch where the engine blocks as it does without one."""
    if node.value == [] and outcome in (*refused, "expired"):
        node.mistake(f"an empty branch is as none: {outcome} blocks; write steps, or remove it")
