"""Steps with lines of their own: `parallel`, `for_each`, `repeat` (requirements.md D7, D8)."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Literal

from engine.definition import ForEachVerb, ParallelVerb, RepeatVerb, Step, Strategy
from engine.effects import StartTimer, StopTimer
from engine.ending import abandon
from engine.errors import StepProblem
from engine.execution import Failure, Line, StepStatus
from engine.ids import StepPath, child_id
from engine.operators import type_name
from engine.turn import Turn

MAX_ITEMS = 1000
"""Elements of one `for_each` (definitions.md, Step)."""

Spread = ParallelVerb | ForEachVerb
Verdict = Literal["completed", "failed"]


def enter_parallel(turn: Turn, step: Step, verb: ParallelVerb, line: Line) -> Line:
    """Begin the branches, as many at a time as allowed."""
    return _spread(turn, step, verb, line, ())


def enter_for_each(turn: Turn, step: Step, verb: ForEachVerb, line: Line) -> Line:
    """Begin a line for each element of the list, as many at a time as allowed."""
    items = verb.items.render(turn.scope)
    if not isinstance(items, list) or len(items) > MAX_ITEMS:
        found = f"{len(items)} elements" if isinstance(items, list) else type_name(items)
        problem = f"in must be a list of at most {MAX_ITEMS} elements, this is {found}"
        return turn.fail(step, line, Failure("invalid_items", problem, step.id))
    if len(items) < verb.strategy.needed:
        problem = f"{verb.strategy.needed} of {len(items)} elements cannot succeed"
        return turn.fail(step, line, Failure("invalid_items", problem, step.id))
    if not items:
        return turn.complete(step, line, {"items": []}, stored={"items": [], "output": []})
    return _spread(turn, step, verb, line, tuple(items))


def enter_repeat(turn: Turn, step: Step, verb: RepeatVerb, line: Line) -> Line:
    """Begin the first round."""
    turn.record(step, line, StepStatus.RUNNING, first=True, input={"max": verb.max})
    turn.keep("steps", step.id, {"status": "running"})
    joining = replace(line, phase="joining", since=turn.instant, recorded=True)
    return _begin_round(turn, step, verb, joining)


def _spread(turn: Turn, step: Step, verb: Spread, line: Line, items: tuple[object, ...]) -> Line:
    shown: object = {"items": len(items)} if items else {"branches": list(_names(verb, items))}
    turn.record(step, line, StepStatus.RUNNING, first=True, input=shown)
    turn.keep("steps", step.id, {"status": "running"})
    pending = None
    if verb.timeout is not None:
        pending = child_id(turn.execution.id, step.path, "limit")
        turn.effects.append(StartTimer(pending, "step_timeout", turn.now + verb.timeout))
    joining = replace(
        line, phase="joining", since=turn.instant, recorded=True, pending=pending, outputs=items
    )
    return _begin_more(turn, step, verb, joining)


def _names(verb: Spread, items: tuple[object, ...]) -> tuple[str, ...]:
    if isinstance(verb, ParallelVerb):
        return tuple(verb.branches)
    return tuple(str(number) for number in range(len(items)))


def _begin_more(turn: Turn, step: Step, verb: Spread, line: Line) -> Line:
    """Begin children up to the limit of those that run at once."""
    names = _names(verb, line.outputs)
    running = line.action - len(line.done)
    most = verb.concurrency or len(names)
    while line.action < len(names) and running < most:
        name = names[line.action]
        first = verb.branches[name] if isinstance(verb, ParallelVerb) else verb.first
        inside = f"{line.at}/{name}" if isinstance(verb, ParallelVerb) else str(line.at)
        child = f"{step.path}/{name}"
        turn.lines[child] = Line(first, parent=turn.current, root=inside)
        if isinstance(verb, ForEachVerb):
            turn.rounds += 1
            turn.frames[child] = {verb.item: line.outputs[line.action], "index": line.action}
        line = replace(line, action=line.action + 1)
        running += 1
    return line


def _begin_round(turn: Turn, step: Step, verb: RepeatVerb, line: Line) -> Line:
    child = f"{step.path}/{line.action}"
    turn.rounds += 1
    turn.lines[child] = Line(verb.first, parent=turn.current, root=str(line.at))
    turn.frames[child] = {"round": line.action + 1}
    return replace(line, action=line.action + 1)


def join(turn: Turn, name: str, child: Line) -> None:
    """Take what an ended child came to into the line that waits for it."""
    parent_name = child.parent
    assert parent_name is not None  # noqa: S101  (only lines with a parent are joined)
    result = _result_of(turn, child)
    parent = turn.lines[parent_name]
    verb = turn.definition.steps[StepPath(str(parent.at))].verb
    again = False
    if isinstance(verb, RepeatVerb) and child.failure is None:
        try:
            again = not verb.until.holds(turn.scope)
        except StepProblem as problem:
            child = replace(child, failure=Failure(problem.code, f"until: {problem}"))
    turn.drop_frame(name)
    step = turn.stand(parent_name)
    parent = replace(parent, done={**parent.done, name.rpartition("/")[2]: result})
    turn.lines[parent_name] = parent
    if isinstance(verb, RepeatVerb):
        turn.lines[parent_name] = _settle_round(turn, step, verb, parent, child, again=again)
    elif isinstance(verb, ParallelVerb | ForEachVerb):
        turn.lines[parent_name] = _settle_children(turn, step, verb, parent)


def _result_of(turn: Turn, child: Line) -> dict[str, object]:
    if child.failure is not None:
        failure = child.failure
        error = {"code": failure.code, "message": failure.message, "step": failure.step}
        return {"status": "failed", "error": error}
    last = turn.steps.get(child.last) if child.last is not None else None
    output = last.get("output") if isinstance(last, dict) else None
    return {"status": "completed", "output": output}


def verdict(strategy: Strategy, total: int, completed: int, failed: int) -> Verdict | None:
    """Return what the children decide so far, or None while they decide nothing (D8)."""
    over = completed + failed == total
    match strategy.kind:
        case "all":
            return "failed" if failed else "completed" if over else None
        case "any":
            return "completed" if completed else "failed" if over else None
        case "race":
            return "completed" if completed else "failed" if failed else None
        case "n_of":
            if completed >= strategy.needed:
                return "completed"
            return "failed" if failed > total - strategy.needed else None
        case "all_settled":
            return "completed" if over else None


def _settle_children(turn: Turn, step: Step, verb: Spread, line: Line) -> Line:
    names = _names(verb, line.outputs)
    failed = sum(child["status"] == "failed" for child in line.done.values())
    decided = verdict(verb.strategy, len(names), len(line.done) - failed, failed)
    if decided is None:
        return _begin_more(turn, step, verb, line)
    close_children(turn, step, line)
    stored = _stored(verb, names, line.done)
    if decided == "completed":
        return turn.complete(step, line, dict(stored), first=False, stored=stored)
    return turn.fail(step, line, _failure_of(step, line.done), first=False, stored=stored)


def close_children(turn: Turn, step: Step, line: Line) -> None:
    """Abandon what still runs below a step, and its limit of time."""
    turn_on = turn.current
    abandon(turn, [name for name in turn.lines if name.startswith(f"{step.path}/")])
    turn.current = turn_on
    if line.pending is not None:
        turn.effects.append(StopTimer(line.pending))


def _stored(
    verb: Spread, names: tuple[str, ...], done: Mapping[str, Mapping[str, object]]
) -> dict[str, object]:
    """Return what later steps read: `branches` and `output`, or `items` in order."""
    found = {name: done.get(name, {"status": "cancelled"}) for name in names}
    if isinstance(verb, ForEachVerb):
        items = [_shown(child) for child in found.values()]
        return {"items": items, "output": items}
    return {
        "branches": {name: child["status"] for name, child in found.items()},
        "output": {name: _shown(child) for name, child in found.items()},
    }


def _shown(child: Mapping[str, object]) -> object:
    return {"error": child["error"]} if "error" in child else child.get("output")


def _failures(done: Mapping[str, Mapping[str, object]]) -> Iterator[tuple[str, Failure]]:
    for name, child in done.items():
        error = child.get("error")
        if isinstance(error, dict):
            yield name, Failure(error["code"], error["message"], error["step"])


def _failure_of(step: Step, done: Mapping[str, Mapping[str, object]]) -> Failure:
    name, first = next(_failures(done))
    return Failure(first.code, f"{step.id}, {name}: {first.message}", first.step)


def _settle_round(
    turn: Turn, step: Step, verb: RepeatVerb, line: Line, child: Line, *, again: bool
) -> Line:
    if child.failure is not None:
        return turn.fail(step, line, child.failure, first=False)
    if again and line.action < verb.max:
        # Only the last round is kept: a thousand of them would swell the execution's row.
        return _begin_round(turn, step, verb, replace(line, done={}))
    last = line.done[str(line.action - 1)]
    stored = {"rounds": line.action, "output": last.get("output")}
    if again:
        problem = f"the condition did not hold after {verb.max} rounds"
        return turn.fail(step, line, Failure("repeat_exhausted", problem, step.id), first=False)
    return turn.complete(step, line, stored, first=False, stored=stored)


def run_over(turn: Turn, name: str, length: timedelta | None) -> None:
    """Fail a step whose children were not done in time."""
    step, line = turn.stand(name), turn.lines[name]
    close_children(turn, step, replace(line, pending=None))
    turn.stand(name)
    failure = Failure("timeout", f"not done within {length}", step.id)
    turn.lines[name] = turn.fail(step, line, failure, first=False)
