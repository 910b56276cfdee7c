"""Executions: what runs, what waits, what has ended; search by key, status, workflow and time."""

import asyncio
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.parts import Cursor, Parts, PartsDep, Text
from api.screens.live import Change, stream
from api.screens.page import fragment, page, query
from engine.execution import Status
from engine.ids import parse_execution_id, public_id
from storage.reading import ExecutionFilter
from storage.screens import COUNTED, ScreenReading

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


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address of the list asks for."""

    status: Chosen = None
    workflow: Text = None
    key: Text = None
    since: Text = None
    until: Text = None

    def wanted(self) -> tuple[ExecutionFilter, dict[str, str]]:
        """Return what to list, and what is wrong with which field."""
        status = self.status if self.status in STATUSES else None
        key = (self.key or "").strip() or None
        (begin, wrong_begin), (end, wrong_end) = _instant(self.since), _instant(self.until)
        wanted = ExecutionFilter(
            status=status, workflow=self.workflow or None, key=key, since=begin, until=end
        )
        return wanted, {"since": wrong_begin, "until": wrong_end}


AskedDep = Annotated[Asked, Depends()]


def is_about_executions(change: Change) -> bool:
    """Tell whether a list of executions may look different now."""
    return change.kind == "execution"


async def _data(parts: Parts, wanted: ExecutionFilter, cursor: str | None) -> dict[str, Any]:
    found, counts = await ScreenReading(parts.store).executions(wanted, ROWS, cursor)
    return {
        "rows": found.items,
        "next_cursor": found.next_cursor,
        "counts": counts,
        "most": COUNTED,
        "statuses": STATUSES,
        "others": {"workflow": wanted.workflow, "key": wanted.key},
    }


@router.get("/executions")
async def list_executions(
    request: Request, parts: PartsDep, asked: AskedDep, cursor: Cursor = None
) -> Response:
    """Show executions, newest first; an id typed as key leads to its execution."""
    named = parse_execution_id((asked.key or "").strip()) if asked.key else None
    if named is not None:
        return RedirectResponse(f"/executions/{public_id(named)}", 303)
    wanted, wrong = asked.wanted()
    shown, names = await asyncio.gather(
        _data(parts, wanted, cursor), ScreenReading(parts.store).workflow_names()
    )
    chosen = asdict(asked)
    data = {
        **shown,
        "asked": asked,
        "wrong": wrong,
        "workflows": names,
        "next_page": query(**chosen, cursor=shown["next_cursor"]),
        "live": None
        if cursor or asked.since or asked.until
        else f"/live/executions{query(**chosen)}",
        "filtered": any(chosen.values()),
    }
    return page(request, "executions.html", data, 422 if any(wrong.values()) else 200)


@router.get("/live/executions")
async def live_executions(request: Request, parts: PartsDep, asked: AskedDep) -> Response:
    """Stream the rows of the list whenever they change."""
    wanted, _ = asked.wanted()

    async def render() -> str:
        return fragment("executions_rows.html", await _data(parts, wanted, None))

    return stream(request, ("executions", wanted), is_about_executions, render)
