"""Messages that we publish, described: for AsyncAPI, OpenAPI and the tests of what is published.

The records themselves are built by `streams.outbound`, which knows no pydantic: it is the hot path.
"""

from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from engine.codes import COMMAND_CODES, RECEIPT_CODES

EXECUTION = "exec_019aca1b2c3d70008f2a5b6c7d8e9f01"
REQUEST = "w_019aca1b2c3d70009c0d1e2f3a4b5c6d"
Json = dict[str, Any]
ExecutionStatus = Literal[
    "pending", "running", "paused", "completed", "blocked", "failed", "cancelled"
]
ExecutionResult = Literal["allowed", "blocked", "executed", "failed"]
WAITING = {
    "wait_id": REQUEST,
    "execution_id": EXECUTION,
    "workflow": "order-approval",
    "version": 3,
    "step_path": "needs_people/manager",
    "kind": "approval",
    "status": "open",
    "title": "Order o-1003: 4650 EUR",
    "body": "",
    "entity": {"type": "order", "id": "o-1003"},
    "outcomes": ["approved", "rejected"],
    "form": {"discount_pct": {"type": "number", "maximum": 15}},
    "required_fields": [],
    "view": {"order_id": "o-1003", "total": 4650, "currency": "EUR"},
    "roles": ["sales-manager"],
    "users": [],
    "anyone": False,
    "exclude": [],
    "requester": None,
    "allow_requester": False,
    "policy": {"any": True},
    "bulk": False,
    "request_hash": "sha256:9f",
    "priority": "normal",
    "opened_at": "2026-11-22T20:00:00Z",
    "expires_at": "2026-11-23T20:00:00Z",
}


def example(**value: Any) -> ConfigDict:
    """Return the configuration of a model that shows one value."""
    return ConfigDict(json_schema_extra={"examples": [value]})


class Published(BaseModel):
    """What all our messages have in common: further members may come, none goes."""

    model_config = ConfigDict(frozen=True)


class Wait(Published):
    """The members of every waiting record."""

    wait_id: str = Field(description="Key of the record; of an approval also its request id.")
    execution_id: str
    workflow: str
    version: int
    step_path: str


class OpenWait(Wait):
    """What all open waits have."""

    status: Literal["open"]
    opened_at: AwareDatetime
    expires_at: AwareDatetime | None


class Ballot(Published):
    """One vote on an approval request."""

    by: str
    on_behalf_of: str | None = None
    outcome: str
    reason: str | None
    form: Json
    roles: list[str] | None
    at: AwareDatetime
    stage: int = Field(description="Of a sequence: the stage it counts for, from 0.")


class OpenTo(Published):
    """Who may still vote."""

    roles: list[str]
    users: list[str]
    anyone: bool


class ApprovalWaiting(OpenWait):
    """An open approval request: who may decide what, how, and until when.

    What comes to it meanwhile is announced under the same key.
    """

    model_config = example(**WAITING)

    kind: Literal["approval"]
    title: str
    body: str = Field(description="Markdown.")
    entity: Json | None = Field(description="What it is about: `type` and `id`.")
    outcomes: list[str] = Field(description="The answers there are; the first one approves.")
    form: dict[str, Json] = Field(description="JSON Schema of each field of the form.")
    required_fields: list[str]
    view: Json = Field(description="What the approver is to see.")
    roles: list[str] = Field(description="Whoever has one of these may decide.")
    users: list[str] = Field(description="These may decide.")
    anyone: bool
    exclude: list[str] = Field(description="These may never decide.")
    requester: str | None = Field(description="Who asked; may not decide unless allowed.")
    allow_requester: bool
    policy: Json = Field(description="How many have to agree.")
    bulk: bool = Field(description="May be decided together with others.")
    request_hash: str = Field(description="Of what is shown; a decision may repeat it.")
    priority: str
    needed: int | None = Field(None, description="Votes that decide it, or its stage.")
    have: int | None = Field(None, description="Votes of these that are there.")
    stage: int | None = Field(None, description="Of a sequence: the stage that votes, from 0.")
    votes: list[Ballot] | None = None
    open_to: OpenTo | None = None
    claimed_by: str | None = None
    claimed_at: AwareDatetime | None = None
    reassigned_by: str | None = None
    comments: int | None = Field(None, description="How many there are.")
    reminders: int | None = Field(None, description="How often its deciders were reminded.")
    escalated: bool | None = Field(None, description="False where it will be, in time.")
    escalated_at: AwareDatetime | None = None


class EventWaiting(OpenWait):
    """An execution waits for an event."""

    kind: Literal["event"]
    event: str = Field(description="Type or pattern.")
    match: Json = Field(description="What must stand at which path of the event.")


class TimerWaiting(OpenWait):
    """An execution waits for an instant."""

    kind: Literal["timer"]
    due_at: AwareDatetime


class ClosedWait(Wait):
    """A wait is over, under the same key; a tombstone follows a day later."""

    status: Literal["closed"]
    kind: Literal["approval", "event", "timer"]
    title: str | None
    outcome: str = Field(description="How: an outcome, `expired`, `cancelled`, `arrived`, ...")
    decided_by: str | None
    closed_at: AwareDatetime


class Receipt(Published):
    """The one answer to a decision, or to a record of another kind on that topic."""

    model_config = example(
        decision_id="0192f3d1",
        request_id=REQUEST,
        execution_id=EXECUTION,
        result="applied",
        code=None,
        message="approved by ana@example.com",
        decided_by="ana@example.com",
        at="2026-11-22T20:03:11Z",
    )

    decision_id: str
    request_id: str | None
    execution_id: str | None
    result: Literal["applied", "counted", "refused"]
    code: str | None = Field(
        description="Why it is refused.",
        json_schema_extra={"enum": [*(code.name for code in RECEIPT_CODES), None]},
    )
    message: str | None
    decided_by: str | None
    at: AwareDatetime


class CommandReceipt(Published):
    """The one answer to a command."""

    model_config = example(
        command_id="0192f3d2",
        kind="cancel",
        execution_id=EXECUTION,
        workflow="order-approval",
        result="applied",
        code=None,
        message="cancel by ops@example.com",
        by="ops@example.com",
        at="2026-11-22T20:03:11Z",
    )

    command_id: str
    kind: str | None = None
    execution_id: str | None
    workflow: str | None = None
    result: Literal["applied", "refused"]
    code: str | None = Field(
        description="Why it is refused.",
        json_schema_extra={"enum": [*(code.name for code in COMMAND_CODES), None]},
    )
    message: str | None
    by: str | None = None
    at: AwareDatetime


class LifeCycle(Published):
    """A change of an execution, or of a step of it; `ce_type` says which."""

    model_config = example(
        execution_id=EXECUTION,
        workflow="order-approval",
        version=3,
        status="completed",
        result="allowed",
        step_path=None,
        error_code=None,
        at="2026-11-22T20:03:11Z",
        sequence=9,
    )

    execution_id: str
    workflow: str
    version: int
    status: ExecutionStatus
    result: ExecutionResult | None
    step_path: str | None = Field(
        description="Of a step its own; of a pause where it stands; of a resume where it goes on."
    )
    error_code: str | None
    at: AwareDatetime
    sequence: int = Field(ge=1, description="Rises by one per execution.")


KINDS_OF_CHANGE = (
    *(
        f"execution.{kind}"
        for kind in ("started", "paused", "resumed", "completed", "blocked", "failed", "cancelled")
    ),
    *(f"step.{kind}" for kind in ("completed", "failed", "skipped")),
)
"""What a life-cycle record tells, as its `ce_type` says behind `sluicegate.`."""
