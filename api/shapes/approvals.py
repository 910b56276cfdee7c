"""Approval requests and waits as they are answered."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field

from api.shapes.common import AT, Instant, Page
from streams.published import REQUEST, WAITING, Json, example

APPROVAL = {
    "id": "019aca1b-2c3d-7000-9c0d-1e2f3a4b5c6d",
    "request_id": REQUEST,
    "status": "pending",
    "outcome": None,
    "priority": "normal",
    "requested_at": AT,
    "expires_at": "2026-11-23T20:00:00+00:00",
    "decided_at": None,
    "decided_by": None,
    "decision_reason": None,
    "roles": ["sales-manager"],
    "users": [],
    "record": WAITING,
}


class Approval(BaseModel):
    """An approval request with its waiting record."""

    model_config = example(**APPROVAL)

    id: str
    request_id: str
    status: Literal["pending", "approved", "rejected", "expired", "cancelled"]
    outcome: str | None
    priority: str
    requested_at: AwareDatetime
    expires_at: Instant
    decided_at: Instant
    decided_by: str | None
    decision_reason: str | None
    roles: list[str]
    users: list[str]
    record: Json = Field(description="As announced on the waiting topic.")


class WholeApproval(Approval):
    """An approval request with what was said about it."""

    model_config = example(**APPROVAL, decisions=[], votes=[], comments=[])

    decided_for: str | None
    progress: Json | None
    decisions: list[Json]
    votes: list[Json]
    comments: list[Json]


class Wait(BaseModel):
    """What an execution waits for."""

    id: str
    wait_id: str
    execution_id: str
    workflow: str
    version: int
    step_path: str
    kind: Literal["approval", "event", "timer"]
    status: Literal["open", "closed"]
    outcome: str | None
    opened_at: AwareDatetime
    due_at: Instant
    closed_at: Instant
    title: str | None
    event: str | None
    match: Json | None


class ApprovalPage(Page):
    """Approval requests, newest first."""

    model_config = example(items=[APPROVAL], next_cursor=None)

    items: list[Approval]


class WaitPage(Page):
    """Waits, newest first."""

    items: list[Wait]
