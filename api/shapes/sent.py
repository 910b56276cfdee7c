"""What is answered to those who sent something: its ids, or what became of it."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field

from api.shapes.common import AT, Instant
from streams.published import EXECUTION, REQUEST, ExecutionResult, ExecutionStatus, example


class SentDecision(BaseModel):
    """It is on the decisions topic; `Location` tells where its receipt will be."""

    model_config = example(decision_id="0192f3d1", execution_id=EXECUTION, request_id=REQUEST)

    decision_id: str
    execution_id: str | None = None
    request_id: str | None = None


class SentCommand(BaseModel):
    """It is on the commands topic; `Location` tells where its receipt will be."""

    model_config = example(command_id="0192f3d2", execution_id=EXECUTION)

    command_id: str
    execution_id: str = Field(description="The execution; of a start or rerun the new one.")
    workflow: str | None = None
    rerun_of: str | None = None


class Answer(BaseModel):
    """A receipt: what became of a decision or a command."""

    model_config = example(
        decision_id="0192f3d1",
        request_id=REQUEST,
        execution_id=EXECUTION,
        result="applied",
        code=None,
        message="approved by ana@example.com",
        decided_by="ana@example.com",
        at=AT,
    )

    decision_id: str | None = None
    request_id: str | None = None
    command_id: str | None = None
    kind: str | None = None
    workflow: str | None = None
    execution_id: str | None
    result: Literal["applied", "counted", "refused"]
    code: str | None
    message: str | None
    decided_by: str | None
    at: AwareDatetime


class Settled(BaseModel):
    """Where a started execution stands: it has ended, or is paused."""

    command_id: str
    execution_id: str
    workflow: str
    version: int
    status: ExecutionStatus
    result: ExecutionResult | None
    paused_reason: str | None
    error_code: str | None
    error_message: str | None
    started_at: AwareDatetime
    completed_at: Instant
