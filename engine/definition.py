"""A workflow definition as values: compiled, checked, ready for `advance`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal, TypeAlias

from engine.conditions import Condition
from engine.ids import StepPath
from engine.policy import FIRST_VOTE, Policy
from engine.retry import RetryPolicy
from engine.schedule import Schedule
from engine.templates import Template

DEFAULT_TIMEOUT = timedelta(seconds=30)
"""Limit of one attempt of an `execute` step (requirements.md D14)."""


DEFAULT_RETRY = RetryPolicy()
InDoubt = Literal["retry", "fail", "ask"]


@dataclass(frozen=True, slots=True)
class CancelOn:
    """Which event cancels an unfinished execution: `match` as in a wait for an event."""

    event: str
    match: Mapping[str, Template]


@dataclass(frozen=True, slots=True)
class Concurrency:
    """How many executions with one key may be unfinished; those above are held as pending."""

    key: Template
    limit: int


@dataclass(frozen=True, slots=True)
class Debounce:
    """Start once no event with this key has come for a while, at the latest after `max`."""

    key: Template
    length: timedelta
    max: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Start one execution for many events with one key: `size` of them, or those of a while."""

    key: Template | None
    """None: all events of the trigger."""
    size: int
    length: timedelta


@dataclass(frozen=True, slots=True)
class Trigger:
    """Which events, which schedule, or which hand start an execution."""

    event: str | None
    when: Condition | None = None
    key: Template | None = None
    """Rendered over the payload that the execution gets; with `batch` that is `{events: [...]}`."""
    manual: bool = False
    cancel_on: CancelOn | None = None
    schedule: Schedule | None = None
    on_busy: Literal["ignore", "queue", "replace"] = "ignore"
    """What to do with an event while an execution with its key is unfinished."""
    concurrency: Concurrency | None = None
    debounce: Debounce | None = None
    batch: Batch | None = None


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
class Escalation:
    """Whom else to ask once an approval has been open for a while."""

    after: timedelta
    roles: tuple[str, ...] = ()
    users: Template | None = None


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
    policy: Policy = FIRST_VOTE
    remind_every: timedelta | None = None
    escalate: Escalation | None = None
    bulk: bool = False
    """Whether it may be approved from the list, without a look at each."""
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
    """Whether its failure fails the step; that of a notification does only where asked."""
    idempotent: bool = True
    """Whether the far side drops a second call with the same key."""
    into: tuple[str, ...] = ()
    """Where in the context a `load` puts its value."""


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
class EventsWait:
    """Hold until one of several events has come, or all of them."""

    kind: Literal["any_of", "all_of"]
    events: tuple[EventWait, ...]


@dataclass(frozen=True, slots=True)
class WaitVerb:
    """Pause for events or for time."""

    what: EventWait | EventsWait | TimeWait
    on_timeout: StepPath | None = None


@dataclass(frozen=True, slots=True)
class Strategy:
    """When the children of a step decide it (D8); `needed` counts for `n_of`."""

    kind: Literal["all", "any", "race", "n_of", "all_settled"] = "all"
    needed: int = 0


@dataclass(frozen=True, slots=True)
class ParallelVerb:
    """Run branches side by side; `branches` holds the first step of each."""

    branches: Mapping[str, StepPath]
    strategy: Strategy = Strategy()
    concurrency: int | None = None
    timeout: timedelta | None = None


@dataclass(frozen=True, slots=True)
class ForEachVerb:
    """Run steps for each element of a list, under the name `item`."""

    items: Template
    item: str
    first: StepPath
    strategy: Strategy = Strategy()
    concurrency: int = 1
    timeout: timedelta | None = None


@dataclass(frozen=True, slots=True)
class RepeatVerb:
    """Run steps again until a condition holds, `max` times at most."""

    first: StepPath
    until: Condition
    max: int


@dataclass(frozen=True, slots=True)
class WorkflowVerb:
    """Run another workflow as a child; `version` None means the newest at that moment."""

    name: str
    input: Template | None = None
    version: int | None = None
    wait: bool = True
    timeout: timedelta | None = None


BranchingVerb: TypeAlias = ParallelVerb | ForEachVerb | RepeatVerb
"""Verbs whose steps run on lines of their own."""
Verb: TypeAlias = (
    ConditionVerb
    | AllowVerb
    | BlockVerb
    | ExecuteVerb
    | WaitVerb
    | ApprovalVerb
    | BranchingVerb
    | WorkflowVerb
)


@dataclass(frozen=True, slots=True)
class Step:
    """A node of a definition; `then` is the step after it, outwards if its own list ends."""

    id: str
    path: StepPath
    verb: Verb
    then: StepPath | None = None
    when: Condition | None = None
    retry: RetryPolicy = DEFAULT_RETRY
    timeout: timedelta | None = None
    """Of one attempt; None: that of its sub-action, else `DEFAULT_TIMEOUT`."""
    on_error: StepPath | None = None
    on_in_doubt: InDoubt | None = None
    """None: retry what is idempotent, ask about the rest."""
    compensate: StepPath | None = None
    """First of the steps that undo this one."""
    refresh: tuple[str, ...] = ()
    """Loaded paths that are read again on resume (D20)."""


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
    shipped: tuple[str, ...] = ()
    """The shipped derived fields that the definition reads without deriving them itself."""
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
