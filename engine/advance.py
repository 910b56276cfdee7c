"""The engine: one execution, one input, what follows (architecture.md rule 1)."""

from typing import assert_never

from engine.decide import decide
from engine.definition import (
    AllowVerb,
    ApprovalVerb,
    BlockVerb,
    BranchingVerb,
    ConditionVerb,
    Definition,
    ExecuteVerb,
    ForEachVerb,
    ParallelVerb,
    RepeatVerb,
    Step,
    WaitVerb,
    WorkflowVerb,
)
from engine.effects import Effect, Refuse
from engine.ending import begin_next_ending, drop_loading, end, finish, start_timeout
from engine.errors import StepProblem, Unresolved
from engine.execution import (
    ENDED,
    HOLDING,
    MAIN,
    Execution,
    Failure,
    Line,
    Status,
    standing_at,
)
from engine.inputs import (
    ActionFailed,
    ActionInDoubt,
    ActionSucceeded,
    CancelRequested,
    ChildEnded,
    DecisionArrived,
    EventArrived,
    HoldRequested,
    Input,
    NotKept,
    RequestChanged,
    RequestRefused,
    ResumeRequested,
    RetryRequested,
    SkipRequested,
    Started,
    TimerFired,
)
from engine.loads import begin_loading, derive, initial_context, take_resource
from engine.operations import cancel, hold, resume, retry, skip
from engine.requests import change_request, refuse_request
from engine.steps.approval import open_approval
from engine.steps.branching import enter_for_each, enter_parallel, enter_repeat, join
from engine.steps.child import enter_workflow, take_child
from engine.steps.condition import enter_allow, enter_block, enter_condition
from engine.steps.execute import doubt, enter_execute, take_result
from engine.steps.wait import enter_wait, take_event
from engine.timers import fire
from engine.turn import Turn
from engine.watching import watch

ANSWERED = (
    DecisionArrived,
    RequestChanged,
    CancelRequested,
    HoldRequested,
    ResumeRequested,
    SkipRequested,
    RetryRequested,
)
"""Inputs whose senders are owed an answer."""
MAX_STEPS = 1000
"""Steps that one execution may take, beside the first of each item or round of its loops
(security.md, bounds)."""
MAX_ROUNDS = 10_000
"""Items and rounds, of loops in loops too, whose first steps are paid for."""


def advance(
    definition: Definition, execution: Execution, given: Input
) -> tuple[Execution, tuple[Effect, ...]]:
    """Return the execution after one input, and the effects it calls for.

    A misfit (late, double, foreign) changes nothing and asks for a refusal where somebody waits for
    an answer; an impossible move raises IllegalMove.
    """
    try:
        return _advance(definition, execution, given)
    except StepProblem as problem:
        return _fail_outside(definition, execution, given, problem)


def _advance(
    definition: Definition, execution: Execution, given: Input
) -> tuple[Execution, tuple[Effect, ...]]:
    turn = Turn(definition, execution, given.at)
    if not _take(turn, given):
        return execution, tuple(turn.effects)
    if turn.status is Status.RUNNING and turn.held is None:
        _run(turn)
        while turn.status is Status.RUNNING and not turn.lines and begin_next_ending(turn):
            _run(turn)
    if turn.status is Status.RUNNING:
        _settle(turn)
    return turn.freeze(), tuple(turn.effects)


def _fail_outside(
    definition: Definition, execution: Execution, given: Input, problem: StepProblem
) -> tuple[Execution, tuple[Effect, ...]]:
    """Fail an execution for what is missing where no step could say so; no input is a poison."""
    turn = Turn(definition, execution, given.at)
    if isinstance(given, ANSWERED):
        turn.effects.append(Refuse("execution_finished", str(problem)))
    if not _give_up_all(turn, Failure(problem.code, str(problem))):
        return execution, ()
    return turn.freeze(), tuple(turn.effects)


def _give_up_all(turn: Turn, failure: Failure) -> bool:
    """Fail an execution as a whole, without a step; tell whether it had not ended."""
    if turn.status in ENDED:
        return False
    if turn.status is Status.PENDING:
        turn.move(Status.RUNNING)
        turn.announce("execution.started")
    end(turn, Status.FAILED, "failed", failure)
    return True


def _take(turn: Turn, given: Input) -> bool:
    """Apply the input itself; tell whether it changed anything."""
    match given:
        case Started():
            return _start(turn, given)
        case DecisionArrived():
            return decide(turn, given)
        case EventArrived():
            return take_event(turn, given) is not None
        case TimerFired():
            return fire(turn, given.timer_id)
        case ActionSucceeded() | ActionFailed():
            return _take_result(turn, given)
        case ActionInDoubt():
            return doubt(turn, given.effect_id)
        case ChildEnded():
            return take_child(turn, given) is not None
        case RequestRefused():
            return refuse_request(turn, given)
        case NotKept():
            return _give_up_all(turn, Failure("unstorable", given.message))
        case _:
            return _operate(turn, given)


def _operate(
    turn: Turn,
    given: RequestChanged
    | CancelRequested
    | HoldRequested
    | ResumeRequested
    | SkipRequested
    | RetryRequested,
) -> bool:
    """Apply what a person asks of the execution itself."""
    match given:
        case RequestChanged():
            return change_request(turn, given)
        case CancelRequested():
            return cancel(turn, given)
        case HoldRequested():
            return hold(turn, given)
        case ResumeRequested():
            return resume(turn, given)
        case SkipRequested():
            return skip(turn, given)
        case RetryRequested():
            return retry(turn, given)
        case _:
            assert_never(given)


def _start(turn: Turn, given: Started) -> bool:
    if turn.status is not Status.PENDING:
        return False
    turn.move(Status.RUNNING)
    turn.announce("execution.started")
    if turn.definition.timeout is not None:
        start_timeout(turn, turn.definition.timeout)
    if given.first is not None:
        turn.lines[MAIN] = Line(given.first)
        watch(turn)
        return True
    context, hidden = initial_context(turn.execution.payload)
    turn.scope.update(context)
    if hidden:
        turn.part("warnings")["payload"] = f"hidden by reserved names: {', '.join(hidden)}"
    watch(turn)
    turn.lines[MAIN] = Line(turn.definition.first, "loading")
    try:
        begin_loading(turn, given.resources)
    except Unresolved as problem:
        drop_loading(turn)
        _give_up(turn, Failure(problem.code, f"context.load: {problem}"))
        return True
    _begin_steps(turn)
    return True


def _give_up(turn: Turn, failure: Failure) -> None:
    """Fail before the first step."""
    turn.give_up(turn.lines.pop(MAIN), failure)


def _begin_steps(turn: Turn) -> None:
    """Let the first step run once all resources are there."""
    if turn.loading:
        return
    try:
        derive(turn)
        turn.lines[MAIN] = Line(turn.definition.first)
    except StepProblem as problem:
        _give_up(turn, Failure(problem.code, f"context.derive: {problem}"))


def _take_result(turn: Turn, given: ActionSucceeded | ActionFailed) -> bool:
    loading = next((ld for ld in turn.loading.values() if ld.pending == given.effect_id), None)
    if loading is None:
        return take_result(turn, given) is not None
    failure = take_resource(turn, given)
    if loading.line is not None:
        return True
    if failure is None:
        _begin_steps(turn)
    else:
        drop_loading(turn)
        _give_up(turn, failure)
    return True


def _run(turn: Turn) -> None:
    """Let all lines go on until each holds or has ended, or the execution has."""
    while turn.status is Status.RUNNING:
        name = next((name for name, line in turn.lines.items() if line.phase == "ready"), None)
        if name is None:
            return
        _run_line(turn, name)


def _run_line(turn: Turn, name: str) -> None:
    line = turn.lines[name]
    turn.current = name
    turn.look_from(name)
    while line.at is not None and line.phase == "ready":
        if _is_fresh(line):
            turn.count_step()
        step = turn.step_at(name, line, line.at)
        if turn.steps_taken > MAX_STEPS + min(turn.rounds, MAX_ROUNDS):
            what = f"{MAX_STEPS} steps" + (" and one of each item or round" if turn.rounds else "")
            failure = Failure("step_limit", f"more than {what}", step.id)
            end(turn, Status.FAILED, "failed", failure)
            return
        line = _enter(turn, step, line)
        if turn.status in ENDED:
            return
        turn.lines[name] = line
    if line.at is None:
        del turn.lines[name]
        if line.parent is not None:
            join(turn, name, line)


def _enter(turn: Turn, step: Step, line: Line) -> Line:
    """Run one step; what its templates and conditions cannot resolve fails the step."""
    try:
        if step.when is not None and _is_fresh(line) and not step.when.holds(turn.scope):
            return turn.skip(step, line)
        return _dispatch(turn, step, line)
    except StepProblem as problem:
        return turn.fail(step, line, Failure(problem.code, str(problem), step.id))


def _is_fresh(line: Line) -> bool:
    """Tell whether a line comes to its step for the first time, not back from an action."""
    return line.action == 0 and line.attempt == 1 and line.since is None


def _dispatch(turn: Turn, step: Step, line: Line) -> Line:
    match step.verb:
        case ConditionVerb() as verb:
            return enter_condition(turn, step, verb, line)
        case ExecuteVerb() as verb:
            return enter_execute(turn, step, verb, line)
        case ApprovalVerb() as verb:
            return open_approval(turn, step, verb.spec, line)
        case AllowVerb() as verb:
            return enter_allow(turn, step, verb, line)
        case BlockVerb() as verb:
            return enter_block(turn, step, verb, line)
        case WaitVerb() as verb:
            return enter_wait(turn, step, verb, line)
        case _ as verb:
            return _dispatch_branching(turn, step, verb, line)


def _dispatch_branching(
    turn: Turn, step: Step, verb: BranchingVerb | WorkflowVerb, line: Line
) -> Line:
    match verb:
        case ParallelVerb():
            return enter_parallel(turn, step, verb, line)
        case ForEachVerb():
            return enter_for_each(turn, step, verb, line)
        case RepeatVerb():
            return enter_repeat(turn, step, verb, line)
        case WorkflowVerb():
            return enter_workflow(turn, step, verb, line)
        case _:
            assert_never(verb)


def _settle(turn: Turn) -> None:
    """Complete an execution whose lines have all ended; pause one whose lines all hold."""
    lines = turn.lines.values()
    if not lines:
        finish(turn)
    elif turn.held is not None or all(line.phase in HOLDING for line in lines):
        turn.move(Status.PAUSED)
        turn.paused_at = turn.now
        turn.announce("execution.paused", standing_at(turn.lines, turn.waits))
