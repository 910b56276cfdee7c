"""The inbox: open requests, live; answers to several at once where definitions allow it."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.approvals import NewDecision, await_receipt, send_decision
from api.parts import Cursor, Parts, PartsDep, Text
from api.screens.live import Change, stream
from api.screens.page import (
    MAX_NAME,
    Person,
    fragment,
    page,
    person_of,
    query,
    remember,
    templates,
)
from api.screens.wording import counted
from storage.screens import COUNTED, InboxFilter, ScreenReading

router = APIRouter()
ROWS = 50
MAX_BULK = ROWS
RECEIPT_SECONDS = 5.0
Mine = Annotated[bool, Query()]
Ids = Annotated[list[str], Form()]


def tally_of(state: Mapping[str, Any] | None) -> str:
    """Return how far a count of votes has come: `1 of 2`, and in which stage."""
    state = state or {}
    if "needed" not in state:
        return ""
    stage = f", stage {state['stage'] + 1}" if state.get("stage") else ""
    return f"{state['have']} of {state['needed']}{stage}"


templates.env.filters["tally"] = tally_of


def bulk_answer(record: Mapping[str, Any]) -> str | None:
    """Return the answer that may be given to a request from the list, None where none may."""
    if not record.get("bulk") or record.get("required_fields"):
        return None
    outcomes = record.get("outcomes") or []
    return str(outcomes[0]) if outcomes else None


def _wanted(person: Person, mine: bool, role: str | None, workflow: str | None) -> InboxFilter:
    if not mine:
        return InboxFilter(role=role or None, workflow=workflow or None)
    return InboxFilter(role or None, person.name, person.roles, workflow or None)


async def _data(parts: Parts, wanted: InboxFilter, cursor: str | None) -> dict[str, Any]:
    found, open = await ScreenReading(parts.store).inbox(wanted, ROWS, cursor)
    return {"rows": found.items, "next_cursor": found.next_cursor, "open": counted(open, COUNTED)}


@router.get("/")
async def inbox(
    request: Request,
    parts: PartsDep,
    mine: Mine = False,
    role: Text = None,
    workflow: Text = None,
    cursor: Cursor = None,
) -> Response:
    """Show the open requests."""
    person = person_of(request)
    wanted = _wanted(person, mine, role, workflow)
    shown, names = await asyncio.gather(
        _data(parts, wanted, cursor), ScreenReading(parts.store).workflow_names()
    )
    chosen = {"mine": "true" if mine else None, "role": role, "workflow": workflow}
    data = {
        **shown,
        "mine": mine,
        "role": role or "",
        "workflow": workflow or "",
        "workflows": names,
        "filtered": mine or bool(role or workflow),
        "next_page": query(**chosen, cursor=shown["next_cursor"]),
        "live": None if cursor else f"/live/inbox{query(**chosen)}",
        "bulk": any(row["bulk"] for row in shown["rows"]),
    }
    return page(request, "inbox.html", data)


@router.get("/live/inbox")
async def live_inbox(
    request: Request,
    parts: PartsDep,
    mine: Mine = False,
    role: Text = None,
    workflow: Text = None,
) -> Response:
    """Stream the rows of the inbox whenever they change."""
    wanted = _wanted(person_of(request), mine, role, workflow)

    async def render() -> str:
        return fragment("inbox_rows.html", await _data(parts, wanted, None))

    return stream(request, ("inbox", wanted), _is_about_approvals, render)


def _is_about_approvals(change: Change) -> bool:
    return change.kind == "approval"


async def _answer_one(parts: Parts, row: dict[str, Any], name: str) -> dict[str, Any]:
    """Send one answer of many; return what became of it."""
    shown = {"request_id": row["request_id"], "title": row["record"].get("title")}
    outcome = bulk_answer(row["record"])
    if outcome is None:
        return {**shown, "result": "refused", "message": "it cannot be answered from the list"}
    decision = NewDecision(
        outcome=outcome,
        decided_by=name,
        request_hash=row["record"]["request_hash"],
        decision_id=uuid4().hex,
    )
    decision_id = await send_decision(parts, row, decision)
    receipt = await await_receipt(parts, decision_id, RECEIPT_SECONDS)
    if receipt is None:
        return {**shown, "result": "sent", "message": "its answer has not come yet"}
    return {**shown, "result": receipt["result"], "message": receipt["message"]}


@router.post("/bulk")
async def answer_several(
    request: Request,
    parts: PartsDep,
    decided_by: Annotated[str, Form(max_length=MAX_NAME)] = "",
    request_id: Ids = [],  # noqa: B006
) -> Response:
    """Give the approving answer to the chosen requests, each by a decision of its own."""
    name = decided_by.strip()
    if not name or not request_id:
        problem = "Choose at least one request." if name else "Say who you are."
        data = {"title": "Nothing was sent", "detail": problem, "retry": False}
        return page(request, "problem.html", data, 422)
    found = await ScreenReading(parts.store).requests(request_id[:MAX_BULK])
    results = await asyncio.gather(*(_answer_one(parts, row, name) for row in found.values()))
    response = page(request, "bulk.html", {"results": results})
    remember(response, Person(name, person_of(request).roles))
    return response


@router.post("/me")
async def introduce(
    name: Annotated[str, Form(max_length=MAX_NAME)] = "",
    roles: Annotated[str, Form(max_length=1_000)] = "",
) -> Response:
    """Keep who reads in the browser, for the filter `mine` and for the forms."""
    given = tuple(role.strip() for role in roles.split(",") if role.strip())
    response = RedirectResponse("/?mine=true" if name.strip() else "/", 303)
    remember(response, Person(name.strip(), given))
    return response


@router.get("/me")
async def me(request: Request) -> Response:
    """Ask who reads."""
    return page(request, "me.html", {})
