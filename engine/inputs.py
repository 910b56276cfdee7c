"""What `advance` takes: one typed fact with its time."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from engine.deciders import Delegation
from engine.ids import ChildId, ExecutionId, StepPath, WaitId
from engine.values import dataclass


@dataclass(frozen=True, slots=True)
class Started:
    """An event or a hand asked for this execution; `resources` are those already at hand."""

    at: datetime
    resources: Mapping[str, object] = field(default_factory=dict)
    first: StepPath | None = None
    """Where a retried execution goes on; its context is there already."""


@dataclass(frozen=True, slots=True)
class DecisionArrived:
    """Somebody answered an approval request; `received_at`: when the broker took it (D22)."""

    at: datetime
    received_at: datetime
    decision_id: str
    request_id: WaitId | None
    outcome: str
    decided_by: str
    reason: str | None = None
    form: Mapping[str, object] = field(default_factory=dict)
    request_hash: str | None = None
    on_behalf_of: str | None = None
    roles: frozenset[str] | None = None
    """The decider's roles where the carrier proves them; None where ACLs are the trust."""
    delegations: tuple[Delegation, ...] = ()
    """What is known of people who let the decider decide for them."""
    form_problem: str | None = None
    """What the request's form schema refuses, found by the shell."""


@dataclass(frozen=True, slots=True)
class EventArrived:
    """A domain event came that correlates with an open wait."""

    at: datetime
    wait_id: WaitId
    payload: Mapping[str, object]
    meta: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A timer is due."""

    at: datetime
    timer_id: ChildId


@dataclass(frozen=True, slots=True)
class ActionSucceeded:
    """An effect was performed."""

    at: datetime
    effect_id: ChildId
    output: object


@dataclass(frozen=True, slots=True)
class ActionFailed:
    """An attempt of an effect failed; `chance` in [0, 1) is the jitter of the next one."""

    at: datetime
    effect_id: ChildId
    code: str
    message: str
    retryable: bool
    retry_after: timedelta | None = None
    chance: float = 0.0


@dataclass(frozen=True, slots=True)
class ActionInDoubt:
    """A worker died over an effect: nobody knows whether it happened (D28)."""

    at: datetime
    effect_id: ChildId


@dataclass(frozen=True, slots=True)
class ChildEnded:
    """An execution that a step started has ended."""

    at: datetime
    child: ExecutionId
    status: str
    result: str | None
    error_code: str | None
    error_message: str | None
    outputs: Mapping[str, object]
    """What its steps left, by step id."""


@dataclass(frozen=True, slots=True)
class RequestChanged:
    """Somebody claimed, reassigned or commented an approval request."""

    at: datetime
    request_id: WaitId | None
    kind: Literal["claim", "reassign", "comment"]
    by: str
    to: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    text: str | None = None


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """Somebody asked to end this execution."""

    at: datetime
    by: str
    reason: str | None = None
    compensate: bool = False


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """The deployment does not let an approval be opened that a step has just asked for."""

    at: datetime
    wait_id: WaitId
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class HoldRequested:
    """An operator asked that no further step begin (requirements.md S93)."""

    at: datetime
    by: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class ResumeRequested:
    """An operator asked to go on: after a hold, or instead of the event that is waited for."""

    at: datetime
    by: str
    resume_data: Mapping[str, object] = field(default_factory=dict)
    from_step: str | None = None


@dataclass(frozen=True, slots=True)
class SkipRequested:
    """An operator asked to pass the step at which a line stands."""

    at: datetime
    by: str
    step: str | None = None


@dataclass(frozen=True, slots=True)
class RetryRequested:
    """An operator asked for the next attempt now: of a step in doubt, or before its delay."""

    at: datetime
    by: str
    step: str | None = None


@dataclass(frozen=True, slots=True)
class NotKept:
    """What an input led to cannot be stored: the execution cannot go on."""

    at: datetime
    message: str


Input: TypeAlias = (
    Started
    | DecisionArrived
    | EventArrived
    | TimerFired
    | ActionSucceeded
    | ActionFailed
    | ActionInDoubt
    | ChildEnded
    | RequestChanged
    | RequestRefused
    | CancelRequested
    | HoldRequested
    | ResumeRequested
    | SkipRequested
    | RetryRequested
    | NotKept
)
