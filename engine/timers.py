"""What a fired timer does: the input of everything that happens by the clock."""

from engine.decide import expire
from engine.definition import ForEachVerb, ParallelVerb, WorkflowVerb
from engine.ending import time_out
from engine.ids import ChildId, child_id
from engine.loads import reload
from engine.requests import escalate, remind
from engine.steps.branching import run_over
from engine.steps.child import limit_of, run_out_of_time
from engine.steps.execute import try_again
from engine.steps.wait import run_out
from engine.turn import Turn, expiry_timer, nudge_timer


def fire(turn: Turn, timer: ChildId) -> bool:
    """Apply a timer; tell whether it meant anything still."""
    return (
        _of_wait(turn, timer)
        or _of_line(turn, timer)
        or reload(turn, timer)
        or (timer == child_id(turn.execution.id, "timeout") and time_out(turn))
    )


def _of_wait(turn: Turn, timer: ChildId) -> bool:
    for wait in turn.waits.values():
        if expiry_timer(turn.execution, wait.id) == timer:
            ended = expire(turn, wait) if wait.kind == "approval" else run_out(turn, wait)
            return ended is not None
        if wait.kind != "approval":
            continue
        if nudge_timer(turn.execution, wait, "reminder") == timer:
            return remind(turn, wait)
        if nudge_timer(turn.execution, wait, "escalation") == timer:
            return escalate(turn, wait)
    return False


def _of_line(turn: Turn, timer: ChildId) -> bool:
    for name, line in turn.lines.items():
        if line.phase == "retrying" and line.pending == timer:
            turn.lines[name] = try_again(line)
            return True
        if line.at is None or line.phase not in ("joining", "waiting"):
            continue
        verb = turn.definition.steps[line.at].verb
        if line.phase == "joining" and line.pending == timer:
            if isinstance(verb, ParallelVerb | ForEachVerb):
                turn.wake(turn.stand(name).path)
                run_over(turn, name, verb.timeout)
                return True
        elif isinstance(verb, WorkflowVerb) and limit_of(turn, turn.stand(name)) == timer:
            run_out_of_time(turn, name, line)
            return True
    return False
