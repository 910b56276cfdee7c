"""The `wait` verb: for an event, for a length of time, until an instant (requirements.md D10)."""

from datetime import datetime

from engine.correlation import RECORD_KEY, correlation, shape_of
from engine.definition import EventWait, Step, TimeWait, WaitVerb
from engine.durations import parse_instant
from engine.execution import Failure, Line, StepStatus, Wait
from engine.ids import WaitId, public_id, wait_id
from engine.inputs import EventArrived
from engine.steps.approval import instant_text
from engine.turn import Turn


def enter_wait(turn: Turn, step: Step, verb: WaitVerb, line: Line) -> Line:
    """Open the wait and hold the line."""
    if isinstance(verb.what, EventWait):
        return _wait_for_event(turn, step, verb.what, line)
    try:
        due_at = _due_at(turn, verb.what)
    except ValueError as problem:
        return turn.fail(step, line, Failure("invalid_instant", f"until: {problem}", step.id))
    record = _record(turn, step, "timer", due_at) | {"due_at": instant_text(due_at)}
    return _hold(
        turn, step, line, Wait(_id(turn, step), step.path, "timer", turn.now, due_at, record)
    )


def _id(turn: Turn, step: Step) -> WaitId:
    return wait_id(turn.execution.id, step.path)


def _due_at(turn: Turn, what: TimeWait) -> datetime:
    if what.length is not None:
        return turn.now + what.length
    value = what.until.render(turn.scope) if what.until is not None else None
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is not an instant; give ISO 8601 with a zone")
    return parse_instant(value)


def _record(turn: Turn, step: Step, kind: str, due_at: datetime | None) -> dict[str, object]:
    execution = turn.execution
    return {
        "wait_id": _id(turn, step),
        "execution_id": public_id(execution.id),
        "workflow": execution.workflow,
        "version": execution.version,
        "step_path": step.path,
        "kind": kind,
        "status": "open",
        "opened_at": instant_text(turn.now),
        "expires_at": instant_text(due_at) if due_at else None,
    }


def _wait_for_event(turn: Turn, step: Step, what: EventWait, line: Line) -> Line:
    if what.match:
        match = {path: template.render(turn.scope) for path, template in sorted(what.match.items())}
    else:
        match = {RECORD_KEY: turn.execution.meta.get("key")}
    missing = [path for path, value in match.items() if value is None]
    if missing:
        problem = f"nothing to match {', '.join(missing)} with: the value is null"
        return turn.fail(step, line, Failure("unmatchable_wait", problem, step.id))
    due_at = turn.now + what.timeout if what.timeout is not None else None
    record = _record(turn, step, "event", due_at) | {"event": what.event, "match": match}
    found_by = correlation(shape_of(what), list(match.values()))
    since = turn.execution.triggered_at if what.since == "trigger" else turn.now
    wait = Wait(_id(turn, step), step.path, "event", turn.now, due_at, record, since, found_by)
    return _hold(turn, step, line, wait)


def _hold(turn: Turn, step: Step, line: Line, wait: Wait) -> Line:
    shown = {key: wait.record[key] for key in ("event", "match", "due_at") if key in wait.record}
    turn.record(step, line, StepStatus.WAITING, first=True, input=shown)
    turn.steps[step.id] = {"status": "waiting"}
    turn.open_wait(wait)
    return Line(step.path, "waiting", line.attempt, since=turn.now)


def take_event(turn: Turn, given: EventArrived) -> str | None:
    """End a wait by the event it was held for; return its line, None if the event does not fit."""
    wait = turn.waits.get(given.wait_id)
    if wait is None or (wait.due_at is not None and given.at >= wait.due_at):
        return None
    step = turn.definition.steps[wait.path]
    found = turn.line_at(wait.path)
    if found is None or not isinstance(step.verb, WaitVerb):
        return None
    what, (name, line) = step.verb.what, found
    event = {**given.payload, "meta": given.meta}
    if isinstance(what, EventWait) and what.when is not None:
        scope = {**turn.scope, **given.payload, "event": event}
        if not what.when.holds(scope):
            return None
    turn.wake()
    turn.close_wait(wait, "received")
    turn.part("waits")[step.id] = {"event": dict(given.payload)}
    turn.resume_data = {"kind": "event", "event": event}
    turn.lines[name] = turn.complete(
        step, line, {"event": event}, first=False, stored={"output": {"event": dict(given.payload)}}
    )
    return name


def run_out(turn: Turn, wait: Wait) -> str | None:
    """End a wait by its timer: a time wait is over, an event wait has run out of time."""
    found = turn.line_at(wait.path)
    step = turn.definition.steps[wait.path]
    if found is None or not isinstance(step.verb, WaitVerb):
        return None
    name, line = found
    turn.wake()
    turn.resume_data = {"kind": "timer", "wait_id": wait.id}
    if wait.kind == "timer":
        turn.close_wait(wait, "elapsed")
        turn.lines[name] = turn.complete(step, line, {"elapsed": True}, first=False)
        return name
    turn.close_wait(wait, "expired")
    if step.verb.on_timeout is not None:
        turn.lines[name] = turn.complete(
            step,
            line,
            {"timed_out": True},
            first=False,
            stored={"outcome": "timed_out"},
            goto=step.verb.on_timeout,
        )
        return name
    event = wait.record.get("event")
    problem = f"no {event} that matches came in time"
    turn.lines[name] = turn.fail(step, line, Failure("wait_timeout", problem, step.id), first=False)
    return name
