"""How an execution ends: what is open is closed, what was done is undone (S30, S45)."""

from collections.abc import Iterable
from datetime import timedelta

from engine.definition import Step, WorkflowVerb
from engine.effects import CancelChild, DropEffect, StopTimer, StopWatching
from engine.execution import MAIN, Failure, Line, Result, Status, StepStatus
from engine.ids import ExecutionId, child_id
from engine.steps.child import limit_of
from engine.turn import Turn

PASSIVE = frozenset({"ready", "loading"})
"""Phases of lines that have begun nothing at their step, unless it has a row already."""


def end(turn: Turn, status: Status, result: Result | None, failure: Failure | None = None) -> None:
    """End the execution: close what is open, drop what has not begun."""
    abandon(turn, [name for name in turn.lines if name != turn.current])
    turn.lines.clear()
    drop_loading(turn)
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


def stop(turn: Turn, status: Status, result: Result, failure: Failure | None = None) -> None:
    """End the execution because a step says so; a compensation ends alone: others are owed."""
    if not undoes(turn):
        end(turn, status, result, failure)


def abandon(turn: Turn, names: Iterable[str], *, undo: bool = False) -> None:
    """Let lines go no further: their waits, timers, effects and children go with them."""
    standing = turn.current
    leaving = list(names)
    for name in leaving:
        line = turn.lines.pop(name, None)
        if line is None or line.at is None:
            continue
        if line.phase not in PASSIVE or line.recorded:
            turn.look_from(name)
            _abandon_step(turn, turn.step_at(name, line, line.at), line, undo=undo)
    # Lines below an item or a round still write to its frame.
    for name in leaving:
        turn.drop_frame(name)
        drop_loading(turn, name)
    turn.current = standing
    if standing is not None:
        turn.look_from(standing)


def drop_loading(turn: Turn, line: str | None = None) -> None:
    """Read no more resources: all, or those for which one line is held."""
    for key, loading in list(turn.loading.items()):
        if line is not None and loading.line != line:
            continue
        del turn.loading[key]
        retry = child_id(turn.execution.id, "load-retry", key, loading.attempt - 1)
        stop = StopTimer if loading.pending == retry else DropEffect
        turn.effects.append(stop(loading.pending))


def _abandon_step(turn: Turn, step: Step, line: Line, *, undo: bool) -> None:
    close_waits(turn, step, "cancelled")
    stop_pending(turn, step, line, undo=undo)
    turn.record(step, line, StepStatus.SKIPPED, first=False)
    turn.keep("steps", step.id, {"status": "skipped"})


def close_waits(turn: Turn, step: Step, outcome: str, decided_by: str | None = None) -> None:
    """Close all that is open of what a step waits for; the caller moves its line."""
    for wait in [wait for wait in turn.waits.values() if wait.path == step.path]:
        turn.close_wait(wait, outcome, decided_by=decided_by)


def stop_pending(turn: Turn, step: Step, line: Line, *, undo: bool = False) -> None:
    """Withdraw the effect, child or timer for which a line is held."""
    if line.pending is None:
        return
    match line.phase:
        case "acting" | "doubtful":
            turn.effects.append(DropEffect(line.pending))
        case "waiting":
            turn.effects.append(CancelChild(ExecutionId(line.pending), undo))
            if isinstance(step.verb, WorkflowVerb) and step.verb.timeout is not None:
                turn.effects.append(StopTimer(limit_of(turn, step)))
        case _:
            turn.effects.append(StopTimer(line.pending))


def break_off(turn: Turn, status: Status, failure: Failure, *, undo: bool) -> None:
    """End everything at once, after the compensations where they are asked for."""
    turn.current = None
    abandon(turn, turn.lines, undo=undo)
    drop_loading(turn)
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
    left = turn.time_left()
    time_is_up = left is not None and left <= timedelta()
    if turn.error_handled or turn.definition.on_error is None or time_is_up:
        return False
    turn.error_handled = True
    turn.lines[MAIN] = Line(turn.definition.on_error)
    return True


def undoes(turn: Turn) -> bool:
    """Tell whether only compensations run still: nothing but force breaks them off."""
    return turn.failing is not None and MAIN not in turn.lines


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
    left = turn.time_left()
    if left is None or turn.execution.ended or undoes(turn):
        return False
    if turn.paused_at is not None and not turn.definition.include_paused:
        return False
    if left > timedelta():
        turn.start_timeout(max(left, timedelta(seconds=1)))
        return False
    failure = Failure("timeout", f"not finished within {turn.definition.timeout}")
    break_off(turn, Status.FAILED, failure, undo=True)
    return True


def start_timeout(turn: Turn, length: timedelta) -> None:
    """Have the execution's time limit fire after a length of time."""
    turn.start_timeout(length)
