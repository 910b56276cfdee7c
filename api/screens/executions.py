"""Executions: what runs, what waits, what has ended; search by key, status, workflow and time."""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.parts import Cursor, Parts, PartsDep, Text
from api.screens.live import Change, stream
from api.screens.page import fragment, page, query
from engine.execution import Status
from engine.ids import parse_execution_id, public_id
from storage.screens import COUNTED, ExecutionsFilter, ScreenReading

router = APIRouter()
ROWS = 50
Chosen = Annotated[str | None, Query(max_length=20)]
STATUSES = tuple(str(status) for status in Status)


def _instant(text: str | None) -> tuple[datetime | None, str]:
    """Return the instant that was typed, in UTC, or what is wrong with it."""
    if not text or not text.strip():
        return None, ""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return None, "Write it as 2026-12-31 or 2026-12-31T18:00."
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC), ""


def is_about_executions(change: Change) -> bool:
    """Tell whether a list of executions may look different now."""
    return change.kind == "execution"


async def _data(parts: Parts, wanted: ExecutionsFilter, cursor: str | None) -> dict[str, Any]:
    found, counts = await ScreenReading(parts.store).executions(wanted, ROWS, cursor)
    return {
        "rows": found.items,
        "next_cursor": found.next_cursor,
        "counts": counts,
        "most": COUNTED,
        "statuses": STATUSES,
        "status": wanted.status,
        "others": {"workflow": wanted.workflow, "key": wanted.key},
    }


@router.get("/executions")
async def list_executions(
    request: Request,
    parts: PartsDep,
    status: Chosen = None,
    workflow: Text = None,
    key: Text = None,
    since: Text = None,
    until: Text = None,
    cursor: Cursor = None,
) -> Response:
    """Show executions, newest first; an id typed as key leads to its execution."""
    named = parse_execution_id((key or "").strip()) if key else None
    if named is not None:
        return RedirectResponse(f"/executions/{public_id(named)}", 303)
    (begin, wrong_since), (end, wrong_until) = _instant(since), _instant(until)
    known = status if status in STATUSES else None
    wanted = ExecutionsFilter(known, workflow or None, (key or "").strip() or None, begin, end)
    shown, names = await asyncio.gather(
        _data(parts, wanted, cursor), ScreenReading(parts.store).workflow_names()
    )
    chosen = {"status": known, "workflow": workflow, "key": key, "since": since, "until": until}
    data = {
        **shown,
        **{name: value or "" for name, value in chosen.items()},
        "wrong": {"since": wrong_since, "until": wrong_until},
        "workflows": names,
        "next_page": query(**chosen, cursor=shown["next_cursor"]),
        "live": None if cursor or since or until else f"/live/executions{query(**chosen)}",
        "filtered": any(chosen.values()),
    }
    return page(request, "executions.html", data, 422 if wrong_since or wrong_until else 200)


@router.get("/live/executions")
async def live_executions(
    request: Request,
    parts: PartsDep,
    status: Chosen = None,
    workflow: Text = None,
    key: Text = None,
) -> Response:
    """Stream the rows of the list whenever they change."""
    known = status if status in STATUSES else None
    wanted = ExecutionsFilter(known, workflow or None, key or None)

    async def render() -> str:
        return fragment("executions_rows.html", await _data(parts, wanted, None))

    return stream(request, ("executions", wanted), is_about_executions, render)
