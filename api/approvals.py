"""Approvals: the inbox, and decisions, which go onto the decisions topic like all others."""

from typing import Any, Literal
from uuid import uuid4

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, model_validator

from api.parts import (
    Cursor,
    IdempotencyKey,
    Limit,
    Name,
    Parts,
    PartsDep,
    Text,
    WaitSeconds,
    id_for,
    page_body,
)
from api.problems import Problem, not_found
from api.saying import say
from api.shapes.approvals import ApprovalPage, WholeApproval
from api.shapes.common import shown
from api.shapes.sent import Answer, SentDecision
from streams.messages import with_outcome
from streams.published import example

router = APIRouter(tags=["approvals"])
Row = dict[str, Any]
ANSWERED: dict[int | str, dict[str, Any]] = {
    **shown(SentDecision, 202, "Sent"),
    **shown(Answer, 200, "Taken; its receipt"),
}


class Vote(BaseModel):
    """Who decides, where the outcome is in the path."""

    model_config = example(
        decided_by="ana@example.com", reason="a good customer", form={"discount_pct": 5}
    )

    decided_by: str = Field(min_length=1, max_length=255)
    reason: str | None = Field(None, max_length=2_000)
    form: dict[str, Any] = Field(default_factory=dict)
    request_hash: str | None = Field(None, max_length=100)
    on_behalf_of: str | None = Field(None, min_length=1, max_length=255)
    decision_id: str | None = Field(None, min_length=1, max_length=255)


class VoteByPath(Vote):
    """A vote whose outcome is in the path, and nowhere else."""

    @model_validator(mode="before")
    @classmethod
    def _says_no_other(cls, value: Any) -> Any:
        if isinstance(value, dict) and not value.keys().isdisjoint(("outcome", "approved")):
            raise ValueError("the path says what is decided: leave out outcome and approved")
        return value


class NewDecision(Vote):
    """An answer to an approval request; `{"approved": true}` is taken too (S112)."""

    model_config = example(
        outcome="approved", decided_by="ana@example.com", reason="a good customer"
    )

    outcome: str = Field(min_length=1, max_length=100)
    request_id: str | None = Field(None, max_length=255, description="That of the path, if any.")

    @model_validator(mode="before")
    @classmethod
    def _spell_out(cls, value: Any) -> Any:
        return with_outcome(value) if isinstance(value, dict) else value


@router.get("/approvals", response_model=None, responses=shown(ApprovalPage))
async def list_approvals(
    parts: PartsDep,
    status: Literal["pending", "approved", "rejected", "expired", "cancelled", "any"] = "pending",
    role: Text = None,
    user: Text = None,
    workflow: Text = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Return approval requests, newest first; by default those still open.

    `role` and `user` are those asked by name; `me` needs authentication, which is not built yet.
    """
    if user == "me":
        text = "nobody is known here before authentication is built: name the user instead of `me`"
        raise Problem(422, "invalid-request", text)
    page = await parts.reading.approvals(
        status=None if status == "any" else status,
        role=role,
        user=user,
        workflow=workflow,
        limit=limit,
        cursor=cursor,
    )
    return page_body(page)


async def find_approval(parts: Parts, request_id: str) -> Row:
    """Return a request; raises a 404 problem."""
    found = await parts.reading.approval(request_id)
    if found is None:
        raise not_found(f"the approval request {request_id}")
    return found


@router.get("/approvals/{request_id}", response_model=None, responses=shown(WholeApproval))
async def get_approval(parts: PartsDep, request_id: Name) -> Row:
    """Return one request as it was announced, with the decisions sent about it."""
    return await find_approval(parts, request_id)


def decision_value(approval: Row, decision: NewDecision) -> Row:
    """Return a decision as it goes onto its topic."""
    return {
        **decision.model_dump(exclude={"decision_id", "request_id"}),
        "decision_id": decision.decision_id or uuid4().hex,
        "execution_id": approval["record"]["execution_id"],
        "request_id": approval["request_id"],
    }


async def _decide(
    parts: Parts,
    approval: Row,
    decision: NewDecision,
    response: Response,
    wait: float,
    key: str | None,
) -> Row:
    decision.decision_id = decision.decision_id or id_for(key, "decision", approval["request_id"])
    return await say(parts, decision_value(approval, decision), response, wait, key)


@router.post(
    "/approvals/{request_id}/decision", status_code=202, response_model=None, responses=ANSWERED
)
async def decide(
    parts: PartsDep,
    request_id: Name,
    decision: NewDecision,
    response: Response,
    wait: WaitSeconds = 0,
    idempotency_key: IdempotencyKey = None,
) -> Row:
    """Send a decision; with `wait`, answer with its receipt."""
    if decision.request_id not in (None, request_id):
        text = f"the body is about {decision.request_id}, the path about {request_id}"
        raise Problem(422, "invalid-request", text)
    approval = await find_approval(parts, request_id)
    return await _decide(parts, approval, decision, response, wait, idempotency_key)


@router.post(
    "/approvals/{request_id}/approve", status_code=202, response_model=None, responses=ANSWERED
)
async def approve(
    parts: PartsDep,
    request_id: Name,
    vote: VoteByPath,
    response: Response,
    wait: WaitSeconds = 0,
    idempotency_key: IdempotencyKey = None,
) -> Row:
    """Approve: the first outcome of the request."""
    approval = await find_approval(parts, request_id)
    decision = NewDecision(outcome=approval["record"]["outcomes"][0], **vote.model_dump())
    return await _decide(parts, approval, decision, response, wait, idempotency_key)


@router.post(
    "/approvals/{request_id}/reject", status_code=202, response_model=None, responses=ANSWERED
)
async def reject(
    parts: PartsDep,
    request_id: Name,
    vote: VoteByPath,
    response: Response,
    wait: WaitSeconds = 0,
    idempotency_key: IdempotencyKey = None,
) -> Row:
    """Reject."""
    approval = await find_approval(parts, request_id)
    decision = NewDecision(outcome="rejected", **vote.model_dump())
    return await _decide(parts, approval, decision, response, wait, idempotency_key)
