"""The working copy of one `advance`: what steps change while they run, frozen at the end."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from engine.definition import Definition, Step
from engine.effects import (
    Announce,
    CloseWait,
    DropEffect,
    Effect,
    OpenWait,
    RecordStep,
    StartTimer,
    StopTimer,
)
from engine.execution import (
    ENDED,
    MOVES,
    Execution,
    Failure,
    IllegalMove,
    Line,
    Result,
    Status,
    StepStatus,
    Wait,
)
from engine.ids import ChildId, StepPath, WaitId, child_id, public_id
from engine.verbs import step_type

NOT_STORED = ("event", "execution")
"""Parts of the scope that are rebuilt, never stored in the context."""


def expiry_timer(execution: Execution, path: StepPath) -> ChildId:
    """Return the id of the timer that ends a wait."""
    return child_id(execution.id, path, "expiry")


def step_execution_id(execution: Execution, path: StepPath, attempt: int) -> ChildId:
    """Return the id of one attempt of a step."""
    return child_id(execution.id, path, "step", attempt)


class Turn:
    """One input's passage through an execution; lives only inside `advance`."""

    __slots__ = (
        "closed",
        "definition",
        "effects",
        "execution",
        "failing",
        "failure",
        "lines",
        "loading",
        "now",
        "paused_at",
        "paused_ms",
        "provisional",
        "result",
        "resume_data",
        "scope",
        "sequence",
        "status",
        "steps",
        "steps_taken",
        "waits",
    )

    def __init__(self, definition: Definition, execution: Execution, now: datetime) -> None:
        self.definition, self.execution, self.now = definition, execution, now
        self.effects: list[Effect] = []
        self.status, self.result = execution.status, execution.result
        self.lines: dict[str, Line] = dict(execution.lines)
        self.waits: dict[WaitId, Wait] = dict(execution.waits)
        self.closed: dict[WaitId, str] = dict(execution.closed_waits)
        self.loading = dict(execution.loading)
        self.provisional, self.failing = execution.provisional, execution.failing
        self.failure = execution.error
        self.resume_data = execution.resume_data
        self.paused_at, self.paused_ms = execution.paused_at, execution.paused_ms
        self.sequence, self.steps_taken = execution.sequence, execution.steps_taken
        self.scope: dict[str, object] = dict(execution.context)
        self.steps = self.part("steps")
        self._add_identity()

    def _add_identity(self) -> None:
        execution = self.execution
        self.scope["event"] = {**execution.payload, "meta": execution.meta}
        started = execution.started_at or self.now
        self.scope["execution"] = {
            "id": public_id(execution.id),
            "date": started.date().isoformat(),
            "workflow": execution.workflow,
            "version": execution.version,
        }

    @property
    def instant(self) -> datetime:
        """Now, a microsecond later for each step so far: steps start in order (S18)."""
        return self.now + timedelta(microseconds=self.steps_taken)

    def part(self, name: str) -> dict[str, object]:
        """Return a copy of one part of the scope (`steps`, ...) that may be changed."""
        found = self.scope.get(name)
        part: dict[str, object] = dict(found) if isinstance(found, dict) else {}
        self.scope[name] = part
        return part

    def move(self, target: Status) -> None:
        """Change the status, by the table of moves alone."""
        if target not in MOVES[self.status]:
            raise IllegalMove(self.status, target)
        self.status = target

    def announce(self, kind: str, path: StepPath | None = None, code: str | None = None) -> None:
        """Ask for a life-cycle record."""
        self.sequence += 1
        self.effects.append(
            Announce(kind, self.sequence, self.now, self.status, self.result, path, code)
        )

    def wake(self) -> None:
        """Leave the pause because an input lets a line go on."""
        if self.status is not Status.PAUSED:
            return
        self.move(Status.RUNNING)
        if self.paused_at is not None:
            self.paused_ms += round((self.now - self.paused_at) / timedelta(milliseconds=1))
        self.paused_at = None
        self.announce("execution.resumed")

    def record(
        self,
        step: Step,
        line: Line,
        status: StepStatus,
        *,
        first: bool,
        input: object = None,
        output: object = None,
        failure: Failure | None = None,
    ) -> None:
        """Ask for the row of the current attempt of a step."""
        over = status in (StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED)
        at = self.instant
        self.effects.append(
            RecordStep(
                step_execution_id(self.execution, step.path, line.attempt),
                step.id,
                step.path,
                step_type(step.verb),
                line.attempt,
                status,
                line.since or at,
                at if over else None,
                input,
                output,
                failure.code if failure else None,
                failure.message if failure else None,
                first,
            )
        )

    def complete(
        self,
        step: Step,
        line: Line,
        output: object,
        *,
        first: bool = True,
        input: object = None,
        stored: Mapping[str, object] | None = None,
        goto: StepPath | None = None,
    ) -> Line:
        """Finish a step and return the line at what follows: `goto`, else the step after it."""
        self.record(step, line, StepStatus.COMPLETED, first=first, input=input, output=output)
        self.steps[step.id] = {"status": "completed", **(stored or {})}
        self.announce("step.completed", step.path)
        return Line(goto or step.then)

    def skip(self, step: Step, line: Line) -> Line:
        """Pass a step by because its guard is false."""
        self.record(step, line, StepStatus.SKIPPED, first=True)
        self.steps[step.id] = {"status": "skipped"}
        self.announce("step.skipped", step.path)
        return Line(step.then)

    def fail(self, step: Step, line: Line, failure: Failure, *, first: bool = True) -> Line:
        """Fail a step for good: its `on_error`, else the workflow's, else the execution fails."""
        self.record(step, line, StepStatus.FAILED, first=first, failure=failure)
        return self.route_failure(step, failure)

    def route_failure(self, step: Step, failure: Failure) -> Line:
        """Return where the flow goes after a step failed for good; its row is written already."""
        standing = self.line_at(step.path)
        if standing is not None:
            self.lines[standing[0]] = Line(None)
        error = {"code": failure.code, "message": failure.message, "step": step.id}
        self.steps[step.id] = {"status": "failed", "error": error}
        self.scope["error"] = error
        self.announce("step.failed", step.path, failure.code)
        if step.on_error is not None:
            return Line(step.on_error)
        return self.give_up(replace(failure, step=failure.step or step.id))

    def give_up(self, failure: Failure) -> Line:
        """Run the workflow's `on_error` once, then end as failed."""
        if self.failing is None and self.definition.on_error is not None:
            self.failing = failure
            error = {"code": failure.code, "message": failure.message, "step": failure.step}
            self.scope.setdefault("error", error)
            return Line(self.definition.on_error)
        self.end(Status.FAILED, "failed", self.failing or failure)
        return Line(None)

    def open_wait(self, wait: Wait) -> None:
        """Hold the current line for a wait."""
        self.waits[wait.id] = wait
        self.effects.append(OpenWait(wait))
        if wait.due_at is not None:
            timer = expiry_timer(self.execution, wait.path)
            self.effects.append(StartTimer(timer, "expiry", wait.due_at, wait.id))

    def close_wait(
        self,
        wait: Wait,
        outcome: str,
        *,
        decided_by: str | None = None,
        decided_for: str | None = None,
        reason: str | None = None,
    ) -> None:
        """Close a wait; the caller moves its line."""
        del self.waits[wait.id]
        self.closed[wait.id] = outcome
        self.effects.append(CloseWait(wait, outcome, self.now, decided_by, decided_for, reason))
        if wait.due_at is not None and outcome not in ("expired", "elapsed"):
            self.effects.append(StopTimer(expiry_timer(self.execution, wait.path)))

    def line_at(self, path: StepPath) -> tuple[str, Line] | None:
        """Return the line that stands at a step, with its name."""
        return next(((name, line) for name, line in self.lines.items() if line.at == path), None)

    def end(self, status: Status, result: Result | None, failure: Failure | None = None) -> None:
        """End the execution: close what is open, drop what has not begun."""
        for name, line in self.lines.items():
            self._abandon(line)
            self.lines[name] = Line(None)
        if self.definition.timeout is not None:
            self.effects.append(StopTimer(child_id(self.execution.id, "timeout")))
        self.loading.clear()
        if self.paused_at is not None:
            self.paused_ms += round((self.now - self.paused_at) / timedelta(milliseconds=1))
            self.paused_at = None
        self.move(status)
        self.result, self.failure = result, failure
        self.announce(f"execution.{status}", None, failure.code if failure else None)

    def _abandon(self, line: Line) -> None:
        if line.at is None or line.phase in ("ready", "loading"):
            return
        step = self.definition.steps[line.at]
        wait = next((wait for wait in self.waits.values() if wait.path == line.at), None)
        if wait is not None:
            self.close_wait(wait, "cancelled")
        if line.pending is not None:
            stop = StopTimer if line.phase == "retrying" else DropEffect
            self.effects.append(stop(line.pending))
        self.record(step, line, StepStatus.SKIPPED, first=False)
        self.steps[step.id] = {"status": "skipped"}

    def freeze(self) -> Execution:
        """Return the execution after this input."""
        context = {key: value for key, value in self.scope.items() if key not in NOT_STORED}
        ended = self.status in ENDED
        return replace(
            self.execution,
            status=self.status,
            result=self.result,
            context=context,
            lines={name: line for name, line in self.lines.items() if line.at is not None},
            waits=self.waits,
            closed_waits=self.closed,
            provisional=self.provisional,
            failing=self.failing,
            loading=self.loading,
            error=self.failure,
            resume_data=self.resume_data,
            started_at=self.execution.started_at or self.now,
            completed_at=self.now if ended else None,
            paused_at=self.paused_at,
            paused_ms=self.paused_ms,
            sequence=self.sequence,
            steps_taken=self.steps_taken,
        )
