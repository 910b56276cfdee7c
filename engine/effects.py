"""What `advance` asks for, as values; each becomes a row before anything acts."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from engine.definition import InDoubt
from engine.execution import Result, Status, StepStatus, Wait
from engine.ids import ChildId, ExecutionId, StepPath, WaitId
from engine.templates import SecretSlot
from engine.values import dataclass

TimerKind = Literal[
    "expiry", "retry", "execution_timeout", "step_timeout", "reminder", "escalation"
]


@dataclass(frozen=True, slots=True)
class RecordStep:
    """Write a step execution; a later one of the same id replaces it."""

    id: ChildId
    step_id: str
    path: StepPath
    step_type: str
    attempt: int
    status: StepStatus
    started_at: datetime
    completed_at: datetime | None = None
    input: object = None
    output: object = None
    error_code: str | None = None
    error_message: str | None = None
    first: bool = True
    """Whether no earlier input wrote this step execution."""


@dataclass(frozen=True, slots=True)
class OpenWait:
    """Hold a line for an approval, an event or a time."""

    wait: Wait


@dataclass(frozen=True, slots=True)
class CloseWait:
    """Close a wait with its outcome; of an approval also who decided and why."""

    wait: Wait
    outcome: str
    at: datetime
    decided_by: str | None = None
    decided_for: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeWait:
    """Keep an open wait as it is now, and announce it once more: a vote, a claim, a reminder."""

    wait: Wait
    about: Literal["vote", "claim", "reassign", "reminder", "escalation"]


@dataclass(frozen=True, slots=True)
class RecordVote:
    """Keep one counted vote of an approval."""

    wait: Wait
    number: int
    decision_id: str
    outcome: str
    by: str
    on_behalf_of: str | None
    reason: str | None
    form: Mapping[str, object]
    stage: int
    at: datetime


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Give `TimerFired` at an instant."""

    id: ChildId
    kind: TimerKind
    due_at: datetime
    wait_id: WaitId | None = None


@dataclass(frozen=True, slots=True)
class StopTimer:
    """Forget a timer that has not fired."""

    id: ChildId


@dataclass(frozen=True, slots=True)
class Perform:
    """Do outside work after the commit; its result comes back as an input."""

    id: ChildId
    path: StepPath
    kind: str
    params: Mapping[str, object]
    idempotency_key: str
    attempt: int
    timeout: timedelta
    secrets: tuple[SecretSlot, ...] = ()
    in_doubt: InDoubt = "retry"
    """What to do when nobody knows whether an attempt happened (D28)."""


@dataclass(frozen=True, slots=True)
class WriteRecord:
    """Create or update a row of `records` in this very transaction (D30)."""

    id: ChildId
    mode: Literal["create", "update"]
    entity: str
    entity_id: str
    values: Mapping[str, object]
    expected_version: int | None
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class DropEffect:
    """Do not perform any more what has not begun."""

    id: ChildId


@dataclass(frozen=True, slots=True)
class StartChild:
    """Start an execution of another workflow; its end comes back as an input where awaited."""

    id: ExecutionId
    workflow: str
    version: int | None
    payload: Mapping[str, object]
    path: StepPath
    awaited: bool


@dataclass(frozen=True, slots=True)
class CancelChild:
    """Cancel a child whose parent goes no further."""

    id: ExecutionId
    compensate: bool = False
    """Whether it undoes what it has done, because its parent does."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Let an event of this correlation cancel the execution (`cancel_on`)."""

    correlation: str


@dataclass(frozen=True, slots=True)
class StopWatching:
    """Forget every `Watch` of the execution."""


@dataclass(frozen=True, slots=True)
class Emit:
    """Publish an event; `topic` None means the first event topic."""

    id: str
    event: str
    payload: object
    key: str | None = None
    topic: str | None = None
    subject: str | None = None
    at: datetime | None = None
    """When it came to pass."""


@dataclass(frozen=True, slots=True)
class WriteLog:
    """Write a line to the log."""

    level: str
    message: str
    fields: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Announce:
    """Publish a life-cycle record (`execution.paused`, `step.completed`, ...)."""

    kind: str
    sequence: int
    at: datetime
    status: Status
    result: Result | None = None
    step_path: StepPath | None = None
    error_code: str | None = None


@dataclass(frozen=True, slots=True)
class Accept:
    """Answer the input's sender: it took effect."""

    result: Literal["applied", "counted"]
    message: str
    wait_id: WaitId | None = None
    """The request that it was about, also where the input names none."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer the input's sender: it does not fit, and why (codes of interfaces.md, Receipt)."""

    code: str
    message: str
    wait_id: WaitId | None = None


Effect: TypeAlias = (
    RecordStep
    | OpenWait
    | CloseWait
    | ChangeWait
    | RecordVote
    | StartTimer
    | StopTimer
    | Perform
    | WriteRecord
    | DropEffect
    | StartChild
    | CancelChild
    | Watch
    | StopWatching
    | Emit
    | WriteLog
    | Announce
    | Accept
    | Refuse
)
