"""What is done with a request beside deciding it: claim, comment, reassign, delegate."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from api.assignments import ByPerson, Comment, Delegate, Reassign
from api.parts import Parts, PartsDep
from api.saying import await_receipt, produce
from api.screens.decision import Typed, show
from api.screens.page import Person, missing, person_of, remember, typed_in
from api.screens.refusals import explained
from storage.screens import ScreenReading
from streams.issuing import delegation, note, refusal_of_note
from streams.producer import PublishFailed

router = APIRouter()
KINDS = ("comment", "claim", "reassign", "delegate")
RECEIPT_SECONDS = 5.0


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _instant(text: str) -> datetime | None:
    """Return the end of a day, or an instant in UTC; raises ValueError."""
    if not text.strip():
        return None
    at = datetime.fromisoformat(text.strip())
    if len(text.strip()) == len("2026-01-01"):
        at = at.replace(hour=23, minute=59, second=59)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def record_of(kind: str, id: str, approval: Mapping[str, Any], typed: Mapping[str, str]) -> Any:
    """Return the record that a note is sent as; raises ValueError naming what is wrong."""
    record, by = approval["record"], typed.get("decided_by", "").strip()
    reason = typed.get("reason", "").strip() or None
    match kind:
        case "comment":
            said = Comment(decided_by=by, text=typed.get("text", "").strip())
            return note(kind, id, record, decided_by=said.decided_by, reason=said.text)
        case "claim":
            claimed = ByPerson(decided_by=by, reason=reason)
            return note(kind, id, record, **claimed.model_dump())
        case "reassign":
            people, roles = _names(typed.get("to", "")), _names(typed.get("roles", ""))
            moved = Reassign(decided_by=by, reason=reason, to=people, roles=roles)
            return note(kind, id, record, **moved.model_dump())
        case _:
            until = _instant(typed.get("until", ""))
            given = Delegate(decided_by=by, reason=reason, to=typed.get("to", ""), until=until)
            return delegation(id, by, given.to, None, given.until, reason)


def _wrong(problem: ValueError) -> tuple[str, str]:
    """Return the field that is wrong, and why."""
    if not isinstance(problem, ValidationError):
        return "until", "write it as 2026-12-31, or 2026-12-31T18:00"
    found = problem.errors(include_url=False, include_input=False)[0]
    text = str(found["msg"]).removeprefix("Value error, ")
    return str(found["loc"][0]) if found["loc"] else "to", text


@router.post("/approvals/{request_id}/notes")
async def send_note(request: Request, parts: PartsDep, request_id: str) -> Response:
    """Send a note about a request, and show the request again with its answer."""
    typed = await typed_in(request)
    approval = await ScreenReading(parts.store).approval(request_id)
    kind = typed.get("kind", "")
    if approval is None or kind not in KINDS:
        return missing(request, f"The approval request {request_id}")
    id = uuid4().hex
    field, problem = await _send(parts, kind, id, approval, typed)
    if problem:
        wrong = Typed(note=typed, note_field=field, note_problem=problem, status=422)
        return await show(request, parts, request_id, wrong)
    response = RedirectResponse(f"/approvals/{request_id}?sent={id}", 303)
    remember(response, Person(typed["decided_by"].strip(), person_of(request).roles))
    return response


async def _send(
    parts: Parts, kind: str, id: str, approval: dict[str, Any], typed: Mapping[str, str]
) -> tuple[str, str]:
    """Send a note; return the field that is wrong and why, both empty if it is accepted."""
    refused = None if kind == "delegate" else refusal_of_note(kind, approval)
    if refused is not None:
        return "", explained(refused.code, refused.message)
    try:
        value = record_of(kind, id, approval, typed)
    except ValueError as problem:
        return _wrong(problem)
    try:
        await produce(parts, value)
    except PublishFailed as problem:
        return "", f"Nothing was sent; try again in a moment. {problem}"
    receipt = await await_receipt(parts, id, RECEIPT_SECONDS)
    if receipt is not None and receipt["result"] == "refused":
        return "", explained(receipt["code"], receipt["message"])
    return "", ""
