"""Executions: list, one, trace (requirements.md S200-S202)."""

from typing import Any, Literal

from fastapi import APIRouter

from api.parts import Cursor, Instant, Limit, Name, Offset, PartsDep, Text, page_body
from api.problems import not_found
from api.shapes.common import shown
from api.shapes.executions import RunPage, Trace, WholeRun
from storage.reading import ExecutionFilter
from streams.tracing import trace_of

router = APIRouter(tags=["executions"])
Status = Literal["pending", "running", "paused", "completed", "blocked", "failed", "cancelled"]
Result = Literal["allowed", "blocked", "executed", "failed"]


@router.get("/executions", response_model=None, responses=shown(RunPage))
async def list_executions(
    parts: PartsDep,
    status: Status | None = None,
    result: Result | None = None,
    workflow: Text = None,
    trigger: Text = None,
    key: Text = None,
    label: Text = None,
    waiting_on: Text = None,
    since: Instant = None,
    until: Instant = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    offset: Offset = 0,
) -> dict[str, Any]:
    """Return executions, newest first (S195).

    `label` is a name or `name=value`; `waiting_on` is a kind (`approval`, `event`, `timer`,
    `hold`), an event type, a wait id, a role or a user.
    """
    wanted = ExecutionFilter(
        status, result, workflow, trigger, key, since, until, label, waiting_on
    )
    return page_body(await parts.reading.executions(wanted, limit, cursor, offset))


@router.get("/executions/{id}", response_model=None, responses=shown(WholeRun))
async def get_execution(parts: PartsDep, id: Name) -> dict[str, Any]:
    """Return one execution by its public id or its UUID.

    Data are returned as they are stored; only the pages mask what stands under names of secrets.
    """
    found = await parts.reading.execution(id)
    if found is None:
        raise not_found(f"the execution {id}")
    return found


@router.get("/executions/{id}/trace", response_model=None, responses=shown(Trace))
async def get_trace(
    parts: PartsDep, id: Name, context: Literal["full"] | None = None
) -> dict[str, Any]:
    """Return an execution with its steps, waits, approvals, timers, effects and decisions.

    Data are returned as they are stored; only the pages mask what stands under names of secrets.
    """
    found = await trace_of(parts.reading, parts.definitions, id)
    if found is None:
        raise not_found(f"the execution {id}")
    if context is None:
        found["execution"].pop("context")
    return found
