"""The working copy of one `advance`: what steps change while they run, frozen at the end."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from engine.definition import Definition, Step
from engine.effects import (
    Announce,
    ChangeWait,
    CloseWait,
    Effect,
    OpenWait,
    RecordStep,
    StartTimer,
    StopTimer,
)
from engine.execution import (
    ENDED,
    MOVES,
    Closed,
    Execution,
    Failure,
    IllegalMove,
    Line,
    Status,
    StepStatus,
    Undo,
    Wait,
    path_of,
)
from engine.ids import ChildId, StepPath, WaitId, child_id
from engine.verbs import step_type
from engine.view import View

OVER = frozenset({StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED})
MILLISECOND, MICROSECOND = timedelta(milliseconds=1), timedelta(microseconds=1)


def nudge_timer(
    execution: Execution, wait: Wait, kind: Literal["reminder", "escalation"]
) -> ChildId:
    """Return the id of the timer that nudges the deciders of an open request."""
    number = wait.state.get("reminders") if kind == "reminder" else 0
    return child_id(execution.id, wait.id, kind, number)


def expiry_timer(execution: Execution, wait: WaitId) -> ChildId:
    """Return the id of the timer that ends a wait."""
    return child_id(execution.id, wait, "expiry")


class Turn(View):
    """One input's passage through an execution; lives only inside `advance`."""

    __slots__ = (
        "closed",
        "current",
        "definition",
        "effects",
        "ending",
        "error_handled",
        "execution",
        "failing",
        "failure",
        "held",
        "instant",
        "lines",
        "loading",
        "now",
        "paused_at",
        "paused_ms",
        "provisional",
        "result",
        "resume_data",
        "rounds",
        "sequence",
        "status",
        "steps_taken",
        "undo",
        "waits",
    )

    def __init__(self, definition: Definition, execution: Execution, now: datetime) -> None:
        self.definition, self.execution, self.now = definition, execution, now
        self.effects: list[Effect] = []
        self.status, self.result = execution.status, execution.result
        self.lines: dict[str, Line] = dict(execution.lines)
        self.waits: dict[WaitId, Wait] = dict(execution.waits)
        self.closed: dict[WaitId, Closed] = dict(execution.closed_waits)
        self.loading = dict(execution.loading)
        self.provisional, self.failing = execution.provisional, execution.failing
        self.ending, self.error_handled = execution.ending, execution.error_handled
        self.undo, self.held = execution.undo, execution.held
        self.failure = execution.error
        self.resume_data = execution.resume_data
        self.paused_at, self.paused_ms = execution.paused_at, execution.paused_ms
        self.sequence, self.steps_taken = execution.sequence, execution.steps_taken
        self.rounds = execution.rounds
        self.instant = now + timedelta(microseconds=execution.steps_taken)
        """Now, a microsecond later for each step so far."""
        self.current: str | None = None
        super().__init__(execution, (execution.started_at or now).date().isoformat())

    def count_step(self) -> None:
        """Note that one more step begins: a microsecond later than the one before (S18)."""
        self.steps_taken += 1
        self.instant += MICROSECOND

    def stand(self, name: str) -> Step:
        """Go on with a line, in its own scope; return the step at which it stands."""
        self.current = name
        self.look_from(name)
        line = self.lines[name]
        if line.at is None:
            raise LookupError(f"the line {name} has ended")
        return self.step_at(name, line, line.at)

    def step_at(self, name: str, line: Line, at: StepPath) -> Step:
        """Return a step with its path as executed."""
        step = self.definition.steps[at]
        if line.root:
            step = replace(step, path=path_of(name, line, at))
        self.see_error(step.path, self._failing_error())
        return step

    def _failing_error(self) -> Mapping[str, object] | None:
        """Return what the workflow's own `on_error` and the compensations read as `error`."""
        failing = self.failing
        if failing is None:
            return None
        return {"code": failing.code, "message": failing.message, "step": failing.step}

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

    def wake(self, path: StepPath | None = None) -> None:
        """Leave the pause because an input lets a line go on; an operator's hold stays.

        `path` is the step at which it goes on, where the input is about one.
        """
        if self.status is not Status.PAUSED or self.held is not None:
            return
        self.move(Status.RUNNING)
        self.end_pause()
        self._go_on_with_timeout()
        self.announce("execution.resumed", path)

    def end_pause(self) -> None:
        """Add the pause that ends now to the paused time (D24)."""
        if self.paused_at is not None:
            self.paused_ms += round((self.now - self.paused_at) / MILLISECOND)
            self.paused_at = None

    def time_left(self) -> timedelta | None:
        """Return what is left of the execution's time limit; None where there is no limit."""
        limit, started = self.definition.timeout, self.execution.started_at
        if limit is None or started is None:
            return None
        elapsed = self.now - started
        if not self.definition.include_paused:
            elapsed -= self.paused_ms * MILLISECOND
        return limit - elapsed

    def _go_on_with_timeout(self) -> None:
        """Let the time limit run again after a pause that does not count (D14)."""
        left = self.time_left()
        if left is not None and left > timedelta() and not self.definition.include_paused:
            self.start_timeout(left)

    def start_timeout(self, length: timedelta) -> None:
        """Have the execution's time limit fire after a length of time."""
        timer = child_id(self.execution.id, "timeout")
        self.effects.append(StartTimer(timer, "execution_timeout", self.now + length))

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
        at = self.instant
        self.effects.append(
            RecordStep(
                child_id(self.execution.id, step.path, "step", line.attempt),
                step.id,
                step.path,
                step_type(step.verb),
                line.attempt,
                status,
                line.since or at,
                at if status in OVER else None,
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
        self.keep("steps", step.id, {"status": "completed", **(stored or {})})
        self.announce("step.completed", step.path)
        if step.compensate is not None and line.at is not None:
            self.undo = (*self.undo, Undo(step.compensate, step.path, line.at))
        return line.onward(goto or step.then, step.id)

    def drop_frame(self, name: str) -> None:
        """Forget what only a loop's item or round saw, unless a compensation will need it."""
        if name in self.frames and not any(u.name.startswith(f"{name}/") for u in self.undo):
            del self.frames[name]

    def skip(self, step: Step, line: Line, *, first: bool = True) -> Line:
        """Pass a step: its guard is false, or an operator wants it so."""
        self.record(step, line, StepStatus.SKIPPED, first=first)
        self.keep("steps", step.id, {"status": "skipped"})
        self.announce("step.skipped", step.path)
        return line.onward(step.then)

    def fail(
        self,
        step: Step,
        line: Line,
        failure: Failure,
        *,
        first: bool = True,
        stored: Mapping[str, object] | None = None,
    ) -> Line:
        """Fail a step for good: its `on_error`, else the workflow's, else the execution fails."""
        self.record(step, line, StepStatus.FAILED, first=first, failure=failure)
        error = {"code": failure.code, "message": failure.message, "step": step.id}
        self.keep("steps", step.id, {"status": "failed", "error": error, **(stored or {})})
        self.announce("step.failed", step.path, failure.code)
        if step.on_error is not None:
            return line.onward(step.on_error)
        return self.give_up(line, replace(failure, step=failure.step or step.id))

    def give_up(self, line: Line, failure: Failure) -> Line:
        """End a line that failed; unless another waits for it, the execution fails with it."""
        if line.parent is not None:
            return replace(line.onward(None), failure=failure)
        if self.failing is None:
            self.failing = failure
        return Line(None)

    def open_wait(self, wait: Wait) -> None:
        """Hold the current line for a wait."""
        self.waits[wait.id] = wait
        self.effects.append(OpenWait(wait))
        if wait.due_at is not None:
            timer = expiry_timer(self.execution, wait.id)
            self.effects.append(StartTimer(timer, "expiry", wait.due_at, wait.id))

    def start_nudge(
        self, wait: Wait, kind: Literal["reminder", "escalation"], after: timedelta
    ) -> None:
        """Have the deciders of an open request nudged after a while."""
        timer = nudge_timer(self.execution, wait, kind)
        self.effects.append(StartTimer(timer, kind, self.now + after, wait.id))

    def change_wait(
        self,
        wait: Wait,
        about: Literal["vote", "claim", "reassign", "reminder", "escalation"],
        state: Mapping[str, object],
        record: Mapping[str, object] | None = None,
    ) -> Wait:
        """Keep what has come to an open wait, and announce it once more."""
        changes = wait.state.get("changes", 0)
        counted = {"changes": (changes if isinstance(changes, int) else 0) + 1}
        changed = replace(
            wait,
            record={**wait.record, **(record or {})},
            state={**wait.state, **state, **counted},
        )
        self.waits[wait.id] = changed
        self.effects.append(ChangeWait(changed, about))
        return changed

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
        self.closed[wait.id] = Closed(outcome, decided_by)
        self.effects.append(CloseWait(wait, outcome, self.now, decided_by, decided_for, reason))
        if wait.due_at is not None and outcome not in ("expired", "elapsed"):
            self.effects.append(StopTimer(expiry_timer(self.execution, wait.id)))
        if "reminders" in wait.state:
            self.effects.append(StopTimer(nudge_timer(self.execution, wait, "reminder")))
        if wait.state.get("escalated") is False:
            self.effects.append(StopTimer(nudge_timer(self.execution, wait, "escalation")))

    def line_at(self, path: StepPath) -> tuple[str, Line, Step] | None:
        """Go on with the line that stands at a step; return its name, itself and the step."""
        for name, line in self.lines.items():
            if line.at is not None and path_of(name, line, line.at) == path:
                return name, line, self.stand(name)
        return None

    def freeze(self) -> Execution:
        """Return the execution after this input."""
        before = self.execution
        return Execution(
            id=before.id,
            workflow=before.workflow,
            version=before.version,
            trigger_event=before.trigger_event,
            payload=before.payload,
            meta=before.meta,
            triggered_at=before.triggered_at,
            status=self.status,
            result=self.result,
            context=self.stored(),
            lines=self.lines,
            waits=self.waits,
            closed_waits=self.closed,
            frames=self.frames,
            provisional=self.provisional,
            failing=self.failing,
            ending=self.ending,
            error_handled=self.error_handled,
            undo=self.undo,
            held=self.held,
            loading=self.loading,
            error=self.failure,
            resume_data=self.resume_data,
            started_at=before.started_at or self.now,
            completed_at=self.now if self.status in ENDED else None,
            paused_at=self.paused_at,
            paused_ms=self.paused_ms,
            sequence=self.sequence,
            steps_taken=self.steps_taken,
            rounds=self.rounds,
        )
