"""The `execute` verb: sub-actions in order, outside ones as effects (requirements.md S37, D13)."""

from collections.abc import Mapping
from dataclasses import replace

from engine.definition import DEFAULT_TIMEOUT, ExecuteVerb, Step, SubAction
from engine.effects import Emit, Perform, StartTimer, WriteLog, WriteRecord
from engine.errors import StepProblem, TooLong, Unfit
from engine.execution import Failure, Line, StepStatus
from engine.ids import ChildId, child_id, idempotency_key
from engine.inputs import ActionFailed, ActionSucceeded
from engine.loads import merge_at
from engine.templates import as_text
from engine.turn import Turn
from engine.values import dataclass

MOST_ID_BYTES = 2_000
"""Longest id of a record: an index holds it beside its entity."""
MOST_VERSION = 2**31 - 1
RECORD_MODES = {"create_record": "create", "update_record": "update"}


def enter_execute(turn: Turn, step: Step, verb: ExecuteVerb, line: Line) -> Line:
    """Do what is pure at once; hold the line at the first sub-action that touches the outside."""
    if line.since is None:
        line = line.begun(turn.instant)
    outputs = line.outputs
    for number in range(line.action, len(verb.actions)):
        action = verb.actions[number]
        try:
            output = _perform(turn, step, action, number, line.attempt)
        except StepProblem as problem:
            if not _may_go_on(verb, action):
                failure = Failure(problem.code, str(problem), step.id)
                return turn.fail(step, line, failure, first=not line.recorded)
            output = {"error": str(problem)}
        if isinstance(output, _Asked):
            turn.record(
                step, line, StepStatus.RUNNING, first=not line.recorded, input=output.params
            )
            turn.keep("steps", step.id, {"status": "running"})
            return replace(
                line,
                phase="acting",
                action=number,
                outputs=outputs,
                pending=output.id,
                recorded=True,
            )
        outputs = (*outputs, output)
    return _finish(turn, step, verb, line, outputs)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A sub-action whose result comes as a later input."""

    id: ChildId
    params: Mapping[str, object]


def _may_go_on(verb: ExecuteVerb, action: SubAction) -> bool:
    """Tell whether the failure of a sub-action lets the next one run (S37, S52)."""
    return verb.continue_on_error or not action.required


def _next_action(line: Line, output: object) -> Line:
    return replace(
        line, phase="ready", action=line.action + 1, outputs=(*line.outputs, output), pending=None
    )


def _finish(
    turn: Turn, step: Step, verb: ExecuteVerb, line: Line, outputs: tuple[object, ...]
) -> Line:
    data = outputs[0] if len(verb.actions) == 1 else list(outputs)
    if turn.provisional is None:
        turn.provisional = "executed"
    return turn.complete(
        step,
        line,
        {"action": "execute", "success": True, "data": data},
        first=not line.recorded,
        input={"actions": [action.kind for action in verb.actions]},
        stored={"output": data},
    )


def _perform(turn: Turn, step: Step, action: SubAction, number: int, attempt: int) -> object:
    rendered = action.params.render_with_secrets(turn.scope)
    params = rendered.value
    assert isinstance(params, dict)  # noqa: S101  (the loader compiles only mappings)
    match action.kind:
        case "log":
            return _log(turn, step, params)
        case "notify" if params.get("channel") in ("log", "kafka"):
            return _notify(turn, step, params, number)
        case "emit":
            return _emit(turn, step, params, number)
        case "create_record" | "update_record":
            return _write_record(turn, step, action.kind, params, number, attempt)
        case _:
            id = child_id(turn.execution.id, step.path, number, "effect", attempt)
            limits = [limit for limit in (step.timeout, action.timeout) if limit is not None]
            in_doubt = step.on_in_doubt or ("retry" if action.idempotent else "ask")
            turn.effects.append(
                Perform(
                    id,
                    step.path,
                    action.kind,
                    params,
                    idempotency_key(turn.execution.id, step.path, number),
                    attempt,
                    min(limits, default=DEFAULT_TIMEOUT),
                    rendered.secrets,
                    in_doubt,
                )
            )
            return _Asked(id, params)


def _notify(turn: Turn, step: Step, params: Mapping[str, object], number: int) -> object:
    """Notify through the log, or through a topic by way of the outbox: exactly one record."""
    if params["channel"] == "log":
        return _log(turn, step, {"level": "info", **params})
    told = {name: params[name] for name in ("template", "message", "data") if name in params}
    sent = {"event": "sluicegate.notification", "topic": params.get("to"), "data": told}
    return _emit(turn, step, sent, number)


def _log(turn: Turn, step: Step, params: Mapping[str, object]) -> object:
    level, message = str(params.get("level", "info")), as_text(params.get("message", ""))
    extra = params.get("fields") or params.get("data") or {}
    fields = dict(extra) if isinstance(extra, dict) else {"fields": extra}
    if "to" in params:
        fields["to"] = params["to"]
    if "template" in params:
        fields["template"] = params["template"]
    turn.effects.append(WriteLog(level, message, {"step": step.path, **fields}))
    return {"level": level, "message": message}


def _emit(turn: Turn, step: Step, params: Mapping[str, object], number: int) -> object:
    id = child_id(turn.execution.id, step.path, number, "emit")
    key, topic, subject = params.get("key"), params.get("topic"), params.get("subject")
    data = params.get("data", {})
    if topic is None and not isinstance(data, dict):
        # Where nothing was found (`${x:-}`) nothing is said; anything else no worker could read.
        if data is not None:
            raise Unfit("data", "a mapping of names to values, as of every event", data)
        data = {}
    turn.effects.append(
        Emit(
            id,
            str(params["event"]),
            data,
            None if key is None else as_text(key),
            None if topic is None else as_text(topic),
            None if subject is None else as_text(subject),
            turn.now,
        )
    )
    return {"event": params["event"], "id": id}


def _write_record(
    turn: Turn,
    step: Step,
    kind: str,
    params: Mapping[str, object],
    number: int,
    attempt: int,
) -> _Asked:
    id = child_id(turn.execution.id, step.path, number, "effect", attempt)
    key = idempotency_key(turn.execution.id, step.path, number)
    values = params.get("set", {})
    if not isinstance(values, dict):
        raise Unfit("set", "a mapping of fields", values)
    entity_id = params.get("id")
    named = as_text(entity_id) if entity_id is not None else child_id(turn.execution.id, key)
    if len(named.encode()) > MOST_ID_BYTES:
        raise TooLong("id", f"{MOST_ID_BYTES} bytes")
    turn.effects.append(
        WriteRecord(
            id,
            "create" if kind == "create_record" else "update",
            str(params["entity"]),
            named,
            values,
            _version_of(params),
            key,
        )
    )
    return _Asked(id, dict(params))


def _version_of(params: Mapping[str, object]) -> int | None:
    """Return the version that a record must have; None where none is asked for."""
    if "expected_version" not in params:
        return None
    value = params["expected_version"]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unfit("expected_version", "a whole number", value)
    if not 0 <= value <= MOST_VERSION:
        raise Unfit("expected_version", f"from 0 to {MOST_VERSION}", value)
    return value


def take_result(turn: Turn, given: ActionSucceeded | ActionFailed) -> str | None:
    """Go on with the line that asked for this effect; return its name, None if none does now."""
    found = _asking(turn, given.effect_id)
    if found is None:
        return None
    name, line, step, verb = found
    action = verb.actions[line.action]
    if isinstance(given, ActionSucceeded):
        if action.into:
            merge_at(turn.base, action.into, given.output, overwrite=True)
        turn.lines[name] = _next_action(line, given.output)
    elif given.retryable and line.attempt <= step.retry.max:
        turn.lines[name] = _retry(turn, step, line, given)
    elif _may_go_on(verb, action):
        error = {"error": {"code": given.code, "message": given.message}}
        turn.lines[name] = _next_action(line, error)
    else:
        failure = Failure(given.code, given.message, step.id)
        turn.lines[name] = turn.fail(step, line, failure, first=not line.recorded)
    return name


def _asking(turn: Turn, effect: ChildId) -> tuple[str, Line, Step, ExecuteVerb] | None:
    """Go on with the line that waits for an effect."""
    for name, line in turn.lines.items():
        if line.phase == "acting" and line.pending == effect:
            step = turn.stand(name)
            if isinstance(step.verb, ExecuteVerb):
                return name, line, step, step.verb
    return None


def doubt(turn: Turn, effect: ChildId) -> bool:
    """Fail a step in doubt, or hold it for an operator, as its definition says (D28)."""
    found = _asking(turn, effect)
    if found is None:
        return False
    name, line, step, _ = found
    problem = "the worker died during the call: nobody knows whether it took effect"
    if step.on_in_doubt == "fail":
        failure = Failure("in_doubt", problem, step.id)
        turn.lines[name] = turn.fail(step, line, failure, first=False)
        return True
    failure = Failure("in_doubt", f"{problem}; retry it, skip it, or cancel", step.id)
    turn.record(step, line, StepStatus.WAITING, first=False, failure=failure)
    turn.keep("steps", step.id, {"status": "waiting", "error": {"code": "in_doubt"}})
    turn.lines[name] = replace(line, phase="doubtful")
    return True


def attempt_again(turn: Turn, step: Step, line: Line) -> Line:
    """Give up an attempt in doubt, and return the line ready for the next one."""
    failure = Failure("in_doubt", "tried again by an operator", step.id)
    turn.record(step, line, StepStatus.FAILED, first=False, failure=failure)
    return replace(
        line, phase="ready", attempt=line.attempt + 1, pending=None, since=None, recorded=False
    )


def _retry(turn: Turn, step: Step, line: Line, given: ActionFailed) -> Line:
    failure = Failure(given.code, given.message, step.id)
    turn.record(step, line, StepStatus.FAILED, first=False, failure=failure)
    delay = step.retry.delay(line.attempt, given.chance)
    if given.retry_after is not None:
        delay = max(delay, given.retry_after)
    timer = child_id(turn.execution.id, step.path, "retry", line.attempt)
    turn.effects.append(StartTimer(timer, "retry", turn.now + delay))
    waiting = replace(
        line,
        phase="retrying",
        attempt=line.attempt + 1,
        pending=timer,
        since=None,
        recorded=True,
    )
    turn.record(step, waiting, StepStatus.PENDING, first=True)
    return waiting


def try_again(line: Line) -> Line:
    """Return a line whose retry timer fired, ready for its next attempt."""
    return replace(line, phase="ready")
