"""Executions as they are answered."""

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, Field

from api.shapes.common import AT, Instant, Page
from streams.published import (
    EXECUTION,
    REQUEST,
    ExecutionResult,
    ExecutionStatus,
    Json,
    example,
)

RUN = {
    "id": "019aca1b-2c3d-7000-8f2a-5b6c7d8e9f01",
    "execution_id": EXECUTION,
    "workflow": "order-approval",
    "version": 3,
    "trigger_event": "order.created",
    "key": "o-1003",
    "status": "paused",
    "result": None,
    "started_at": AT,
    "completed_at": None,
    "duration_ms": None,
    "paused_at": AT,
    "paused_reason": f"approval:{REQUEST}",
    "next_step_id": "accept",
    "error_code": None,
    "error_message": None,
}


class Run(BaseModel):
    """One execution in a list."""

    model_config = example(**RUN)

    id: str
    execution_id: str
    workflow: str
    version: int
    trigger_event: str
    key: str | None
    status: ExecutionStatus
    result: ExecutionResult | None
    started_at: AwareDatetime
    completed_at: Instant
    duration_ms: int | None
    paused_at: Instant
    paused_reason: str | None
    next_step_id: str | None
    error_code: str | None
    error_message: str | None


class WholeRun(Run):
    """One execution."""

    model_config = example(
        **RUN,
        trigger_payload={"order_id": "o-1003", "total": 4650, "currency": "EUR"},
        paused_ms=0,
        metadata={},
        sequence=3,
    )

    trigger_payload: Json
    context: Json = Field(default_factory=dict)
    paused_ms: int | None
    metadata: Json
    resume_data: Any
    sequence: int


class StepRun(BaseModel):
    """One passage through one step."""

    step_id: str
    step_path: str
    step_type: str
    attempt: int
    status: Literal["pending", "running", "completed", "failed", "skipped", "waiting"]
    input: Any
    output: Any
    started_at: Instant
    completed_at: Instant
    duration_ms: int | None
    error_code: str | None
    error_message: str | None


class Trace(BaseModel):
    """An execution with everything that happened in it, and what lies ahead."""

    execution: WholeRun
    steps: list[StepRun]
    waits: list[Json]
    approvals: list[Json]
    votes: list[Json]
    comments: list[Json]
    timers: list[Json]
    effects: list[Json]
    decisions: list[Json]
    event: Json | None
    remaining: list[str]
    not_taken: list[str]


class RunPage(Page):
    """Executions, newest first."""

    model_config = example(items=[RUN], next_cursor=None)

    items: list[Run]
