"""The inbox: open requests, live; answers to several at once where definitions allow it."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from api.approvals import NewDecision, decision_value
from api.parts import Cursor, Parts, PartsDep, Text
from api.saying import await_receipt, produce
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
    typed_in,
)
from api.screens.wording import counted
from storage.screens import COUNTED, InboxFilter, ScreenReading

router = APIRouter()
ROWS = 50
MAX_BULK = ROWS
RECEIPT_SECONDS = 5.0
MAX_ROLES = 1_000


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


@dataclass(frozen=True, slots=True)
class Asked:
    """What the address of the inbox asks for."""

    mine: bool = False
    role: Text = None
    workflow: Text = None

    def wanted(self, person: Person) -> InboxFilter:
        """Return what to list for somebody."""
        role, workflow = self.role or None, self.workflow or None
        if not self.mine:
            return InboxFilter(role=role, workflow=workflow)
        return InboxFilter(role, person.name, person.roles, workflow)

    def query(self, **more: object) -> str:
        """Return the same as a query string."""
        mine = "true" if self.mine else None
        return query(mine=mine, role=self.role, workflow=self.workflow, **more)


AskedDep = Annotated[Asked, Depends()]


async def _data(parts: Parts, wanted: InboxFilter, cursor: str | None) -> dict[str, Any]:
    found, fitting, open = await ScreenReading(parts.store).inbox(wanted, ROWS, cursor)
    return {
        "rows": found.items,
        "next_cursor": found.next_cursor,
        "fitting": counted(fitting, COUNTED),
        "open": counted(open, COUNTED),
    }


@router.get("/")
async def inbox(
    request: Request, parts: PartsDep, asked: AskedDep, cursor: Cursor = None
) -> Response:
    """Show the open requests."""
    return await show(request, parts, asked, cursor)


async def show(
    request: Request,
    parts: Parts,
    asked: Asked,
    cursor: str | None = None,
    *,
    chosen: Collection[str] = (),
    errors: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    """Return the page, with what was chosen if that was not accepted."""
    wanted = asked.wanted(person_of(request))
    shown, names = await asyncio.gather(
        _data(parts, wanted, cursor), ScreenReading(parts.store).workflow_names()
    )
    data = {
        **shown,
        "asked": asked,
        "workflows": names,
        "filtered": asked.mine or bool(asked.role or asked.workflow),
        "next_page": asked.query(cursor=shown["next_cursor"]),
        "live": None if cursor else f"/live/inbox{asked.query()}",
        "here": asked.query(cursor=cursor),
        "chosen": chosen,
        "errors": errors or {},
    }
    return page(request, "inbox.html", data, status)


@router.get("/live/inbox")
async def live_inbox(request: Request, parts: PartsDep, asked: AskedDep) -> Response:
    """Stream the rows of the inbox whenever they change."""
    wanted = asked.wanted(person_of(request))

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
    await produce(parts, decision_value(row, decision))
    receipt = await await_receipt(parts, str(decision.decision_id), RECEIPT_SECONDS)
    if receipt is None:
        return {**shown, "result": "sent", "message": "its answer has not come yet"}
    return {**shown, "result": receipt["result"], "message": receipt["message"]}


@router.post("/bulk")
async def answer_several(
    request: Request, parts: PartsDep, asked: AskedDep, cursor: Cursor = None
) -> Response:
    """Give the approving answer to the chosen requests, each by a decision of its own."""
    given = await request.form()
    chosen = [id for id in given.getlist("request_id") if isinstance(id, str)]
    name = (await typed_in(request)).get("decided_by", "").strip()
    errors = {**_name_error(name, "decided_by")}
    if not chosen:
        errors["request_id"] = "Choose at least one request."
    if errors:
        return await show(request, parts, asked, cursor, chosen=chosen, errors=errors, status=422)
    found = await ScreenReading(parts.store).requests(chosen[:MAX_BULK])
    results = await asyncio.gather(*(_answer_one(parts, row, name) for row in found.values()))
    response = page(request, "bulk.html", {"results": results})
    remember(response, Person(name, person_of(request).roles))
    return response


@router.get("/bulk")
async def to_inbox(request: Request) -> Response:
    """Lead back to the inbox: the address of a choice that was not accepted, opened again."""
    asked = request.url.query
    return RedirectResponse(f"/?{asked}" if asked else "/", 303)


def _name_error(name: str, field: str) -> dict[str, str]:
    if not name:
        return {field: "Say who you are."}
    return {field: f"At most {MAX_NAME} characters."} if len(name) > MAX_NAME else {}


@router.post("/me")
async def introduce(request: Request) -> Response:
    """Keep who reads in the browser, for the filter `mine` and for the forms."""
    typed = await typed_in(request)
    name, roles = typed.get("name", "").strip(), typed.get("roles", "").strip()
    errors = _name_error(name, "name") if name else {}
    if len(roles) > MAX_ROLES:
        errors["roles"] = f"At most {MAX_ROLES:,} characters."
    if errors:
        return page(request, "me.html", {"typed": typed, "errors": errors}, 422)
    given = tuple(role.strip() for role in roles.split(",") if role.strip())
    response = RedirectResponse("/?mine=true" if name else "/", 303)
    remember(response, Person(name, given))
    return response


@router.get("/me")
async def me(request: Request) -> Response:
    """Ask who reads."""
    return page(request, "me.html", {"typed": {}, "errors": {}})
