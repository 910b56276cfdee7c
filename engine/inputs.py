"""What `advance` takes: one typed fact with its time."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime, timedelta
from typing import TypeAlias

from engine.ids import ChildId, WaitId
from engine.values import dataclass


@dataclass(frozen=True, slots=True)
class Started:
    """An event or a hand asked for this execution; `resources` are those already at hand."""

    at: datetime
    resources: Mapping[str, object] = field(default_factory=dict)


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
class CancelRequested:
    """Somebody asked to end this execution."""

    at: datetime
    by: str
    reason: str | None = None


Input: TypeAlias = (
    Started
    | DecisionArrived
    | EventArrived
    | TimerFired
    | ActionSucceeded
    | ActionFailed
    | CancelRequested
)
