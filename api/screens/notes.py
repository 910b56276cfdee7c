"""What is done with a request beside deciding it: claim, comment, reassign, delegate."""

from collections.abc import Mapping
from datetime import time
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from api.assignments import ByPerson, Comment, Delegate, Reassign
from api.parts import Name, Parts, PartsDep
from api.saying import produce
from api.screens.decision import Typed, answer_of, show
from api.screens.page import Person, missing, now, person_of, read_instant, remember, typed_in
from api.screens.refusals import told
from api.screens.unsent import NO_BROKER, UNREACHABLE, unsent
from config.mistakes import text_of
from storage.screens import ScreenReading
from streams.issuing import delegation, note, refusal_of_note
from streams.json_check import Undecodable
from streams.notes import read_answered
from streams.producer import PublishFailed

router = APIRouter()
KINDS = ("comment", "claim", "reassign", "delegate")
MISSING = {
    "decided_by": "Say who you are.",
    "text": "Write what you have to say.",
    "to": "Name who decides on your behalf.",
}
END_OF_DAY = time(23, 59, 59)


class Past(ValueError):
    """An end that lies behind us."""


def _names(text: str) -> list[str]:
    return list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _instant(text: str) -> str | None:
    """Return the end of a day, or an instant in UTC, written out; raises ValueError."""
    if not text.strip():
        return None
    at = read_instant(text.strip(), END_OF_DAY)
    if at <= now():
        raise Past
    return at.isoformat()


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
            return _delegation(id, by, reason, typed)


def _delegation(id: str, by: str, reason: str | None, typed: Mapping[str, str]) -> Any:
    people, until = _names(typed.get("to", "")), _instant(typed.get("until", ""))
    given = [
        Delegate.model_validate({"decided_by": by, "reason": reason, "to": to, "until": until})
        for to in people or [""]
    ]
    record = {**delegation(id, by, people[0], None, given[0].until, reason), "to": people}
    read_answered(record)
    return record


def _wrong(problem: ValueError) -> tuple[str, str]:
    """Return the field that is wrong, and why."""
    if isinstance(problem, Past):
        return "until", "It lies in the past."
    if not isinstance(problem, ValidationError):
        return "until", "Write it as 2026-12-31, or 2026-12-31T18:00."
    found = problem.errors(include_url=False, include_input=False)[0]
    field, kind = str(found["loc"][0]) if found["loc"] else "to", found["type"]
    if kind == "string_too_short":
        return field, MISSING.get(field, "This must be filled in.")
    if kind in ("string_too_long", "too_long"):
        unit = "characters" if kind == "string_too_long" else "names"
        return field, f"At most {found['ctx']['max_length']:,} {unit}."
    return field, told(text_of(found).removesuffix(" in `to`"))


@router.post("/approvals/{request_id}/notes")
async def send_note(request: Request, parts: PartsDep, request_id: str) -> Response:
    """Send a note about a request, and show the request again with its answer."""
    typed = await typed_in(request)
    try:
        return await _note(request, parts, request_id, typed)
    except UNREACHABLE:
        return unsent(request, typed)


async def _note(
    request: Request, parts: Parts, request_id: str, typed: Mapping[str, str]
) -> Response:
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
        return "", told(refused.message)
    try:
        value = record_of(kind, id, approval, typed)
    except ValueError as problem:
        return _wrong(problem)
    try:
        await produce(parts, value)
    except PublishFailed:
        return "", NO_BROKER
    except Undecodable as problem:
        return "", told(problem.message)
    receipt = await answer_of(parts, id)
    if receipt is not None and receipt["result"] == "refused":
        return "", told(receipt["message"])
    return "", ""


@router.get("/approvals/{request_id}/notes")
async def to_request(request_id: Name) -> Response:
    """Lead back to the request: the address of a form that was not accepted, opened again."""
    return RedirectResponse(f"/approvals/{quote(request_id, safe='')}", 303)
