"""Schedules: when they run next, and a run by hand."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter, Response

from api.parts import (
    Cursor,
    IdempotencyKey,
    Limit,
    Name,
    PartsDep,
    Text,
    WaitSeconds,
    page_body,
)
from api.problems import not_found
from api.shapes.common import shown
from api.shapes.operations import SchedulePage
from api.triggers import ANSWERED, By, Reason, Wanted, start
from engine.steps.approval import instant_text

router = APIRouter(tags=["operations"])
Row = dict[str, Any]
SCOPE = "schedule"
"""What an Idempotency-Key is for."""


@router.get("/schedules", response_model=None, responses=shown(SchedulePage))
async def list_schedules(
    parts: PartsDep, workflow: Text = None, limit: Limit = 50, cursor: Cursor = None
) -> Row:
    """Return schedules by name, each with its next and its last slot."""
    return page_body(await parts.reading.schedules(workflow, limit, cursor))


@router.post("/schedules/{name}/trigger", status_code=202, response_model=None, responses=ANSWERED)
async def trigger_schedule(
    parts: PartsDep,
    name: Name,
    response: Response,
    by: By = "api",
    reason: Reason = None,
    wait: WaitSeconds = 0,
    idempotency_key: IdempotencyKey = None,
) -> Row:
    """Start what a schedule starts, now; its slots stay as they are."""
    found = await parts.reading.schedule(name)
    if found is None:
        raise not_found(f"the schedule {name}")
    payload = {"schedule": name, "slot": instant_text(datetime.now(UTC).replace(microsecond=0))}
    workflow = str(found["workflow"])
    # A repeated call comes in another second: its slot is none of the caller's words.
    wanted = Wanted(workflow, payload, by=by, reason=reason, scope=SCOPE, body=("by", "reason"))
    return await start(parts, wanted, response, wait, idempotency_key)
