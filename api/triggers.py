"""`POST /workflows/{name}/trigger`: a start by hand (requirements.md S9)."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from actions.stored import compile_stored
from api.commands import CALLER, issue, refused
from api.events import ORDER
from api.parts import (
    STORABLE,
    IdempotencyKey,
    Name,
    Parts,
    PartsDep,
    WaitSeconds,
    id_for,
    point_to_receipt,
    read_json_body,
)
from api.shapes.common import json_body, shown
from api.shapes.sent import SentCommand, Settled
from engine.ids import public_id
from streams.issuing import key_of_start, new_command, refusal_of_start
from streams.json_check import MAX_EVENT_BYTES, require_object
from streams.messages import started_id

router = APIRouter(tags=["workflows"])
Row = dict[str, Any]
JSON = ("application/json",)
By = Annotated[str, Query(min_length=1, max_length=255, pattern=STORABLE)]
Reason = Annotated[str | None, Query(max_length=2_000, pattern=STORABLE)]
ANSWERED: dict[int | str, dict[str, Any]] = {
    **shown(SentCommand, 202, "Sent"),
    **shown(Settled, 200, "Ended or paused in time"),
}
PAYLOAD = json_body({"type": "object"}, ORDER)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which workflow somebody starts by hand, with what."""

    workflow: str
    payload: Mapping[str, object]
    match: bool = False
    by: str = CALLER
    reason: str | None = None
    scope: str = "start"
    """What an Idempotency-Key is for."""
    body: Sequence[str] = ("data", "by", "reason")
    """What of the command comes from the caller's body."""


@router.post(
    "/workflows/{name}/trigger",
    status_code=202,
    response_model=None,
    responses=ANSWERED,
    openapi_extra=PAYLOAD,
)
async def trigger(
    request: Request,
    parts: PartsDep,
    name: Name,
    response: Response,
    match: bool = False,
    by: By = CALLER,
    reason: Reason = None,
    wait: WaitSeconds = 0,
    idempotency_key: IdempotencyKey = None,
) -> Row:
    """Start an execution with the body as its payload.

    `match`: only if a trigger's condition holds. With `wait`, answer with the execution once it
    has ended or is paused (D11).
    """
    payload = require_object(await read_json_body(request, JSON, MAX_EVENT_BYTES))
    wanted = Wanted(name, payload, match, by, reason)
    return await start(parts, wanted, response, wait, idempotency_key)


async def start(
    parts: Parts, wanted: Wanted, response: Response, wait: float, key: str | None
) -> Row:
    """Produce the command of a start; return its ids, or how the execution stands (200)."""
    begun, name = time.monotonic(), wanted.workflow
    row = await parts.reading.workflow(name)
    if row is None:
        raise refused("unknown_workflow", f"no workflow is called {name}")
    definition = compile_stored(row["body"], file=row["file"], version=row["version"])
    command = new_command(
        "start",
        id_for(key, wanted.scope, name),
        wanted.by,
        workflow=name,
        data={"payload": wanted.payload, "match": wanted.match},
        reason=wanted.reason,
    )
    receipt = await issue(
        parts,
        command,
        refuse=refusal_of_start(definition, wanted.payload),
        key=key,
        wait=wait,
        trigger_key=key_of_start(definition, wanted.payload, command.command_id),
        body=wanted.body,
    )
    started = (receipt and receipt["execution_id"]) or public_id(started_id(command))
    answer = {"command_id": command.command_id, "execution_id": started, "workflow": name}
    point_to_receipt(response, command.command_id)
    left = wait - (time.monotonic() - begun)
    if receipt is None or left <= 0:
        return answer
    settled = await parts.answers.wait(("execution", started), left)
    if settled is None:
        return answer
    response.status_code = 200
    return {**answer, **settled}
