"""`POST /workflows/{name}/trigger`: a start by hand (requirements.md S9)."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from actions.stored import compile_stored
from api.commands import CALLER, issue, refused
from api.parts import IdempotencyKey, PartsDep, WaitSeconds, id_for, read_json_body
from engine.ids import public_id
from streams.codecs import MAX_EVENT_BYTES
from streams.issuing import key_of_start, new_command, refusal_of_start
from streams.json_check import require_object
from streams.messages import started_id

router = APIRouter(tags=["workflows"])
Row = dict[str, Any]
JSON = ("application/json",)
By = Annotated[str, Query(min_length=1, max_length=255)]
Reason = Annotated[str | None, Query(max_length=2_000)]
ANSWERED: dict[int | str, dict[str, Any]] = {200: {"description": "Ended or paused in time"}}


@router.post("/workflows/{name}/trigger", status_code=202, responses=ANSWERED)
async def trigger(
    request: Request,
    parts: PartsDep,
    name: str,
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
    begun = time.monotonic()
    row = await parts.reading.workflow(name)
    if row is None:
        raise refused("unknown_workflow", f"no workflow is called {name}")
    payload = require_object(await read_json_body(request, JSON, MAX_EVENT_BYTES))
    definition = compile_stored(row["body"], file=row["file"], version=row["version"])
    command = new_command(
        "start",
        id_for(idempotency_key, "start", name),
        by,
        workflow=name,
        data={"payload": payload, "match": match},
        reason=reason,
    )
    receipt = await issue(
        parts,
        command,
        refuse=refusal_of_start(definition, payload),
        key=idempotency_key,
        wait=wait,
        trigger_key=key_of_start(definition, payload, command.command_id),
    )
    started = (receipt and receipt["execution_id"]) or public_id(started_id(command))
    answer = {"command_id": command.command_id, "execution_id": started, "workflow": name}
    left = wait - (time.monotonic() - begun)
    if receipt is None or left <= 0:
        return answer
    settled = await parts.answers.wait(("execution", started), left)
    if settled is None:
        return answer
    response.status_code = 200
    return {**answer, **settled}
