"""Approvals: the inbox, and decisions, which go onto the decisions topic like all others."""

import asyncio
import time
from typing import Annotated, Any, Literal
from uuid import uuid4

import orjson
from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, Field

from api.parts import Cursor, Limit, Parts, PartsDep, WaitSeconds, page_body
from api.problems import Problem, not_found
from engine.codes import RECEIPT_CODES
from streams.codecs import Outgoing

router = APIRouter(tags=["approvals"])
POLL_SECONDS = 0.02
STATUS_OF_CODE = {code.name: code.http for code in RECEIPT_CODES}
"""HTTP status of a refusal; all others are conflicts (interfaces.md, Receipt)."""
Text = Annotated[str | None, Query(max_length=500)]


class NewDecision(BaseModel):
    """An answer to an approval request."""

    outcome: str = Field(min_length=1, max_length=100)
    decided_by: str = Field(min_length=1, max_length=255)
    reason: str | None = Field(None, max_length=2_000)
    form: dict[str, Any] = Field(default_factory=dict)
    request_hash: str | None = Field(None, max_length=100)
    decision_id: str | None = Field(None, min_length=1, max_length=255)


class Vote(BaseModel):
    """Who decides, where the outcome is in the path."""

    decided_by: str = Field(min_length=1, max_length=255)
    reason: str | None = Field(None, max_length=2_000)
    form: dict[str, Any] = Field(default_factory=dict)


@router.get("/approvals")
async def list_approvals(
    parts: PartsDep,
    status: Literal["pending", "approved", "rejected", "expired", "cancelled", "any"] = "pending",
    role: Text = None,
    user: Text = None,
    workflow: Text = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Return approval requests, newest first; by default those still open."""
    page = await parts.reading.approvals(
        status=None if status == "any" else status,
        role=role,
        user=user,
        workflow=workflow,
        limit=limit,
        cursor=cursor,
    )
    return page_body(page)


async def find_approval(parts: Parts, request_id: str) -> dict[str, Any]:
    """Return a request; raises a 404 problem."""
    found = await parts.reading.approval(request_id)
    if found is None:
        raise not_found(f"the approval request {request_id}")
    return found


@router.get("/approvals/{request_id}")
async def get_approval(parts: PartsDep, request_id: str) -> dict[str, Any]:
    """Return one request as it was announced, with the decisions sent about it."""
    return await find_approval(parts, request_id)


async def send_decision(parts: Parts, approval: dict[str, Any], decision: NewDecision) -> str:
    """Produce a decision, keyed by its execution; return its id."""
    decision_id = decision.decision_id or uuid4().hex
    record = approval["record"]
    value = {
        **decision.model_dump(exclude={"decision_id"}),
        "decision_id": decision_id,
        "execution_id": record["execution_id"],
        "request_id": approval["request_id"],
    }
    headers = {"content-type": "application/json"}
    message = Outgoing(parts.topics.decisions, record["execution_id"], orjson.dumps(value), headers)
    await parts.out.send([message])
    return decision_id


async def await_receipt(parts: Parts, decision_id: str, seconds: float) -> dict[str, Any] | None:
    """Return the receipt of a decision, None if it has not come in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        receipt = await parts.reading.receipt(decision_id)
        if receipt is not None:
            return receipt
        await asyncio.sleep(POLL_SECONDS)
    return None


@router.post("/approvals/{request_id}/decision", status_code=202)
async def decide(
    parts: PartsDep,
    request_id: str,
    decision: NewDecision,
    response: Response,
    wait: WaitSeconds = 0,
    idempotency_key: Annotated[str | None, Header(max_length=255)] = None,
) -> dict[str, Any]:
    """Send a decision; with `wait`, answer with its receipt."""
    approval = await find_approval(parts, request_id)
    if decision.decision_id is None and idempotency_key is not None:
        decision.decision_id = idempotency_key
    decision_id = await send_decision(parts, approval, decision)
    receipt = await await_receipt(parts, decision_id, wait) if wait else None
    if receipt is None:
        return {
            "decision_id": decision_id,
            "execution_id": approval["record"]["execution_id"],
            "request_id": request_id,
        }
    if receipt["result"] == "refused":
        code = receipt["code"]
        raise Problem(STATUS_OF_CODE.get(code, 409), "decision-refused", receipt["message"], code)
    response.status_code = 200
    return receipt


@router.post("/approvals/{request_id}/approve", status_code=202)
async def approve(
    parts: PartsDep, request_id: str, vote: Vote, response: Response, wait: WaitSeconds = 0
) -> dict[str, Any]:
    """Approve: the first outcome of the request."""
    approval = await find_approval(parts, request_id)
    outcome = approval["record"]["outcomes"][0]
    return await decide(
        parts, request_id, NewDecision(outcome=outcome, **vote.model_dump()), response, wait
    )


@router.post("/approvals/{request_id}/reject", status_code=202)
async def reject(
    parts: PartsDep, request_id: str, vote: Vote, response: Response, wait: WaitSeconds = 0
) -> dict[str, Any]:
    """Reject."""
    decision = NewDecision(outcome="rejected", **vote.model_dump())
    return await decide(parts, request_id, decision, response, wait)


@router.get("/receipts/{decision_id}")
async def get_receipt(parts: PartsDep, decision_id: str) -> dict[str, Any]:
    """Return the receipt of a decision."""
    found = await parts.reading.receipt(decision_id)
    if found is None:
        raise not_found(f"a receipt of the decision {decision_id}")
    return found
