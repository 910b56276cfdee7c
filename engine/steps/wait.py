"""The `wait` verb: for events, for a length of time, until an instant (requirements.md D10)."""

from collections.abc import Mapping
from datetime import datetime

from engine.conditions import Sides
from engine.correlation import RECORD_KEY, compared, correlation, shape_of
from engine.definition import EventsWait, EventWait, Step, TimeWait, WaitVerb
from engine.durations import parse_end
from engine.ending import close_waits
from engine.errors import SluicegateError, StepProblem
from engine.execution import Failure, Line, StepStatus, Wait
from engine.ids import StepPath, WaitId, public_id, wait_id
from engine.inputs import EventArrived
from engine.loads import initial_context, refreshed
from engine.steps.approval import instant_text
from engine.steps.rounds import take, taken_before
from engine.turn import Turn


class Unmatchable(SluicegateError):
    """A wait compares with nothing: it would never end."""


def enter_wait(turn: Turn, step: Step, verb: WaitVerb, line: Line) -> Line:
    """Open the waits and hold the line."""
    try:
        match verb.what:
            case EventWait() as what:
                waits = [_event_wait(turn, step, what, 0)]
            case EventsWait(events=events):
                waits = [_event_wait(turn, step, what, part) for part, what in enumerate(events)]
            case TimeWait() as what:
                waits = [_time_wait(turn, step, what)]
    except Unmatchable as problem:
        return turn.fail(step, line, Failure("unmatchable_wait", str(problem), step.id))
    except ValueError as problem:
        return turn.fail(step, line, Failure("invalid_instant", f"until: {problem}", step.id))
    shown = [
        {key: wait.record[key] for key in ("event", "match", "due_at") if key in wait.record}
        for wait in waits
    ]
    input = shown[0] if len(shown) == 1 else shown
    turn.record(step, line, StepStatus.WAITING, first=True, input=input)
    turn.keep("steps", step.id, {"status": "waiting"})
    for wait in waits:
        turn.open_wait(wait)
    return line.begun(turn.now, "waiting")


def _time_wait(turn: Turn, step: Step, what: TimeWait) -> Wait:
    due_at = _due_at(turn, what)
    id = wait_id(turn.execution.id, step.path)
    record = _record(turn, step, id, "timer", due_at) | {"due_at": instant_text(due_at)}
    return Wait(id, step.path, "timer", turn.now, due_at, record)


def _due_at(turn: Turn, what: TimeWait) -> datetime:
    if what.length is not None:
        return turn.now + what.length
    value = what.until.render(turn.scope) if what.until is not None else None
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not an instant; give ISO 8601 with a zone")
    return parse_end(value, turn.now)


def _record(
    turn: Turn, step: Step, id: WaitId, kind: str, due_at: datetime | None
) -> dict[str, object]:
    execution = turn.execution
    return {
        "wait_id": id,
        "execution_id": public_id(execution.id),
        "workflow": execution.workflow,
        "version": execution.version,
        "step_path": step.path,
        "kind": kind,
        "status": "open",
        "opened_at": instant_text(turn.now),
        "expires_at": instant_text(due_at) if due_at else None,
    }


def _event_wait(turn: Turn, step: Step, what: EventWait, part: int) -> Wait:
    match = compared(what, turn.scope, turn.execution.meta.get("key"))
    if match.get(RECORD_KEY, "") is None:
        text = "what started the execution has no key to compare; give the wait a match"
        raise Unmatchable(text)
    missing = [path for path, value in match.items() if value is None]
    if missing:
        raise Unmatchable(f"nothing to match {', '.join(missing)} with: the value is null")
    due_at = turn.now + what.timeout if what.timeout is not None else None
    id = wait_id(turn.execution.id, step.path, part)
    record = _record(turn, step, id, "event", due_at) | {"event": what.event, "match": match}
    found_by = correlation(shape_of(what), list(match.values()))
    since = turn.execution.triggered_at if what.since == "trigger" else turn.now
    return Wait(id, step.path, "event", turn.now, due_at, record, since, found_by)


def _awaited(turn: Turn, step: Step, verb: WaitVerb, wait: Wait) -> tuple[int, EventWait | None]:
    """Return which of the events of its step a wait is for."""
    if isinstance(verb.what, EventsWait):
        for part, what in enumerate(verb.what.events):
            if wait_id(turn.execution.id, step.path, part) == wait.id:
                return part, what
    return 0, verb.what if isinstance(verb.what, EventWait) else None


def take_event(turn: Turn, given: EventArrived) -> str | None:
    """End a wait by the event it was held for; return its line, None if the event does not fit."""
    wait = turn.waits.get(given.wait_id)
    if wait is None or (wait.due_at is not None and given.at >= wait.due_at):
        return None
    found = turn.line_at(wait.path)
    if found is None or not isinstance(found[2].verb, WaitVerb):
        return None
    name, line, step = found
    part, what = _awaited(turn, step, found[2].verb, wait)
    if taken_before(turn, name, step, part, given.meta):
        return None
    event = {**given.payload, "meta": given.meta}
    try:
        if what is not None and not _holds(turn, what, given.payload, event):
            return None
    except StepProblem as problem:
        return _give_up(turn, name, step, Failure(problem.code, f"when: {problem}", step.id))
    turn.close_wait(wait, "received")
    take(turn, name, step, part, given.meta)
    turn.resume_data = {"kind": "event", "event": event}
    if not _lacks_others(turn, step, found[2].verb, part, given):
        turn.wake(step.path)
        after = _received(turn, step, line, found[2].verb, part, given)
        turn.lines[name] = refreshed(turn, name, step, after)
    return name


def _holds(
    turn: Turn, what: EventWait, payload: Mapping[str, object], event: Mapping[str, object]
) -> bool:
    """Tell whether an event fits: its fields, and `${...}` of the execution, as in `match`.

    What the engine keeps (`approvals`, `steps`, ...) no event can name (requirements.md S78).
    """
    if what.when is None:
        return True
    own = {**turn.scope, "event": event}
    return what.when.holds(Sides(own | initial_context(payload)[0], own))


def _give_up(turn: Turn, name: str, step: Step, failure: Failure) -> str:
    """Fail a step whose condition cannot be judged, with all that it waits for."""
    turn.wake(step.path)
    close_waits(turn, step, "cancelled")
    turn.lines[name] = turn.fail(step, turn.lines[name], failure, first=False)
    return name


def _lacks_others(turn: Turn, step: Step, verb: WaitVerb, part: int, given: EventArrived) -> bool:
    """Keep an event if its step waits for others too; tell whether it does."""
    all_of = isinstance(verb.what, EventsWait) and verb.what.kind == "all_of"
    if not all_of or not any(wait.path == step.path for wait in turn.waits.values()):
        return False
    came = {**turn.waits_of(step.id), str(part): dict(given.payload)}
    turn.keep("waits", step.id, {"came": came})
    return True


def _received(
    turn: Turn, step: Step, line: Line, verb: WaitVerb, part: int, given: EventArrived
) -> Line:
    """Return the line after the last of its events has come."""
    payload, event = dict(given.payload), {**given.payload, "meta": given.meta}
    if not isinstance(verb.what, EventsWait):
        turn.keep("waits", step.id, {"event": payload})
        stored = {"output": {"event": payload}}
        return turn.complete(step, line, {"event": event}, first=False, stored=stored)
    came = {**turn.waits_of(step.id), str(part): payload}
    close_waits(turn, step, "cancelled")
    events = [came.get(str(number)) for number in range(len(verb.what.events))]
    found: dict[str, object] = {"event": payload, "which": part, "events": events}
    turn.keep("waits", step.id, found)
    return turn.complete(
        step, line, {**found, "event": event}, first=False, stored={"output": found}
    )


def run_out(turn: Turn, wait: Wait) -> str | None:
    """End a wait by its timer: a time wait is over, an event wait has run out of time."""
    found = turn.line_at(wait.path)
    if found is None or not isinstance(found[2].verb, WaitVerb):
        return None
    (name, line, step), verb = found, found[2].verb
    turn.resume_data = {"kind": "timer", "wait_id": wait.id}
    if wait.kind == "timer":
        turn.wake(step.path)
        turn.close_wait(wait, "elapsed")
        after = turn.complete(step, line, {"elapsed": True}, first=False)
        turn.lines[name] = refreshed(turn, name, step, after)
        return name
    turn.close_wait(wait, "expired")
    rest = any(other.path == step.path for other in turn.waits.values())
    if rest and isinstance(verb.what, EventsWait) and verb.what.kind == "any_of":
        return name
    turn.wake(step.path)
    close_waits(turn, step, "cancelled")
    if verb.on_timeout is None:
        problem = f"no {wait.record.get('event')} that matches came in time"
        failure = Failure("wait_timeout", problem, step.id)
        turn.lines[name] = turn.fail(step, line, failure, first=False)
    else:
        after = _timed_out(turn, step, line, verb.on_timeout)
        turn.lines[name] = refreshed(turn, name, step, after)
    return name


def _timed_out(turn: Turn, step: Step, line: Line, on_timeout: StepPath) -> Line:
    return turn.complete(
        step,
        line,
        {"timed_out": True},
        first=False,
        stored={"outcome": "timed_out"},
        goto=on_timeout,
    )
