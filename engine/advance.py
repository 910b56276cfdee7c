"""The engine: one execution, one input, what follows (architecture.md rule 1)."""

from datetime import timedelta
from typing import assert_never

from engine.decide import decide, expire
from engine.definition import (
    AllowVerb,
    ApprovalVerb,
    BlockVerb,
    ConditionVerb,
    Definition,
    ExecuteVerb,
    Step,
    WaitVerb,
)
from engine.effects import Effect, Refuse, StartTimer
from engine.errors import SluicegateError, Unresolved
from engine.execution import MAIN, Execution, Failure, IllegalMove, Line, Status
from engine.ids import child_id
from engine.inputs import (
    ActionFailed,
    ActionSucceeded,
    CancelRequested,
    DecisionArrived,
    EventArrived,
    Input,
    Started,
    TimerFired,
)
from engine.loads import begin_loading, derive, initial_context, reload, take_resource
from engine.steps.approval import open_approval
from engine.steps.condition import enter_allow, enter_block, enter_condition
from engine.steps.execute import enter_execute, take_result, try_again
from engine.steps.wait import enter_wait, run_out, take_event
from engine.turn import Turn, expiry_timer

MAX_STEPS = 1000
"""Steps that one execution may take (security.md, bounds)."""


def advance(
    definition: Definition, execution: Execution, given: Input
) -> tuple[Execution, tuple[Effect, ...]]:
    """Return the execution after one input, and the effects it calls for.

    A misfit (late, double, foreign) changes nothing and asks for a refusal where somebody waits for
    an answer; an impossible move raises IllegalMove.
    """
    turn = Turn(definition, execution, given.at)
    line = _take(turn, given)
    if line is None:
        return execution, tuple(turn.effects)
    if turn.status is Status.RUNNING:
        _run(turn, line)
    if turn.status is Status.RUNNING:
        _settle(turn)
    return turn.freeze(), tuple(turn.effects)


def _take(turn: Turn, given: Input) -> str | None:
    """Apply the input itself; return the line that can go on, None where nothing changed."""
    match given:
        case Started():
            return _start(turn, given)
        case DecisionArrived():
            return decide(turn, given)
        case EventArrived():
            return take_event(turn, given)
        case TimerFired():
            return _fire(turn, given)
        case ActionSucceeded() | ActionFailed():
            return _take_result(turn, given)
        case CancelRequested():
            return _cancel(turn, given)
        case _:
            assert_never(given)


def _start(turn: Turn, given: Started) -> str | None:
    if turn.status is not Status.PENDING:
        return None
    turn.move(Status.RUNNING)
    turn.announce("execution.started")
    context, hidden = initial_context(turn.execution.payload)
    turn.scope.update(context)
    if hidden:
        turn.part("warnings")["payload"] = f"hidden by reserved names: {', '.join(hidden)}"
    if turn.definition.timeout is not None:
        due_at = turn.now + turn.definition.timeout
        timer = child_id(turn.execution.id, "timeout")
        turn.effects.append(StartTimer(timer, "execution_timeout", due_at))
    turn.lines[MAIN] = Line(turn.definition.first, "loading")
    try:
        begin_loading(turn, given.resources)
    except Unresolved as problem:
        turn.loading.clear()
        turn.lines[MAIN] = turn.give_up(Failure("unresolved", f"context.load: {problem}"))
        return MAIN
    _begin_steps(turn)
    return MAIN


def _begin_steps(turn: Turn) -> None:
    """Let the first step run once all resources are there."""
    if turn.loading:
        return
    try:
        derive(turn)
        turn.lines[MAIN] = Line(turn.definition.first)
    except SluicegateError as problem:
        turn.lines[MAIN] = turn.give_up(Failure("unresolved", f"context.derive: {problem}"))


def _take_result(turn: Turn, given: ActionSucceeded | ActionFailed) -> str | None:
    if not any(loading.pending == given.effect_id for loading in turn.loading.values()):
        return take_result(turn, given)
    failure = take_resource(turn, given)
    if failure is None:
        _begin_steps(turn)
    else:
        turn.loading.clear()
        turn.lines[MAIN] = turn.give_up(failure)
    return MAIN


def _fire(turn: Turn, given: TimerFired) -> str | None:
    for wait in turn.waits.values():
        if expiry_timer(turn.execution, wait.path) == given.timer_id:
            return expire(turn, wait) if wait.kind == "approval" else run_out(turn, wait)
    for name, line in turn.lines.items():
        if line.phase == "retrying" and line.pending == given.timer_id:
            turn.lines[name] = try_again(line)
            return name
    if reload(turn, given.timer_id):
        return MAIN
    if given.timer_id == child_id(turn.execution.id, "timeout"):
        return _time_out(turn)
    return None


def _time_out(turn: Turn) -> str | None:
    """End an execution whose time is up; paused time counts only where asked (D14)."""
    definition, started = turn.definition, turn.execution.started_at
    if turn.execution.ended or definition.timeout is None or started is None:
        return None
    elapsed = turn.now - started
    if not definition.include_paused:
        elapsed -= timedelta(milliseconds=turn.paused_ms)
        if turn.paused_at is not None:
            elapsed -= turn.now - turn.paused_at
    if elapsed < definition.timeout:
        timer = child_id(turn.execution.id, "timeout")
        due_at = turn.now + max(definition.timeout - elapsed, timedelta(seconds=1))
        turn.effects.append(StartTimer(timer, "execution_timeout", due_at))
        return None
    turn.end(
        Status.FAILED, "failed", Failure("timeout", f"not finished within {definition.timeout}")
    )
    return MAIN


def _cancel(turn: Turn, given: CancelRequested) -> str | None:
    if turn.execution.ended:
        text = f"the execution has ended: {turn.execution.status}"
        turn.effects.append(Refuse("execution_finished", text))
        return None
    turn.end(
        Status.CANCELLED, None, Failure("cancelled", given.reason or f"cancelled by {given.by}")
    )
    return MAIN


def _run(turn: Turn, name: str) -> None:
    """Let a line go on until it holds, ends, or ends the execution."""
    line = turn.lines.get(name, Line(None))
    while line.at is not None and line.phase == "ready" and turn.status is Status.RUNNING:
        turn.steps_taken += 1
        step = turn.definition.steps[line.at]
        if turn.steps_taken > MAX_STEPS:
            failure = Failure("step_limit", f"more than {MAX_STEPS} steps", step.id)
            turn.end(Status.FAILED, "failed", failure)
            return
        line = _enter(turn, step, line)
        turn.lines[name] = line


def _enter(turn: Turn, step: Step, line: Line) -> Line:
    """Run one step; what its templates and conditions cannot resolve fails the step."""
    try:
        if step.when is not None and _is_fresh(line) and not step.when.holds(turn.scope):
            return turn.skip(step, line)
        return _dispatch(turn, step, line)
    except IllegalMove:
        raise
    except SluicegateError as problem:
        code = "unresolved" if isinstance(problem, Unresolved) else "condition_mismatch"
        return turn.fail(step, line, Failure(code, str(problem), step.id))


def _is_fresh(line: Line) -> bool:
    """Tell whether a line comes to its step for the first time, not back from an action."""
    return line.action == 0 and line.attempt == 1 and line.since is None


def _dispatch(turn: Turn, step: Step, line: Line) -> Line:
    match step.verb:
        case ConditionVerb() as verb:
            return enter_condition(turn, step, verb, line)
        case AllowVerb() as verb:
            return enter_allow(turn, step, verb, line)
        case BlockVerb() as verb:
            return enter_block(turn, step, verb, line)
        case ExecuteVerb() as verb:
            return enter_execute(turn, step, verb, line)
        case WaitVerb() as verb:
            return enter_wait(turn, step, verb, line)
        case ApprovalVerb() as verb:
            return open_approval(turn, step, verb.spec, line)
        case _:
            assert_never(step.verb)


def _settle(turn: Turn) -> None:
    """Complete an execution whose lines have all ended; pause one whose lines all wait."""
    live = [line for line in turn.lines.values() if line.at is not None]
    if not live:
        _finish(turn)
    elif all(line.phase == "waiting" for line in live):
        turn.move(Status.PAUSED)
        turn.paused_at = turn.now
        turn.announce("execution.paused")


def _finish(turn: Turn) -> None:
    if turn.failing is not None:
        turn.end(Status.FAILED, "failed", turn.failing)
    else:
        turn.end(Status.COMPLETED, turn.provisional or turn.definition.default_result)
