"""An execution as a value, and the table of legal moves (requirements.md S143)."""

from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from engine.errors import SluicegateError
from engine.ids import ChildId, ExecutionId, StepPath, WaitId
from engine.values import dataclass

MAIN = "main"
"""Name of the first line of steps; parallel branches get lines of their own."""


class Status(StrEnum):
    """Where an execution stands."""

    PENDING = "pending"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"
    BLOCKED = "blocked"
    FAILED = "failed"
    CANCELLED = "cancelled"


Result = Literal["allowed", "blocked", "executed", "failed"]

MOVES: Mapping[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.RUNNING, Status.CANCELLED}),
    Status.RUNNING: frozenset(Status) - {Status.RUNNING, Status.PENDING},
    Status.PAUSED: frozenset({Status.RUNNING, Status.FAILED, Status.BLOCKED, Status.CANCELLED}),
    Status.COMPLETED: frozenset(),
    Status.BLOCKED: frozenset(),
    Status.FAILED: frozenset(),
    Status.CANCELLED: frozenset(),
}
ENDED = frozenset(status for status, targets in MOVES.items() if not targets)


class IllegalMove(SluicegateError):
    """A move that the table does not allow: our bug, never a user's."""

    def __init__(self, source: Status, target: Status) -> None:
        self.source, self.target = source, target
        super().__init__(f"an execution cannot move from {source} to {target}")


class StepStatus(StrEnum):
    """Where a step execution stands."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    COMPLETED = "completed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a step or an execution failed: a stable code, a text, and the step."""

    code: str
    message: str
    step: str | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """What one line is held for; `record` is the waiting record as announced (interfaces.md)."""

    id: WaitId
    path: StepPath
    kind: Literal["approval", "event", "timer"]
    opened_at: datetime
    due_at: datetime | None
    record: Mapping[str, object]
    since: datetime | None = None
    """From when on an event counts; None: since the wait opened."""
    correlation: str | None = None
    """For an event wait: what an event must correlate with, see `engine.correlation`."""
    state: Mapping[str, object] = field(default_factory=dict)
    """Of an approval: votes, stage, who claimed it, reminders; not part of what was shown."""


@dataclass(frozen=True, slots=True)
class Closed:
    """How a wait was closed, and by whom, if by somebody."""

    outcome: str
    decided_by: str | None = None

    def __str__(self) -> str:
        """Return it as a refusal tells it."""
        return f"{self.outcome} by {self.decided_by}" if self.decided_by else self.outcome


Phase = Literal["ready", "loading", "acting", "doubtful", "retrying", "waiting", "joining"]
"""What a line does: `doubtful` is an effect of which nobody knows whether it happened (D28)."""
HOLDING = frozenset({"waiting", "doubtful", "joining"})
"""Phases out of which only news from outside leads, or that depend on other lines."""


@dataclass(frozen=True, slots=True)
class Line:
    """How far one sequence of steps has come; `at` is the step it stands at."""

    at: StepPath | None
    phase: Phase = "ready"
    attempt: int = 1
    action: int = 0
    """Index of the sub-action under way; of a joining line, how many children it has begun."""
    outputs: tuple[object, ...] = ()
    """Of the sub-actions so far; of a joining `for_each` items, of a `repeat` what waits had."""
    pending: ChildId | None = None
    """The effect or timer that this line waits for, while acting, retrying or joining."""
    since: datetime | None = None
    """When the current attempt of the step began."""
    recorded: bool = False
    """Whether the current attempt of the step has a row."""
    parent: str | None = None
    """Name of the line whose step this one is a child of; None: no line waits for this one."""
    root: str = ""
    """What the line's name stands for in the paths of the definition; of the main line nothing."""
    done: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Of a joining line: what its ended children came to."""
    last: str | None = None
    """Of a child: the step whose output is its own."""
    failure: Failure | None = None
    """Why a child ended."""

    def begun(self, at: datetime, phase: Phase | None = None) -> "Line":
        """Return this line with the instant at which the attempt began, in a phase."""
        return Line(
            self.at,
            phase or self.phase,
            self.attempt,
            self.action,
            self.outputs,
            self.pending,
            at,
            self.recorded,
            self.parent,
            self.root,
            self.done,
            self.last,
            self.failure,
        )

    def onward(self, at: StepPath | None, last: str | None = None) -> "Line":
        """Return this line at the start of another step, or at its end."""
        if not self.root:
            return Line(at)
        return Line(at, parent=self.parent, root=self.root, last=last or self.last)


def path_of(name: str, line: Line, at: StepPath) -> StepPath:
    """Return a step's path as executed: a loop's item or round stands in it as a number."""
    return StepPath(name + at[len(line.root) :]) if line.root else at


def oldest_wait(waits: Mapping[WaitId, Wait]) -> Wait | None:
    """Return the wait that was opened first, None where there is none."""
    if len(waits) == 1:
        return next(iter(waits.values()))
    return min(waits.values(), key=lambda wait: wait.opened_at, default=None)


def standing_at(lines: Mapping[str, Line], waits: Mapping[WaitId, Wait]) -> StepPath | None:
    """Return the step that an execution stands at: that of its oldest wait, or of a first line."""
    wait = oldest_wait(waits)
    if wait is not None:
        return wait.path
    for name, line in lines.items():
        if line.at is not None and line.phase != "joining":
            return path_of(name, line, line.at)
    return None


@dataclass(frozen=True, slots=True)
class Undo:
    """A completed step's compensation: its first step, and the line to run it on."""

    at: StepPath
    name: str
    root: str


@dataclass(frozen=True, slots=True)
class Hold:
    """An operator's pause (requirements.md S93)."""

    by: str
    reason: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class Loading:
    """A resource on its way: the effect that reads it, or the timer of its next attempt."""

    pending: ChildId
    attempt: int
    line: str | None = None
    """The line that goes on once it is there (`refresh`); None: before the first step."""
    step: StepPath | None = None
    """Where the line waited, as executed."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One run through one version, as stored between two inputs."""

    id: ExecutionId
    workflow: str
    version: int
    trigger_event: str
    payload: Mapping[str, object]
    meta: Mapping[str, object]
    """Of the triggering event: id, type, source, time, topic, key."""
    triggered_at: datetime | None = None
    """When the broker took the triggering record."""
    status: Status = Status.PENDING
    result: Result | None = None
    context: Mapping[str, object] = field(default_factory=dict)
    lines: Mapping[str, Line] = field(default_factory=dict)
    waits: Mapping[WaitId, Wait] = field(default_factory=dict)
    closed_waits: Mapping[WaitId, Closed] = field(default_factory=dict)
    """How those waits were closed that the input may name."""
    frames: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """What only one item or one round of a loop sees, by the name of its line."""
    provisional: Literal["allowed", "executed"] | None = None
    failing: Failure | None = None
    """Set while compensations or the workflow's own `on_error` run: the end is decided."""
    ending: Literal["failed", "cancelled"] = "failed"
    """How it ends once `failing` is set."""
    error_handled: bool = False
    """Whether the workflow's `on_error` has begun, or must not."""
    undo: tuple[Undo, ...] = ()
    """Compensations of the steps completed so far, the last one first to run."""
    held: Hold | None = None
    loading: Mapping[str, Loading] = field(default_factory=dict)
    """Resources still on their way, by the path where they will land."""
    error: Failure | None = None
    resume_data: Mapping[str, object] | None = None
    started_at: datetime | None = None
    completed_at: datetime | None = None
    paused_at: datetime | None = None
    paused_ms: int = 0
    sequence: int = 0
    """Number of life-cycle messages so far."""
    steps_taken: int = 0
    rounds: int = 0
    """Items and rounds of loops begun so far; each pays for one step (security.md, bounds)."""

    @property
    def ended(self) -> bool:
        """Tell whether no input can change it any more."""
        return self.status in ENDED
