"""A workflow definition as values: compiled, checked, ready for `advance`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, TypeAlias

from engine.conditions import Condition
from engine.ids import StepPath
from engine.retry import RetryPolicy
from engine.templates import Template

DEFAULT_TIMEOUT = timedelta(seconds=30)
"""Limit of one attempt of an `execute` step (requirements.md D14)."""


DEFAULT_RETRY = RetryPolicy()


@dataclass(frozen=True, slots=True)
class Trigger:
    """Which events, or which hand, start an execution."""

    event: str | None
    when: Condition | None = None
    key: Template | None = None
    manual: bool = False


@dataclass(frozen=True, slots=True)
class Load:
    """One resource to be read before the first step; it lands at `path`."""

    path: tuple[str, ...]
    resource: str
    id: Template
    cache: timedelta | None
    optional: bool = False
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Derived:
    """One computed field of the context: a condition's truth or a rendered value."""

    name: str
    condition: Condition | None = None
    value: Template | None = None


@dataclass(frozen=True, slots=True)
class ConditionVerb:
    """Evaluate, then branch (requirements.md S31-S33)."""

    condition: Condition
    on_true: StepPath | None = None
    on_false: StepPath | None = None


@dataclass(frozen=True, slots=True)
class AllowVerb:
    """Set the provisional result `allowed` (D3)."""

    reason: Template | None = None
    stop: bool = False


@dataclass(frozen=True, slots=True)
class ApprovalSpec:
    """What an approval asks, whom, and until when (definitions.md, Approval)."""

    title: Template
    body: Template | None = None
    roles: tuple[str, ...] = ()
    users: Template | None = None
    anyone: bool = False
    exclude: Template | None = None
    requester: Template | None = None
    allow_requester: bool = False
    outcomes: tuple[str, ...] = ("approved", "rejected")
    form: Mapping[str, object] | None = None
    required_fields: tuple[str, ...] = ()
    view: Template | None = None
    entity: Template | None = None
    expires_in: timedelta | None = None
    expires_at: Template | None = None
    priority: Literal["low", "normal", "high"] = "normal"
    on_outcome: Mapping[str, StepPath] = field(default_factory=dict)
    """First step of the branch of an outcome; an outcome without branch is absent."""


@dataclass(frozen=True, slots=True)
class ApprovalVerb:
    """Pause until somebody decides."""

    spec: ApprovalSpec


@dataclass(frozen=True, slots=True)
class BlockVerb:
    """End as `blocked`; with an approval, pause first (D1)."""

    code: str
    reason: Template | None = None
    approval: ApprovalSpec | None = None


@dataclass(frozen=True, slots=True)
class SubAction:
    """One entry of an `execute` step: its kind and what to pass."""

    kind: str
    params: Template
    timeout: timedelta | None = None
    required: bool = True
    """Whether its failure fails the step; a `notify` is required only where it says so (S52)."""
    idempotent: bool = True
    """Whether an attempt in doubt may be made once more (D28)."""
    into: tuple[str, ...] | None = None
    """Where in the context what a `load` reads lands, beside the step's output."""


@dataclass(frozen=True, slots=True)
class ExecuteVerb:
    """Sub-actions, in order (S37)."""

    actions: tuple[SubAction, ...]
    continue_on_error: bool = False


@dataclass(frozen=True, slots=True)
class EventWait:
    """Hold until an event comes that matches (D10)."""

    event: str
    match: Mapping[str, Template]
    """Path in the event's payload -> value it must equal."""
    when: Condition | None = None
    timeout: timedelta | None = None
    since: Literal["trigger", "now"] = "trigger"


@dataclass(frozen=True, slots=True)
class TimeWait:
    """Hold for a length, or until an instant."""

    length: timedelta | None = None
    until: Template | None = None


@dataclass(frozen=True, slots=True)
class WaitVerb:
    """Pause for an event or for time."""

    what: EventWait | TimeWait
    on_timeout: StepPath | None = None


Verb: TypeAlias = ConditionVerb | AllowVerb | BlockVerb | ExecuteVerb | WaitVerb | ApprovalVerb


@dataclass(frozen=True, slots=True)
class Step:
    """A node of a definition; `then` is the step after it, outwards if its own list ends."""

    id: str
    path: StepPath
    verb: Verb
    then: StepPath | None = None
    when: Condition | None = None
    retry: RetryPolicy = DEFAULT_RETRY
    timeout: timedelta = DEFAULT_TIMEOUT
    on_error: StepPath | None = None


@dataclass(frozen=True, slots=True)
class Definition:
    """One version of a workflow, immutable."""

    name: str
    steps: Mapping[StepPath, Step]
    first: StepPath
    triggers: tuple[Trigger, ...]
    version: int = 0
    content_hash: str = ""
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    input_schema: Mapping[str, object] | None = None
    loads: tuple[Load, ...] = ()
    derived: tuple[Derived, ...] = ()
    timeout: timedelta | None = None
    include_paused: bool = False
    priority: int = 0
    enabled: bool = True
    default_result: Literal["allowed", "executed"] = "allowed"
    on_error: StepPath | None = None
    file: str = ""
    source: str = ""
    """The file's text, as applied."""
    body: Mapping[str, object] = field(default_factory=dict)
    """The text as data."""
