"""The `execute` verb: sub-actions in order, outside ones as effects (requirements.md S37, D13)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from engine.definition import ExecuteVerb, Step, SubAction
from engine.effects import Emit, Perform, StartTimer, WriteLog, WriteRecord
from engine.errors import Unresolved
from engine.execution import Failure, Line, StepStatus
from engine.ids import ChildId, child_id, idempotency_key
from engine.inputs import ActionFailed, ActionSucceeded
from engine.turn import Turn
from engine.values import dataclass

RECORD_MODES = {"create_record": "create", "update_record": "update"}


def enter_execute(turn: Turn, step: Step, verb: ExecuteVerb, line: Line) -> Line:
    """Do what is pure at once; hold the line at the first sub-action that touches the outside."""
    line = replace(line, since=line.since or turn.instant)
    while line.action < len(verb.actions):
        action = verb.actions[line.action]
        try:
            output = _perform(turn, step, action, line)
        except Unresolved as problem:
            failure = Failure("unresolved", str(problem), step.id)
            after = settle_failure(turn, step, verb, line, failure)
            if after is None:
                line = _next_action(line, {"error": str(problem)})
                continue
            return after
        if isinstance(output, _Asked):
            return _hold(turn, step, line, output)
        line = _next_action(line, output)
    return _finish(turn, step, verb, line)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A sub-action whose result comes as a later input."""

    id: ChildId
    params: Mapping[str, object]


def _next_action(line: Line, output: object) -> Line:
    return replace(
        line, phase="ready", action=line.action + 1, outputs=(*line.outputs, output), pending=None
    )


def _hold(turn: Turn, step: Step, line: Line, asked: _Asked) -> Line:
    turn.record(step, line, StepStatus.RUNNING, first=not _was_held(turn, step), input=asked.params)
    turn.steps[step.id] = {"status": "running"}
    return replace(line, phase="acting", pending=asked.id)


def _finish(turn: Turn, step: Step, verb: ExecuteVerb, line: Line) -> Line:
    data = line.outputs[0] if len(verb.actions) == 1 else list(line.outputs)
    if turn.provisional is None:
        turn.provisional = "executed"
    return turn.complete(
        step,
        line,
        {"action": "execute", "success": True, "data": data},
        first=not _was_held(turn, step),
        input={"actions": [action.kind for action in verb.actions]},
        stored={"output": data},
    )


def _was_held(turn: Turn, step: Step) -> bool:
    """Tell whether an earlier input wrote the row of this step already."""
    return step.id in turn.steps


def _perform(turn: Turn, step: Step, action: SubAction, line: Line) -> object:
    rendered = action.params.render_with_secrets(turn.scope)
    params = rendered.value
    assert isinstance(params, dict)  # noqa: S101  (the loader compiles only mappings)
    key = idempotency_key(turn.execution.id, step.path, line.action)
    match action.kind:
        case "log":
            return _log(turn, step, params)
        case "notify" if params.get("channel") == "log":
            return _log(turn, step, {"level": "info", **params})
        case "emit":
            return _emit(turn, step, params, line)
        case "create_record" | "update_record":
            return _write_record(turn, step, action.kind, params, line, key)
        case _:
            id = child_id(turn.execution.id, step.path, line.action, "effect", line.attempt)
            timeout = _timeout(step, action)
            turn.effects.append(
                Perform(
                    id, step.path, action.kind, params, key, line.attempt, timeout, rendered.secrets
                )
            )
            return _Asked(id, params)


def _timeout(step: Step, action: SubAction) -> timedelta:
    return min(step.timeout, action.timeout) if action.timeout is not None else step.timeout


def _log(turn: Turn, step: Step, params: Mapping[str, object]) -> object:
    level, message = str(params.get("level", "info")), str(params.get("message", ""))
    extra = params.get("fields") or params.get("data")
    fields = dict(extra) if isinstance(extra, dict) else {}
    if "to" in params:
        fields["to"] = params["to"]
    if "template" in params:
        fields["template"] = params["template"]
    turn.effects.append(WriteLog(level, message, {"step": step.path, **fields}))
    return {"level": level, "message": message}


def _emit(turn: Turn, step: Step, params: Mapping[str, object], line: Line) -> object:
    id = child_id(turn.execution.id, step.path, line.action, "emit")
    key, topic, subject = params.get("key"), params.get("topic"), params.get("subject")
    turn.effects.append(
        Emit(
            id,
            str(params["event"]),
            params.get("data", {}),
            None if key is None else str(key),
            None if topic is None else str(topic),
            None if subject is None else str(subject),
        )
    )
    return {"event": params["event"], "id": id}


def _write_record(
    turn: Turn, step: Step, kind: str, params: Mapping[str, object], line: Line, key: str
) -> _Asked:
    id = child_id(turn.execution.id, step.path, line.action, "effect", line.attempt)
    values, expected = params.get("set"), params.get("expected_version")
    entity_id = params.get("id")
    named = str(entity_id) if entity_id is not None else child_id(turn.execution.id, key)
    turn.effects.append(
        WriteRecord(
            id,
            "create" if kind == "create_record" else "update",
            str(params["entity"]),
            named,
            values if isinstance(values, dict) else {},
            expected if isinstance(expected, int) else None,
            key,
        )
    )
    return _Asked(id, dict(params))


def take_result(turn: Turn, given: ActionSucceeded | ActionFailed) -> str | None:
    """Go on with the line that asked for this effect; return its name, None if none does now."""
    found = next(((n, ln) for n, ln in turn.lines.items() if ln.pending == given.effect_id), None)
    if found is None or found[1].at is None:
        return None
    name, line = found
    step = turn.definition.steps[found[1].at]
    verb = step.verb
    if not isinstance(verb, ExecuteVerb):
        return None
    if isinstance(given, ActionSucceeded):
        turn.lines[name] = _next_action(line, given.output)
        return name
    if given.retryable and line.attempt <= step.retry.max:
        turn.lines[name] = _retry(turn, step, line, given)
        return name
    failure = Failure(given.code, given.message, step.id)
    after = settle_failure(turn, step, verb, line, failure)
    if after is None:
        after = _next_action(line, {"error": {"code": given.code, "message": given.message}})
    turn.lines[name] = after
    return name


def settle_failure(
    turn: Turn, step: Step, verb: ExecuteVerb, line: Line, failure: Failure
) -> Line | None:
    """Fail the step, or return None where the definition lets the next sub-action run."""
    if verb.continue_on_error:
        return None
    return turn.fail(step, line, failure, first=not _was_held(turn, step))


def _retry(turn: Turn, step: Step, line: Line, given: ActionFailed) -> Line:
    failure = Failure(given.code, given.message, step.id)
    turn.record(step, line, StepStatus.FAILED, first=False, failure=failure)
    delay = step.retry.delay(line.attempt, given.chance)
    if given.retry_after is not None:
        delay = max(delay, given.retry_after)
    timer = child_id(turn.execution.id, step.path, "retry", line.attempt)
    turn.effects.append(StartTimer(timer, "retry", turn.now + delay))
    waiting = replace(line, phase="retrying", attempt=line.attempt + 1, pending=timer, since=None)
    turn.record(step, waiting, StepStatus.PENDING, first=True)
    return waiting


def try_again(line: Line) -> Line:
    """Return a line whose retry timer fired, ready for its next attempt."""
    return replace(line, phase="ready")
