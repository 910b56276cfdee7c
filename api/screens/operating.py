"""The buttons of an execution: each produces a command, whose receipt tells what became of it."""

from collections.abc import Mapping
from typing import Any, get_args
from uuid import uuid4

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from api.commands import issue
from api.parts import PartsDep
from api.problems import Problem
from api.screens.execution import show
from api.screens.page import MAX_NAME, Person, missing, person_of, remember, typed_in
from api.screens.refusals import explained
from api.screens.unsent import NO_BROKER
from engine.ids import public_id
from streams.issuing import new_command, refusal
from streams.messages import Command, CommandKind, started_id
from streams.producer import PublishFailed

router = APIRouter()
RECEIPT_SECONDS = 5.0
MAX_REASON = 2_000


class Wrong(Exception):
    """A field of the form does not fit."""

    def __init__(self, field: str, problem: str) -> None:
        self.field, self.problem = field, problem
        super().__init__(problem)


def data_of(kind: str, typed: Mapping[str, str]) -> dict[str, Any]:
    """Return what a command carries beside who and why; raises Wrong."""
    step = typed.get("step", "").strip() or None
    match kind:
        case "resume":
            return {"resume_data": _object(typed.get("resume_data", "")), "from_step": step}
        case "retry":
            return {"from_step": step}
        case "skip":
            return {"step": step}
        case "cancel":
            return {"compensate": typed.get("compensate") == "on"}
        case _:
            return {}


def _object(text: str) -> dict[str, Any]:
    if not text.strip():
        return {}
    try:
        value = orjson.loads(text)
    except ValueError as problem:
        raise Wrong("resume_data", f"This is no JSON: {problem}") from None
    if not isinstance(value, dict):
        raise Wrong("resume_data", 'Write an object, such as {"checked": true}.')
    return value


def command_of(target: Mapping[str, Any], typed: Mapping[str, str]) -> Command:
    """Return the command that a form asks for; raises Wrong."""
    kind = typed.get("kind", "")
    if kind not in get_args(CommandKind) or kind == "start":
        raise Wrong("kind", "Choose what to do.")
    by, reason = typed.get("by", "").strip(), typed.get("reason", "").strip()
    if not by or len(by) > MAX_NAME:
        raise Wrong("by", "Say who you are." if not by else f"At most {MAX_NAME} characters.")
    if len(reason) > MAX_REASON:
        raise Wrong("reason", f"At most {MAX_REASON:,} characters.")
    data = data_of(kind, typed)
    name: Any = kind
    return new_command(
        name,
        uuid4().hex,
        by,
        execution_id=target["id"],
        workflow=target["workflow"],
        data=data,
        reason=reason or None,
    )


@router.post("/executions/{id}/commands")
async def send_command(request: Request, parts: PartsDep, id: str) -> Response:
    """Send what was asked for, and show what became of it."""
    typed = await typed_in(request)
    target = await parts.reading.command_target(id)
    if target is None:
        return missing(request, f"The execution {id}")
    try:
        command = command_of(target, typed)
        misfit = refusal(command.kind, target)
        receipt = await issue(parts, command, refuse=misfit, key=None, wait=RECEIPT_SECONDS)
    except Wrong as wrong:
        problem, field, status = wrong.problem, wrong.field, 422
    except Problem as refused:
        field = "step" if refused.code == "unknown_step" and typed.get("step") else ""
        problem, status = explained(refused.code, refused.detail), refused.status
    except PublishFailed:
        problem, field, status = NO_BROKER, "", 503
    else:
        return _done(request, command, target, receipt)
    return await show(request, parts, id, typed=typed, problem=problem, field=field, status=status)


def _done(
    request: Request, command: Command, target: Mapping[str, Any], receipt: Mapping[str, Any] | None
) -> Response:
    """Lead to the execution that goes on: after a rerun, retry or skip that may be a new one."""
    execution = target["execution_id"]
    if receipt is not None:
        execution = receipt["execution_id"] or execution
    elif command.kind == "rerun":
        execution = public_id(started_id(command))
    response = RedirectResponse(f"/executions/{execution}?sent={command.command_id}", 303)
    remember(response, Person(command.by, person_of(request).roles))
    return response
