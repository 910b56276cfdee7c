"""What operators do to an execution: hold, resume, skip, retry (requirements.md S93, S94, D28)."""

from collections.abc import Iterator, Sequence

from engine.definition import EventWait, WaitVerb
from engine.effects import Accept, Refuse, StopTimer
from engine.ending import abandon, break_off, close_waits, stop_pending, undoes
from engine.execution import MAIN, Failure, Hold, Line, Status, Wait, path_of, standing_at
from engine.ids import StepPath
from engine.inputs import (
    CancelRequested,
    HoldRequested,
    ResumeRequested,
    RetryRequested,
    SkipRequested,
)
from engine.passing import not_passed, sequence, unanswered
from engine.steps.branching import close_children
from engine.steps.execute import attempt_again, try_again
from engine.turn import Turn


def _refuse(turn: Turn, code: str, message: str) -> bool:
    turn.effects.append(Refuse(code, message))
    return False


def _accept(turn: Turn, message: str) -> bool:
    turn.effects.append(Accept("applied", message))
    return True


def _has_ended(turn: Turn) -> bool:
    if not turn.execution.ended:
        return False
    _refuse(turn, "execution_finished", f"the execution has ended: {turn.execution.status}")
    return True


def cancel(turn: Turn, given: CancelRequested) -> bool:
    """End as cancelled, after the compensations where they are asked for."""
    if _has_ended(turn):
        return False
    if given.compensate and undoes(turn):
        return _refuse(turn, "not_allowed", "compensations run already; cancel without them")
    failure = Failure("cancelled", given.reason or f"cancelled by {given.by}")
    break_off(turn, Status.CANCELLED, failure, undo=given.compensate)
    return _accept(turn, f"cancelled by {given.by}")


def hold(turn: Turn, given: HoldRequested) -> bool:
    """Let no further step begin until an operator resumes."""
    if _has_ended(turn):
        return False
    if turn.status is Status.PENDING:
        return _refuse(turn, "not_allowed", "the execution has not begun; cancel it, or wait")
    if turn.held is not None:
        return _refuse(turn, "already_held", f"held already by {turn.held.by}")
    turn.held = Hold(given.by, given.reason, turn.now)
    return _accept(turn, f"held by {given.by}")


def resume(turn: Turn, given: ResumeRequested) -> bool:
    """Go on after a hold, or instead of what is waited for; never instead of an approval."""
    if _has_ended(turn):
        return False
    if turn.status is not Status.PAUSED:
        return _refuse(turn, "not_paused", f"the execution is {turn.status}, not paused")
    asks = any(wait.kind == "approval" for wait in turn.waits.values())
    if asks and (turn.held is None or given.from_step is not None):
        text = "the execution waits for an approval; only a decision can answer that"
        return _refuse(turn, "waits_for_approval", text)
    if given.from_step is not None:
        return _jump(turn, given, given.from_step)
    if turn.held is None and not turn.waits:
        return _refuse(turn, "not_allowed", "a step is in doubt or a child runs: retry or skip it")
    held, turn.held = turn.held, None
    turn.resume_data = {"kind": "operator", "by": given.by, "data": dict(given.resume_data)}
    turn.wake(standing_at(turn.lines, turn.waits))
    if held is None:
        for wait in list(turn.waits.values()):
            _end_wait(turn, wait, given)
    return _accept(turn, f"resumed by {given.by}")


def _end_wait(turn: Turn, wait: Wait, given: ResumeRequested) -> None:
    found = turn.line_at(wait.path)
    turn.close_wait(wait, "resumed", decided_by=given.by)
    if found is None or not isinstance(found[2].verb, WaitVerb):
        return
    name, line, step = found
    data = dict(given.resume_data)
    if isinstance(found[2].verb.what, EventWait):
        turn.keep("waits", step.id, {"event": data})
    output = {"resumed_by": given.by, "event": data}
    turn.lines[name] = turn.complete(
        step, line, output, first=False, stored={"outcome": "resumed", "output": {"event": data}}
    )


def _jump(turn: Turn, given: ResumeRequested, id: str) -> bool:
    """Go on at a later step of the outermost list; what lies between gets no row."""
    if turn.failing is not None:
        return _refuse(turn, "not_allowed", f"the execution is failing: {turn.failing.code}")
    if any(loading.line is None for loading in turn.loading.values()):
        return _refuse(turn, "not_allowed", "resources are still read; resume without from_step")
    outermost = sequence(turn.definition, turn.definition.first)
    if id not in outermost:
        return _refuse(turn, "unknown_step", f"the workflow has no outermost step {id!r}")
    if id in turn.steps or id not in outermost[_progress(turn, outermost) :]:
        return _refuse(turn, "unknown_step", f"{id!r} has run already; resume goes forward only")
    asked = unanswered(turn.definition, turn.steps, StepPath(id))
    if asked is not None:
        return _refuse(turn, "waits_for_approval", not_passed(asked))
    turn.held = None
    turn.resume_data = {"kind": "operator", "by": given.by, "data": dict(given.resume_data)}
    turn.wake(StepPath(id))
    turn.current = None
    abandon(turn, turn.lines)
    turn.lines[MAIN] = Line(StepPath(id))
    return _accept(turn, f"resumed by {given.by} at {id}")


def _progress(turn: Turn, outermost: Sequence[str]) -> int:
    """Return how many of the outermost steps are behind, with the one under way."""
    line = turn.lines.get(MAIN)
    if line is None or line.at is None:
        return len(outermost)
    return outermost.index(line.at.partition("/")[0]) + 1


def _standing(turn: Turn, step: str | None) -> Iterator[tuple[str, Line]]:
    """Yield the innermost lines that hold at a step of this id or path, or at any step."""
    for name, line in turn.lines.items():
        if line.at is None or line.phase in ("ready", "loading"):
            continue
        path = path_of(name, line, line.at)
        named = step in (path, path.rpartition("/")[2])
        if named or (step is None and line.phase != "joining"):
            yield name, line


def _one(turn: Turn, step: str | None) -> tuple[str, Line] | None:
    found = list(_standing(turn, step))
    if len(found) == 1:
        return found[0]
    if found:
        places = ", ".join(path_of(name, line, line.at or StepPath("")) for name, line in found)
        _refuse(turn, "unknown_step", f"several steps are under way; name one of: {places}")
    else:
        _refuse(turn, "unknown_step", f"no step {step or ''} is under way".replace("  ", " "))
    return None


def skip(turn: Turn, given: SkipRequested) -> bool:
    """Pass the step at which a line stands; an approval cannot be passed."""
    if _has_ended(turn) or (found := _one(turn, given.step)) is None:
        return False
    name, line = found
    step = turn.stand(name)
    inside = f"{step.path}/"
    for wait in turn.waits.values():
        if wait.kind == "approval" and (wait.path == step.path or wait.path.startswith(inside)):
            text = "an approval cannot be skipped; decide it, or cancel the execution"
            return _refuse(turn, "waits_for_approval", text)
    turn.wake(step.path)
    close_waits(turn, step, "skipped", given.by)
    if line.phase == "joining":
        close_children(turn, step, line)
        turn.stand(name)
    else:
        stop_pending(turn, step, line)
    turn.lines[name] = turn.skip(step, line, first=False)
    return _accept(turn, f"{step.path} skipped by {given.by}")


def retry(turn: Turn, given: RetryRequested) -> bool:
    """Begin the next attempt now: of a step in doubt, or of one that waits for its delay."""
    if _has_ended(turn):
        return False
    candidates = [
        (name, line)
        for name, line in _standing(turn, given.step)
        if line.phase in ("doubtful", "retrying")
    ]
    if len(candidates) != 1:
        text = "no step" if not candidates else "more than one step"
        return _refuse(turn, "not_failed", f"{text} is in doubt or waits for its next attempt")
    name, line = candidates[0]
    step = turn.stand(name)
    turn.wake(step.path)
    if line.phase == "retrying" and line.pending is not None:
        turn.effects.append(StopTimer(line.pending))
        turn.lines[name] = try_again(line)
    else:
        turn.lines[name] = attempt_again(turn, step, line)
    return _accept(turn, f"{step.path} tried again by {given.by}")
