"""The `workflow` verb: another workflow as a child execution (definitions.md, Step)."""

from dataclasses import replace

from engine.definition import Step, WorkflowVerb
from engine.effects import CancelChild, StartChild, StartTimer, StopTimer
from engine.execution import Failure, Line, Status, StepStatus
from engine.ids import ChildId, ExecutionId, child_execution_id, child_id, public_id
from engine.inputs import ChildEnded
from engine.operators import type_name
from engine.turn import Turn

MAX_HOPS = 16
"""Depth of causation after which nothing is started any more (security.md, loop brakes)."""


def enter_workflow(turn: Turn, step: Step, verb: WorkflowVerb, line: Line) -> Line:
    """Start the child; hold the line for its end where the definition waits."""
    hops = turn.execution.meta.get("hops", 0)
    if isinstance(hops, int) and hops >= MAX_HOPS:
        problem = f"{hops} workflows deep: they start each other in a circle"
        return turn.fail(step, line, Failure("loop_limit", problem, step.id))
    payload = verb.input.render(turn.scope) if verb.input is not None else {}
    if not isinstance(payload, dict):
        problem = f"input must be a mapping, this is {type_name(payload)}"
        return turn.fail(step, line, Failure("invalid_input", problem, step.id))
    child = child_execution_id(turn.execution.id, step.path, verb.name)
    turn.effects.append(
        StartChild(child, verb.name, verb.version, payload, step.path, awaited=verb.wait)
    )
    shown = {"workflow": verb.name, "execution_id": public_id(child)}
    if not verb.wait:
        return turn.complete(step, line, shown, input=payload, stored={"output": shown})
    turn.record(step, line, StepStatus.WAITING, first=True, input=payload, output=shown)
    turn.keep("steps", step.id, {"status": "waiting", "output": shown})
    if verb.timeout is not None:
        limit = limit_of(turn, step)
        turn.effects.append(StartTimer(limit, "step_timeout", turn.now + verb.timeout))
    return replace(line, phase="waiting", since=turn.instant, pending=ChildId(child), recorded=True)


def limit_of(turn: Turn, step: Step) -> ChildId:
    """Return the id of the timer that limits a child's time."""
    return child_id(turn.execution.id, step.path, "limit")


def take_child(turn: Turn, given: ChildEnded) -> str | None:
    """Go on with the line that waits for this child; return its name, None if none does now."""
    for name, line in turn.lines.items():
        if line.phase == "waiting" and line.pending == ChildId(given.child):
            turn.lines[name] = _follow(turn, name, line, given)
            return name
    return None


def _follow(turn: Turn, name: str, line: Line, given: ChildEnded) -> Line:
    step = turn.stand(name)
    verb = step.verb
    if not isinstance(verb, WorkflowVerb):
        raise LookupError(f"{step.path} waits for no child")
    turn.wake(step.path)
    if verb.timeout is not None:
        turn.effects.append(StopTimer(limit_of(turn, step)))
    output = {
        "workflow": verb.name,
        "execution_id": public_id(given.child),
        "status": given.status,
        "result": given.result,
        "outputs": dict(given.outputs),
    }
    turn.resume_data = {"kind": "child", **output}
    if given.status in (Status.FAILED, Status.CANCELLED):
        code = given.error_code or given.status
        message = f"{verb.name} ended {given.status}: {given.error_message or code}"
        failure = Failure(code, message, step.id)
        return turn.fail(step, line, failure, first=False, stored={"output": output})
    stored = {"result": given.result, "outcome": given.status, "output": output}
    return turn.complete(step, line, output, first=False, stored=stored)


def run_out_of_time(turn: Turn, name: str, line: Line) -> None:
    """Fail a step whose child was not done in time, and cancel the child."""
    step = turn.stand(name)
    turn.wake(step.path)
    turn.effects.append(CancelChild(ExecutionId(str(line.pending))))
    failure = Failure("timeout", "the child execution was not done in time", step.id)
    turn.lines[name] = turn.fail(step, line, failure, first=False)
