"""Commands about executions; the receipt tells what became of them (requirements.md D18)."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, ConfigDict, Field

from api.keyed import require_same
from api.parts import (
    IdempotencyKey,
    Name,
    Parts,
    PartsDep,
    WaitSeconds,
    id_for,
    patience,
    point_to_receipt,
)
from api.problems import Problem
from api.shapes.common import AT, shown
from api.shapes.sent import Answer, SentCommand
from engine.effects import Refuse
from engine.ids import public_id
from streams.codecs import encode_command
from streams.issuing import HTTP_STATUS, new_command, refusal
from streams.messages import Command, CommandKind, started_id
from streams.published import EXECUTION, example

router = APIRouter(tags=["executions"])
Row = dict[str, Any]
Step = Annotated[str, Field(min_length=1, max_length=500)]
By = Annotated[str, Field(min_length=1, max_length=255)]
CALLER = "api"
"""Who asks where nobody is named."""


def asked_example(**value: Any) -> ConfigDict:
    """Return the configuration of a body that shows one value and takes nothing else."""
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [value]})


class Asked(BaseModel):
    """Who asks, and why."""

    model_config = asked_example(by="ops@example.com", reason="looked at it")

    by: By = CALLER
    reason: str | None = Field(None, max_length=2_000)

    def data(self) -> dict[str, Any]:
        """Return what the command carries beside who and why."""
        return self.model_dump(exclude={"by", "reason"})


class Resume(Asked):
    """Let a paused execution go on; `resume_data` is what the step reads."""

    model_config = asked_example(by="ops@example.com", resume_data={"counted": 12})

    resume_data: dict[str, Any] = Field(default_factory=dict)
    from_step: Step | None = None


class Cancel(Asked):
    """End an execution; with `compensate`, undo what is done."""

    model_config = asked_example(by="ops@example.com", compensate=True)

    compensate: bool = False


class Retry(Asked):
    """Begin again where it failed, or at a step before."""

    model_config = asked_example(by="ops@example.com", from_step="accept")

    from_step: Step | None = None


class Skip(Asked):
    """Go on behind a step: the one that failed or waits, or the one named."""

    model_config = asked_example(by="ops@example.com", step="accept")

    step: Step | None = None


def refused(code: str, message: str) -> Problem:
    """Return the problem of a refused command."""
    return Problem(HTTP_STATUS.get(code, 409), "command-refused", message, code)


async def issue(
    parts: Parts,
    command: Command,
    *,
    refuse: Refuse | None,
    key: str | None,
    wait: float,
    trigger_key: str | None = None,
    body: Sequence[str] = ("data", "by", "reason"),
) -> Row | None:
    """Produce a command unless its Idempotency-Key did before; return its receipt if it comes.

    `body` names the fields that come from the caller's body. Raises the problem of a refusal,
    whether foreseen or received, and of a key that came with another body.
    """
    asked = {name: getattr(command, name) for name in body}
    if key is None or not await _taken_before(parts, command.command_id, asked):
        if refuse is not None:
            raise refused(refuse.code, refuse.message)
        parts.sent.claim(key and command.command_id, asked)
        await parts.out.send([encode_command(command, parts.topics.commands, trigger_key)])
    seconds = patience(wait, key)
    if not seconds:
        return None
    receipt = await parts.answers.wait(("receipt", command.command_id), seconds)
    if receipt is not None and key is not None:
        await _taken_before(parts, command.command_id, asked)
    if receipt is not None and receipt["result"] == "refused":
        raise refused(receipt["code"], receipt["message"])
    return receipt


async def _taken_before(parts: Parts, id: str, asked: Row) -> bool:
    """Tell whether a command was taken; raises a 422 problem if it was another one."""
    known = await parts.answering.command(id)
    if known is not None:
        require_same(known, asked)
    return known is not None


async def _command(
    parts: Parts,
    kind: CommandKind,
    id: str,
    asked: Asked | None,
    response: Response,
    wait: float,
    key: str | None,
) -> Row:
    asked = asked or Asked()
    target = await parts.reading.command_target(id)
    if target is None:
        raise refused("unknown", f"the execution {id} does not exist")
    command = new_command(
        kind,
        id_for(key, kind, target["id"]),
        asked.by,
        execution_id=target["id"],
        workflow=target["workflow"],
        data=asked.data(),
        reason=asked.reason,
    )
    receipt = await issue(parts, command, refuse=refusal(kind, target), key=key, wait=wait)
    old = target["execution_id"]
    answer = {"command_id": command.command_id, "execution_id": old}
    if kind == "rerun":
        answer = {**answer, "execution_id": public_id(started_id(command)), "rerun_of": old}
    point_to_receipt(response, command.command_id)
    if receipt is None:
        return answer
    response.status_code = 200
    # A repeated call must name the execution that the first one started.
    started = receipt["execution_id"] if receipt["execution_id"] != old else None
    return {**receipt, **answer, "execution_id": started or answer["execution_id"]}


class Applied(SentCommand, Answer):
    """The command was carried out; its receipt."""

    model_config = example(
        command_id="0192f3d2",
        kind="cancel",
        workflow="order-approval",
        execution_id=EXECUTION,
        result="applied",
        code=None,
        message="cancelled by ana@example.com",
        decided_by="ana@example.com",
        at=AT,
    )


ANSWERED: dict[int | str, dict[str, Any]] = {
    **shown(SentCommand, 202, "Sent"),
    **shown(Applied, 200, "Applied; its receipt"),
}


@router.post("/executions/{id}/hold", status_code=202, response_model=None, responses=ANSWERED)
async def hold(
    parts: PartsDep,
    id: Name,
    response: Response,
    asked: Annotated[Asked | None, Body()] = None,
    wait: WaitSeconds = 0,
    idempotency_key: IdempotencyKey = None,
) -> Row:
    """Pause an execution until somebody resumes it."""
    return await _command(parts, "hold", id, asked, response, wait, idempotency_key)


@router.post("/executions/{id}/resume", status_code=202, response_model=None, responses=ANSWERED)
async def resume(
    parts: PartsDep,
    id: Name,
    response: Response,
    asked: Annotated[Resume | None, Body()] = None,
    wait: WaitSeconds = 0,
    idempotency_key: IdempotencyKey = None,
) -> Row:
    """Let a paused execution go on; 409 if it is not paused or waits for an approval (S94)."""
    asked = asked or Resume()
    return await _command(parts, "resume", id, asked, response, wait, idempotency_key)


@router.post("/executions/{id}/cancel", status_code=202, response_model=None, responses=ANSWERED)
async def cancel(
    parts: PartsDep,
    id: Name,
    response: Response,
    asked: Annotated[Cancel | None, Body()] = None,
    wait: WaitSeconds = 0,
    idempotency_key: IdempotencyKey = None,
) -> Row:
    """End an execution; its waits and approvals are closed."""
    asked = asked or Cancel()
    return await _command(parts, "cancel", id, asked, response, wait, idempotency_key)


@router.post("/executions/{id}/retry", status_code=202, response_model=None, responses=ANSWERED)
async def retry(
    parts: PartsDep,
    id: Name,
    response: Response,
    asked: Annotated[Retry | None, Body()] = None,
    wait: WaitSeconds = 0,
    idempotency_key: IdempotencyKey = None,
) -> Row:
    """Let a failed execution begin again at the step that failed, or at the one named."""
    asked = asked or Retry()
    return await _command(parts, "retry", id, asked, response, wait, idempotency_key)


@router.post("/executions/{id}/skip", status_code=202, response_model=None, responses=ANSWERED)
async def skip(
    parts: PartsDep,
    id: Name,
    response: Response,
    asked: Annotated[Skip | None, Body()] = None,
    wait: WaitSeconds = 0,
    idempotency_key: IdempotencyKey = None,
) -> Row:
    """Let an execution go on behind a step that failed or waits."""
    asked = asked or Skip()
    return await _command(parts, "skip", id, asked, response, wait, idempotency_key)


@router.post("/executions/{id}/rerun", status_code=202, response_model=None, responses=ANSWERED)
async def rerun(
    parts: PartsDep,
    id: Name,
    response: Response,
    asked: Annotated[Asked | None, Body()] = None,
    wait: WaitSeconds = 0,
    idempotency_key: IdempotencyKey = None,
) -> Row:
    """Start a new execution with the payload of this one."""
    return await _command(parts, "rerun", id, asked, response, wait, idempotency_key)
