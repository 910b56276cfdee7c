"""The `approval` verb, also behind a `block` that asks first: open a request."""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from engine.canonical import request_hash
from engine.deciders import deciders_of
from engine.definition import ApprovalSpec, Step
from engine.durations import parse_end
from engine.errors import TooLong, Unresolved
from engine.execution import Failure, Line, StepStatus, Wait
from engine.ids import WaitId, public_id, wait_id
from engine.policy import MOST_NAME, AnyOne, names_of, policy_record, require_few
from engine.templates import Template, as_text
from engine.turn import Turn
from engine.votes import Tally, tally


@lru_cache(maxsize=256)
def instant_text(at: datetime) -> str:
    """Return an instant as messages carry it: ISO 8601 in UTC."""
    return at.isoformat().replace("+00:00", "Z")


def _text(turn: Turn, template: Template | None) -> str | None:
    if template is None:
        return None
    value = template.render(turn.scope)
    return None if value is None else as_text(value)


ENTITY_LENGTHS = {"type": 100, "id": 255}


def _requester(turn: Turn, spec: ApprovalSpec) -> str | None:
    named: object = turn.execution.payload.get("requested_by")
    if spec.requester is not None:
        named = _text(turn, spec.requester)
    if not isinstance(named, str):
        return None
    if len(named) > MOST_NAME:
        raise TooLong("the requester", f"{MOST_NAME} characters")
    return named


def _entity(turn: Turn, spec: ApprovalSpec) -> object:
    """Return what a request is about; raises TooLong for what its columns cannot hold."""
    entity = spec.entity.render(turn.scope) if spec.entity else None
    if isinstance(entity, dict):
        for name, most in ENTITY_LENGTHS.items():
            if len(as_text(entity.get(name, ""))) > most:
                raise TooLong(f"entity.{name}", f"{most} characters")
    return entity


def _due_at(turn: Turn, spec: ApprovalSpec) -> datetime | None:
    if spec.expires_in is not None:
        return turn.now + spec.expires_in
    if spec.expires_at is None:
        return None
    return parse_end(spec.expires_at.text(turn.scope), turn.now)


SHOWN = ("title", "body", "entity", "outcomes", "form", "required_fields", "view")
"""What `request_hash` covers, of a waiting record."""


def _shown(turn: Turn, spec: ApprovalSpec) -> dict[str, object]:
    """Return what the approver sees; `request_hash` covers exactly this (security.md)."""
    return {
        "title": _text(turn, spec.title) or "",
        "body": _text(turn, spec.body) or "",
        "entity": _entity(turn, spec),
        "outcomes": list(spec.outcomes),
        "form": dict(spec.form or {}),
        "required_fields": list(spec.required_fields),
        "view": spec.view.render(turn.scope) if spec.view else dict(turn.execution.payload),
    }


def _waiting_record(
    turn: Turn, step: Step, spec: ApprovalSpec, id: WaitId, due_at: datetime | None
) -> dict[str, object]:
    execution = turn.execution
    policy = policy_record(spec.policy, turn.scope)
    shown = _shown(turn, spec)
    record: dict[str, object] = {
        "wait_id": id,
        "execution_id": public_id(execution.id),
        "workflow": execution.workflow,
        "version": execution.version,
        "step_path": step.path,
        "kind": "approval",
        "status": "open",
        **shown,
        "roles": list(spec.roles),
        "users": names_of(spec.users, turn.scope),
        "anyone": spec.anyone,
        "exclude": names_of(spec.exclude, turn.scope),
        "requester": _requester(turn, spec),
        "allow_requester": spec.allow_requester,
        "policy": policy,
        "bulk": spec.bulk,
        "request_hash": request_hash(shown),
        "priority": spec.priority,
        "opened_at": instant_text(turn.now),
        "expires_at": instant_text(due_at) if due_at else None,
    }
    return record | stage_cells(turn, spec, record, 0)


def stage_cells(
    turn: Turn, spec: ApprovalSpec, record: Mapping[str, object], number: int
) -> dict[str, object]:
    """Return what a waiting record says of the stage under way; nothing where there is but one."""
    policy = record["policy"]
    stages = policy.get("sequence") if isinstance(policy, dict) else None
    if not stages:
        return {}
    stage = stages[number]
    title = stage.get("title") or _text(turn, spec.title) or ""
    shown = {name: record[name] for name in SHOWN} | {"title": title}
    people = {name: stage[name] for name in ("roles", "users", "anyone")}
    return {"title": title, **people, "request_hash": request_hash(shown)}


def _check_people(turn: Turn, spec: ApprovalSpec, record: Mapping[str, Any]) -> None:
    """Raise a StepProblem for people who cannot be asked, now or later: nobody waits for them."""
    more = spec.escalate
    users = names_of(more.users, turn.scope) if more is not None else ()
    roles = more.roles if more is not None else ()
    for asked in record["policy"].get("sequence") or (record,):
        require_few((*asked["users"], *users), (*asked["roles"], *roles))


def open_approval(turn: Turn, step: Step, spec: ApprovalSpec, line: Line) -> Line:
    """Open the request and hold the line (requirements.md D5)."""
    try:
        due_at = _due_at(turn, spec)
    except ValueError as problem:
        return turn.fail(step, line, Failure("invalid_instant", f"expires_at: {problem}", step.id))
    id = wait_id(turn.execution.id, step.path)
    record = _waiting_record(turn, step, spec, id, due_at)
    _check_people(turn, spec, record)
    wait = Wait(
        id, step.path, "approval", turn.now, due_at, record, state=first_state(spec, record)
    )
    turn.record(step, line, StepStatus.WAITING, first=True, input=record["view"])
    turn.keep("steps", step.id, {"status": "waiting"})
    turn.open_wait(wait)
    start_nudges(turn, wait, spec)
    return line.begun(turn.now, "waiting")


def first_state(spec: ApprovalSpec, record: Mapping[str, object]) -> dict[str, object]:
    """Return where an open request stands; nothing where one vote decides and nobody is nudged."""
    state: dict[str, object] = {}
    if not isinstance(spec.policy, AnyOne):
        state |= progress(tally(spec.policy, spec.outcomes, (), deciders_of(record))) | {
            "votes": []
        }
    if spec.remind_every is not None:
        state["reminders"] = 0
    if spec.escalate is not None:
        state["escalated"] = False
    return state


def progress(count: Tally) -> dict[str, object]:
    """Return what an inbox shows of a count that goes on."""
    asked = count.open_to
    return {
        "stage": count.stage,
        "needed": count.needed,
        "have": count.have,
        "open_to": {
            "roles": list(asked.roles),
            "users": list(asked.users),
            "anyone": asked.anyone,
        },
    }


def start_nudges(turn: Turn, wait: Wait, spec: ApprovalSpec) -> None:
    """Have the reminder and the escalation of an open request fire in time."""
    if spec.remind_every is not None:
        turn.start_nudge(wait, "reminder", spec.remind_every)
    if spec.escalate is not None:
        turn.start_nudge(wait, "escalation", spec.escalate.after)


def keep_answer(turn: Turn, step: Step, answer: Mapping[str, object]) -> None:
    """Put a decision where later steps read it: `approvals.<step>` (requirements.md S105)."""
    turn.keep("approvals", step.id, dict(answer))
    turn.resume_data = {"kind": "decision", **answer}


def blocked_reason(turn: Turn, template: Template | None, otherwise: str) -> str:
    """Return the reason of a block that followed a refused approval."""
    try:
        return _text(turn, template) or otherwise
    except Unresolved:
        return otherwise
