"""The decision form: what is asked, who has said what, and the answers. A GET never decides."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response

from api.approvals import NewDecision, decision_value
from api.parts import STORABLE, Parts, PartsDep
from api.saying import STATUS_OF_CODE, await_receipt, produce
from api.screens.forms import errors_of, fields_of, read_answers
from api.screens.live import ANSWER_SECONDS, Change, stream
from api.screens.page import (
    MAX_NAME,
    Person,
    fragment,
    missing,
    page,
    person_of,
    query,
    remember,
    templates,
    typed_in,
)
from api.screens.refusals import explained
from api.screens.unsent import NO_BROKER, UNREACHABLE, unsent
from api.screens.ways import ways_of
from api.screens.wording import as_json
from engine.canonical import request_hash
from engine.deciders import Vote, deciders_of, refuse_voter
from engine.errors import SluicegateError
from storage.screens import ScreenReading
from streams.json_check import Undecodable
from streams.producer import PublishFailed

router = APIRouter()
Row = dict[str, Any]
Sent = Annotated[str | None, Query(max_length=MAX_NAME, pattern=STORABLE)]
RECEIPT_SECONDS = 5.0
MAX_REASON = 2_000
SHOWN = ("title", "body", "entity", "outcomes", "form", "required_fields", "view")
"""The parts of a waiting record that its hash covers."""


@dataclass(slots=True)
class Typed:
    """What came back from a form, and what is wrong with it."""

    answers: Mapping[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    status: int = 200
    note: Mapping[str, str] = field(default_factory=dict)
    """What was typed into one of the small forms, with its `kind`."""
    note_field: str = ""
    note_problem: str = ""


NOTHING = Typed()


def hashed(record: Mapping[str, Any]) -> Row:
    """Return the request exactly as its hash covers it."""
    return {name: record[name] for name in SHOWN if name in record}


def is_unaltered(record: Mapping[str, Any]) -> bool:
    """Tell whether what is shown is what the hash was made of."""
    return bool(request_hash(hashed(record)) == record.get("request_hash"))


def doubt(approval: Row, person: Person, at: Any) -> str:
    """Return why a person may not decide, as far as can be told; empty if nothing is known."""
    if not person.name or approval["status"] != "pending":
        return ""
    asked = deciders_of(approval["record"])
    state = approval["state"] or {}
    stage = int(state.get("stage") or 0)
    if any(person.name in (vote["by"], vote.get("on_behalf_of")) for vote in votes_of(approval)):
        return f"{person.name} has voted already; somebody else must give the next vote."
    roles = frozenset(person.roles) if person.roles else None
    problem = refuse_voter(
        Vote(person.name, None, "", roles, at), asked[min(stage, len(asked) - 1)]
    )
    return "" if problem is None else f"{problem.message}."


def votes_of(approval: Row) -> list[Row]:
    """Return the votes counted so far."""
    votes = (approval["state"] or {}).get("votes")
    return list(votes) if isinstance(votes, list) else []


def still_asked(approval: Row) -> Row:
    """Return who may decide as things stand: roles, users, or anyone."""
    open_to = (approval["state"] or {}).get("open_to")
    if isinstance(open_to, Mapping):
        return dict(open_to)
    record = approval["record"]
    return {"roles": approval["roles"], "users": approval["users"], "anyone": record.get("anyone")}


templates.env.filters |= {"still_asked": still_asked, "votes_of": votes_of}


async def _ways(parts: Parts, approval: Row) -> list[Any]:
    """Return what each answer leads to; nothing where that cannot be found out."""
    record = approval["record"]
    try:
        definition = await parts.definitions.get(record["workflow"], record["version"])
        stored = await ScreenReading(parts.store).stored(approval["execution_row_id"])
        if definition is None or stored is None:
            return []
        return ways_of(definition, stored, record)
    except (SluicegateError, KeyError, ValueError):
        return []


async def show(
    request: Request, parts: Parts, request_id: str, typed: Typed = NOTHING, receipt: Any = None
) -> Response:
    """Return the page of a request, with what was typed if that was not accepted."""
    approval = await ScreenReading(parts.store).approval(request_id)
    if approval is None:
        return missing(request, f"The approval request {request_id}")
    record, person = approval["record"], person_of(request)
    is_open = approval["status"] == "pending"
    data: Row = {
        "approval": approval,
        "record": record,
        "fields": fields_of(record, typed.answers, typed.errors),
        "typed": typed,
        "receipt": receipt,
        "is_open": is_open,
        "ways": await _ways(parts, approval) if is_open else [],
        "doubt": doubt(approval, person, approval["requested_at"]),
        "unaltered": is_unaltered(record),
        "hashed": hashed(record),
        "decision_id": typed.answers.get("decision_id") or uuid4().hex,
        "live": f"/live/approvals/{request_id}{query(sent=receipt and receipt.get('awaited'))}",
    }
    return page(request, "approval.html", data, typed.status)


async def _answer(parts: Parts, request_id: str, sent: str | None) -> Row | None:
    """Return the answer to what was sent about a request; `awaited` is what has none yet."""
    if not sent:
        return None
    found = await parts.answering.receipt(sent)
    if found is None:
        return {"result": "sent", "message": "", "awaited": sent}
    return found if found.get("request_id") in (request_id, None) else None


@router.get("/approvals/{request_id}")
async def form(request: Request, parts: PartsDep, request_id: str, sent: Sent = None) -> Response:
    """Show one request with its form; `sent` is a decision or note to tell the answer of."""
    receipt = await _answer(parts, request_id, sent)
    return await show(request, parts, request_id, receipt=receipt)


@router.get("/approvals/{request_id}/request.json")
async def as_hashed(request: Request, parts: PartsDep, request_id: str) -> Response:
    """Return the whole request as hashed, for what the page has cut."""
    approval = await ScreenReading(parts.store).approval(request_id)
    if approval is None:
        return missing(request, f"The approval request {request_id}")
    headers = {"Content-Disposition": f'attachment; filename="{request_id}.json"'}
    return Response(as_json(hashed(approval["record"])), 200, headers, "application/json")


@router.get("/live/approvals/{request_id}")
async def live_approval(
    request: Request, parts: PartsDep, request_id: str, sent: Sent = None
) -> Response:
    """Stream how a request stands whenever that changes, and the answer to what was sent."""

    async def render() -> str:
        approval = await ScreenReading(parts.store).approval(request_id)
        if approval is None:
            return ""
        receipt = await _answer(parts, request_id, sent)
        data = {"approval": approval, "record": approval["record"], "receipt": receipt}
        return fragment("approval_live.html", data)

    def concerns(change: Change) -> bool:
        return change.id == request_id

    every = ANSWER_SECONDS if sent else None
    return stream(request, ("approval", request_id, sent), concerns, render, every)


def check(record: Row, answers: Mapping[str, str]) -> Typed:
    """Return what was typed, with what is wrong with it beside each field."""
    errors: dict[str, str] = {}
    name, outcome = answers.get("decided_by", "").strip(), answers.get("outcome", "")
    if not name:
        errors["decided_by"] = "Say who you are."
    elif len(name) > MAX_NAME:
        errors["decided_by"] = f"At most {MAX_NAME} characters."
    if len(answers.get("reason", "")) > MAX_REASON:
        errors["reason"] = f"At most {MAX_REASON:,} characters; there are {len(answers['reason'])}."
    if outcome not in record["outcomes"]:
        errors["outcome"] = f"Choose one of: {', '.join(record['outcomes'])}."
    filled = read_answers(record, answers)
    errors |= errors_of(record, filled, partial=outcome == "rejected")
    problem = "Nothing was sent: see what is marked below." if errors else ""
    return Typed(answers, errors, problem, 422 if errors else 200)


@router.post("/approvals/{request_id}")
async def decide(request: Request, parts: PartsDep, request_id: str) -> Response:
    """Send what was typed as a decision, and show what became of it."""
    answers = await typed_in(request)
    try:
        return await _decide(request, parts, request_id, answers)
    except UNREACHABLE:
        return unsent(request, answers)


async def _decide(
    request: Request, parts: Parts, request_id: str, answers: Mapping[str, str]
) -> Response:
    approval = await ScreenReading(parts.store).approval(request_id)
    if approval is None:
        return missing(request, f"The approval request {request_id}")
    typed = check(approval["record"], answers)
    if not typed.errors:
        decision = _decision(approval, answers)
        receipt = await _send(parts, approval, decision, typed)
        if not typed.problem:
            sent = decision.decision_id if receipt is None else receipt["decision_id"]
            response: Response = RedirectResponse(f"/approvals/{request_id}?sent={sent}", 303)
            remember(response, Person(decision.decided_by, person_of(request).roles))
            return response
    return await show(request, parts, request_id, typed)


def _decision(approval: Row, answers: Mapping[str, str]) -> NewDecision:
    record = approval["record"]
    return NewDecision(
        outcome=answers["outcome"],
        decided_by=answers["decided_by"].strip(),
        reason=answers.get("reason", "").strip() or None,
        form=read_answers(record, answers),
        request_hash=answers.get("request_hash", "")[:100] or record["request_hash"],
        on_behalf_of=answers.get("on_behalf_of", "").strip()[:MAX_NAME] or None,
        decision_id=answers.get("decision_id", "").strip()[:64] or uuid4().hex,
    )


async def _send(parts: Parts, approval: Row, decision: NewDecision, typed: Typed) -> Row | None:
    """Send a decision once, and note in `typed` why it is refused."""
    id = str(decision.decision_id)
    # The same form sent twice is one decision: its id came with the form.
    receipt = await parts.answering.receipt(id)
    try:
        if receipt is None:
            await produce(parts, decision_value(approval, decision))
    except PublishFailed:
        typed.problem, typed.status = NO_BROKER, 503
        return None
    except Undecodable as problem:
        typed.problem, typed.status = f"Nothing was sent: {problem.message}.", 422
        return None
    if receipt is None:
        receipt = await answer_of(parts, id)
    if receipt is not None and receipt["result"] == "refused":
        typed.problem = explained(receipt["code"], receipt["message"])
        typed.status = STATUS_OF_CODE.get(receipt["code"], 409)
        # A refused decision is done with: what is sent next is another one.
        typed.answers = {**typed.answers, "decision_id": uuid4().hex}
    return receipt


async def answer_of(parts: Parts, id: str) -> Row | None:
    """Return the receipt of what has been sent; None if it has not come, or cannot be read."""
    try:
        return await await_receipt(parts, id, RECEIPT_SECONDS)
    except UNREACHABLE:
        return None
