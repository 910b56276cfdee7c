"""How an execution ends: what is open is closed, what was done is undone (S30, S45)."""

from collections.abc import Iterable
from datetime import timedelta

from engine.definition import Step
from engine.effects import CancelChild, DropEffect, StartTimer, StopTimer, StopWatching
from engine.execution import MAIN, Failure, Line, Result, Status, StepStatus
from engine.ids import ExecutionId, child_id
from engine.turn import Turn

PASSIVE = frozenset({"ready", "loading"})
"""Phases of lines that have begun nothing at the step at which they stand."""


def end(turn: Turn, status: Status, result: Result | None, failure: Failure | None = None) -> None:
    """End the execution: close what is open, drop what has not begun."""
    abandon(turn, [name for name in turn.lines if name != turn.current])
    turn.lines.clear()
    for loading in turn.loading.values():
        turn.effects.append(DropEffect(loading.pending))
    turn.loading.clear()
    turn.frames.clear()
    definition = turn.definition
    if definition.timeout is not None:
        turn.effects.append(StopTimer(child_id(turn.execution.id, "timeout")))
    if any(trigger.cancel_on is not None for trigger in definition.triggers):
        turn.effects.append(StopWatching())
    turn.end_pause()
    turn.held = None
    turn.undo = ()
    turn.move(status)
    turn.result, turn.failure = result, failure
    turn.announce(f"execution.{status}", None, failure.code if failure else None)


def abandon(turn: Turn, names: Iterable[str], *, undo: bool = False) -> None:
    """Let lines go no further: their waits, timers, effects and children go with them."""
    standing = turn.current
    for name in list(names):
        line = turn.lines.pop(name, None)
        if line is None or line.at is None:
            continue
        if line.phase not in PASSIVE:
            turn.look_from(name)
            _abandon_step(turn, turn.step_at(name, line, line.at), line, undo=undo)
        turn.drop_frame(name)
    turn.current = standing
    if standing is not None:
        turn.look_from(standing)


def _abandon_step(turn: Turn, step: Step, line: Line, *, undo: bool) -> None:
    for wait in [wait for wait in turn.waits.values() if wait.path == step.path]:
        turn.close_wait(wait, "cancelled")
    if line.pending is not None:
        match line.phase:
            case "acting" | "doubtful":
                turn.effects.append(DropEffect(line.pending))
            case "waiting":
                turn.effects.append(CancelChild(ExecutionId(line.pending), undo))
            case _:
                turn.effects.append(StopTimer(line.pending))
    turn.record(step, line, StepStatus.SKIPPED, first=False)
    turn.keep("steps", step.id, {"status": "skipped"})


def break_off(turn: Turn, status: Status, failure: Failure, *, undo: bool) -> None:
    """End everything at once, after the compensations where they are asked for."""
    turn.current = None
    abandon(turn, turn.lines, undo=undo)
    turn.loading.clear()
    if not undo or not turn.undo:
        result: Result | None = "failed" if status is Status.FAILED else None
        end(turn, status, result, failure)
        return
    turn.held = None
    turn.wake()
    turn.failing, turn.error_handled = failure, True
    turn.ending = "cancelled" if status is Status.CANCELLED else "failed"


def begin_next_ending(turn: Turn) -> bool:
    """Start what comes before a failure's end: compensations, then `on_error`; tell whether any."""
    if turn.failing is None:
        return False
    if turn.undo:
        *turn_undo, last = turn.undo
        turn.undo = tuple(turn_undo)
        turn.lines[last.name] = Line(last.at, root=last.root)
        return True
    if turn.error_handled or turn.definition.on_error is None:
        return False
    turn.error_handled = True
    failing = turn.failing
    turn.base["error"] = {
        "code": failing.code,
        "message": failing.message,
        "step": failing.step,
    }
    turn.lines[MAIN] = Line(turn.definition.on_error)
    return True


def finish(turn: Turn) -> None:
    """End an execution of which no line is left."""
    turn.current = None
    if turn.failing is None:
        end(turn, Status.COMPLETED, turn.provisional or turn.definition.default_result)
    elif turn.ending == "cancelled":
        end(turn, Status.CANCELLED, None, turn.failing)
    else:
        end(turn, Status.FAILED, "failed", turn.failing)


def time_out(turn: Turn) -> bool:
    """End an execution whose time is up; paused time counts only where asked (D14)."""
    definition, started = turn.definition, turn.execution.started_at
    if turn.execution.ended or definition.timeout is None or started is None:
        return False
    elapsed = turn.now - started
    if not definition.include_paused:
        elapsed -= timedelta(milliseconds=turn.paused_ms)
        if turn.paused_at is not None:
            elapsed -= turn.now - turn.paused_at
    if elapsed < definition.timeout:
        start_timeout(turn, max(definition.timeout - elapsed, timedelta(seconds=1)))
        return False
    failure = Failure("timeout", f"not finished within {definition.timeout}")
    break_off(turn, Status.FAILED, failure, undo=True)
    return True


def start_timeout(turn: Turn, length: timedelta) -> None:
    """Have the execution's time limit fire after a length of time."""
    timer = child_id(turn.execution.id, "timeout")
    turn.effects.append(StartTimer(timer, "execution_timeout", turn.now + length))
