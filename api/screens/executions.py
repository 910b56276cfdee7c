"""Executions: what runs, what waits, what has ended; search by key, status, workflow and time."""

import asyncio
import re
from dataclasses import asdict, dataclass
from datetime import datetime, time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.parts import Cursor, Parts, PartsDep, Text
from api.screens.live import Change, stream
from api.screens.page import fragment, page, query, read_instant, templates
from engine.execution import Status
from engine.ids import ExecutionId, parse_execution_id, public_id
from storage.reading import ExecutionFilter
from storage.screens import COUNTED, ScreenReading

router = APIRouter()
ROWS = 50
Chosen = Annotated[str | None, Query(max_length=20)]
STATUSES = tuple(str(status) for status in Status)


SHOWN_ID = re.compile(r"(?:exec_)?([0-9a-f]{8})([0-9a-f]{4})(?:…|\.{2,3}) *([0-9a-f]{1,16})")
"""What the list shows of an id: its beginning, which is an instant, and its end."""


def shown_id(execution_id: str) -> str:
    """Return the beginning and the end of an id; the search knows it by them."""
    digits = execution_id.removeprefix("exec_")
    return f"{digits[:12]}…{digits[-8:]}"


templates.env.filters["shown_id"] = shown_id


def _instant(text: str | None, clock: time) -> tuple[datetime | None, str]:
    """Return the instant that was typed, in UTC, a day at `clock`; or what is wrong with it."""
    text = (text or "").strip()
    if not text:
        return None, ""
    try:
        return read_instant(text, clock), ""
    except ValueError:
        return None, "Write it as 2026-12-31 or 2026-12-31T18:00."


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
        status = self.status or None
        wrong = "" if status in (None, *STATUSES) else f"There is no status {status}."
        key = (self.key or "").strip() or None
        begin, wrong_begin = _instant(self.since, time.min)
        # Until a day means until it is over, as in a delegation.
        end, wrong_end = _instant(self.until, time.max)
        wanted = ExecutionFilter(
            status=status, workflow=self.workflow or None, key=key, since=begin, until=end
        )
        return wanted, {"status": wrong, "since": wrong_begin, "until": wrong_end}


AskedDep = Annotated[Asked, Depends()]


def is_about_executions(change: Change) -> bool:
    """Tell whether a list of executions may look different now."""
    return change.kind == "execution"


async def _data(parts: Parts, asked: Asked, cursor: str | None) -> dict[str, Any]:
    wanted, _ = asked.wanted()
    found, counts = await ScreenReading(parts.store).executions(wanted, ROWS, cursor)
    return {
        "rows": found.items,
        "next_cursor": found.next_cursor,
        "counts": counts,
        "most": COUNTED,
        "statuses": STATUSES,
        "others": {name: value for name, value in asdict(asked).items() if name != "status"},
        "chosen": wanted.status,
    }


async def _named(parts: Parts, text: str) -> ExecutionId | None:
    """Return the execution that a text names, by its id or by what the list shows of it."""
    if (parsed := parse_execution_id(text)) is not None:
        return ExecutionId(parsed)
    shown = SHOWN_ID.fullmatch(text.lower())
    if shown is None:
        return None
    found = await ScreenReading(parts.store).shown(f"{shown[1]}-{shown[2]}", shown[3])
    return None if found is None else ExecutionId(found)


@router.get("/executions")
async def list_executions(
    request: Request, parts: PartsDep, asked: AskedDep, cursor: Cursor = None
) -> Response:
    """Show executions, newest first; an id typed as key leads to its execution."""
    named = await _named(parts, (asked.key or "").strip())
    if named is not None:
        return RedirectResponse(f"/executions/{public_id(named)}", 303)
    _, wrong = asked.wanted()
    shown, names = await asyncio.gather(
        _data(parts, asked, cursor), ScreenReading(parts.store).workflow_names()
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
        return fragment("executions_rows.html", await _data(parts, asked, None))

    return stream(request, ("executions", wanted), is_about_executions, render)
