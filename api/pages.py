"""The inbox: plain server-rendered pages; a GET never decides."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.templating import Jinja2Templates

from api.approvals import NewDecision, await_receipt, send_decision
from api.forms import fields_of, read_answers
from api.parts import PartsDep
from streams.tracing import trace_of

router = APIRouter()
templates = Jinja2Templates(directory=Path(__file__).parent / "templates")
RECEIPT_SECONDS = 5.0
MAX_SHOWN = 2_000


def ago(at: datetime | None) -> str:
    """Return how long ago, or how far ahead, an instant is."""
    if at is None:
        return "-"
    seconds = (datetime.now(UTC) - at).total_seconds()
    size, ahead = abs(seconds), seconds < 0
    for limit, unit, length in ((90, "s", 1), (5400, "min", 60), (129600, "h", 3600)):
        if size < limit:
            text = f"{size / length:.0f} {unit}"
            break
    else:
        text = f"{size / 86400:.0f} d"
    return f"in {text}" if ahead else f"{text} ago"


def shown(value: object) -> str:
    """Return a value as text for a table cell, cut where it is long."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]} … ({len(text)} characters)"


templates.env.filters["ago"] = ago
templates.env.filters["shown"] = shown


@router.get("/", response_class=HTMLResponse)
async def inbox(request: Request, parts: PartsDep, cursor: str | None = None) -> Response:
    """Show the open approvals."""
    page = await parts.reading.approvals(limit=50, cursor=cursor)
    return templates.TemplateResponse(request, "inbox.html", {"page": page})


@router.get("/approvals/{request_id}", response_class=HTMLResponse)
async def form(request: Request, parts: PartsDep, request_id: str, done: str = "") -> Response:
    """Show one request with its form."""
    return await _show(request, parts, request_id, {}, message=done)


async def _show(
    request: Request,
    parts: PartsDep,
    request_id: str,
    answers: Mapping[str, str],
    *,
    message: str = "",
    problem: str = "",
) -> Response:
    approval = await parts.reading.approval(request_id)
    if approval is None:
        what = {"what": f"The approval request {request_id}"}
        return templates.TemplateResponse(request, "missing.html", what, status_code=404)
    data: dict[str, Any] = {
        "approval": approval,
        "record": approval["record"],
        "fields": fields_of(approval["record"], answers),
        "answers": answers,
        "message": message,
        "problem": problem,
    }
    status = 409 if problem else 200
    return templates.TemplateResponse(request, "approval.html", data, status_code=status)


@router.post("/approvals/{request_id}", response_class=HTMLResponse)
async def decide(request: Request, parts: PartsDep, request_id: str) -> Response:
    """Send what was typed as a decision, and show what became of it."""
    typed = await request.form()
    answers = {name: value for name, value in typed.items() if isinstance(value, str)}
    approval = await parts.reading.approval(request_id)
    if approval is None:
        return await _show(request, parts, request_id, answers)
    who = answers.get("decided_by", "").strip()
    if not who or len(who) > 255:
        return await _show(request, parts, request_id, answers, problem="Say who you are.")
    decision = NewDecision(
        outcome=answers.get("outcome") or "missing",
        decided_by=who,
        reason=answers.get("reason", "").strip()[:2_000] or None,
        form=read_answers(approval["record"], answers),
        request_hash=approval["record"]["request_hash"],
    )
    decision_id = await send_decision(parts, approval, decision)
    receipt = await await_receipt(parts, decision_id, RECEIPT_SECONDS)
    if receipt is not None and receipt["result"] == "refused":
        problem = f"Not accepted ({receipt['code']}): {receipt['message']}"
        return await _show(request, parts, request_id, answers, problem=problem)
    done = "applied" if receipt is not None else "sent"
    return RedirectResponse(f"/approvals/{request_id}?done={done}", 303)


@router.get("/executions/{id}", response_class=HTMLResponse)
async def execution(request: Request, parts: PartsDep, id: str) -> Response:
    """Show an execution and its steps."""
    trace: dict[str, Any] | None = await trace_of(parts.reading, id)
    if trace is None:
        data = {"what": f"The execution {id}"}
        return templates.TemplateResponse(request, "missing.html", data, status_code=404)
    return templates.TemplateResponse(request, "execution.html", {"trace": trace})
