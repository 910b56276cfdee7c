"""The model's verbs that act outside: `execute`, `workflow`, and the loading of resources."""

from datetime import timedelta
from typing import Any

from tests.properties.answers import Answer
from tests.properties.reference.lines import JOIN, TURN, Failed, Line, Nap, Walk
from tests.properties.reference.model import NEXT, At, Interpreter, length
from tests.properties.reference.scope import Unresolved, render
from tests.properties.story import plain

MINUTE = timedelta(minutes=1)
DEFAULT_RETRY: dict[str, Any] = {}


class Skipped(Exception):
    """An operator passed the step."""


def _request(model: Interpreter, name: str, shown: object, *, may_doubt: bool = False) -> Answer:
    """Ask for something outside; return what will come of it."""
    number = model.asked[name] = model.asked.get(name, 0) + 1
    model.story.told.append(("ask", name, number, plain(shown)))
    return model.answers.effect(name, number, may_doubt=may_doubt)


def _pause(retry: dict[str, Any], attempt: int, answer: Answer) -> timedelta:
    """Return how long to wait after a failed attempt: as its policy says."""
    base = length(retry.get("base", "1s"))
    factor = {"exponential": 2 ** (attempt - 1), "linear": attempt, "fixed": 1}
    pause: timedelta = min(base * factor[retry.get("backoff", "exponential")], MINUTE)
    if retry.get("jitter", "full") == "full":
        pause *= answer.chance
    return pause


def execute(model: Interpreter, at: At) -> Walk:
    """Do the sub-actions in order; attempts are counted over all of them."""
    outputs: list[object] = []
    attempt = 1
    try:
        for number, action in enumerate(at.step["execute"]):
            ((kind, params),) = action.items()
            try:
                shown = render(params, at.scope)
            except Unresolved:
                if not _goes_on(at, kind):
                    raise
                outputs.append({"error": "unresolved"})
                continue
            if kind in ("log", "emit"):
                outputs.append(_at_once(model, at, kind, shown))
                continue
            output, attempt = yield from _act(model, at, number, kind, params, attempt)
            outputs.append(output)
            yield TURN
    except Skipped:
        model.row(at, "skipped", attempt_of(model, at))
        at.scope.keep("steps", at.id, {"status": "skipped"})
        return NEXT
    model.provisional = model.provisional or "executed"
    output = outputs[0] if len(outputs) == 1 else outputs
    model.complete(at, output, attempt)
    return NEXT


def attempt_of(model: Interpreter, at: At) -> int:
    """Return the number of the attempt under way."""
    return max(attempt for path, attempt in model.story.rows if path == at.path)


def _goes_on(at: At, kind: str) -> bool:
    return kind == "notify" or at.step.get("continue_on_error", False)


def _at_once(model: Interpreter, at: At, kind: str, shown: dict[str, Any]) -> object:
    if kind == "log":
        model.story.told.append(("log", {"step": at.path, **plain_fields(shown)}))
        return {"level": "info"}
    model.story.told.append(("emit", shown["event"], plain(shown["data"])))
    return {"event": shown["event"]}


def plain_fields(shown: dict[str, Any]) -> dict[str, object]:
    """Return the fields of a log line as they are compared."""
    fields = plain(shown.get("fields", {}))
    assert isinstance(fields, dict)
    return fields


def _act(model: Interpreter, at: At, number: int, kind: str, params: Any, attempt: int) -> Walk:
    """Try one sub-action until it succeeds or fails for good; return output and attempt."""
    retry = at.step.get("retry", DEFAULT_RETRY)
    name, doubtful = f"{at.path}:{number}", at.step.get("on_in_doubt") and kind != "create_record"
    while True:
        shown = render(params, at.scope)
        model.row(at, "running", attempt)
        at.scope.keep("steps", at.id, {"status": "running"})
        asked = shown["set"] if kind == "create_record" else shown
        answer = _request(model, name, asked, may_doubt=bool(doubtful))
        yield Nap(((model.now + answer.after, None),), busy=True)
        if answer.kind == "done":
            if kind == "load":
                at.scope.frames[0][shown["into"]] = answer.output
            return answer.output, attempt
        if answer.kind == "doubt":
            yield from _doubt(model, at, name, attempt)
            attempt += 1
            yield TURN
        elif answer.kind == "retryable" and attempt <= retry.get("max", 3):
            model.row(at, "failed", attempt)
            model.row(at, "pending", attempt + 1)
            pause = max(_pause(retry, attempt, answer), answer.retry_after or timedelta())
            attempt += 1
            yield Nap(((model.now + pause, None),), busy=True)
            yield TURN
        elif _goes_on(at, kind):
            return {"error": {"code": f"http_{model.asked[name]}"}}, attempt
        else:
            raise Failed(f"http_{model.asked[name]}", at.id)


def _doubt(model: Interpreter, at: At, name: str, attempt: int) -> Walk:
    """Wait for an operator where nobody knows whether something happened."""
    if at.step["on_in_doubt"] == "fail":
        raise Failed("in_doubt", at.id)
    model.row(at, "waiting", attempt)
    at.scope.keep("steps", at.id, {"status": "waiting", "error": {"code": "in_doubt"}})
    number = model.asked[name]
    after, act = model.answers.after_doubt(name, number)

    def missed(_: object) -> None:
        late = "unknown_step" if act == "skip" else "not_failed"
        model.story.receipts[f"{name}@{number}"] = "execution_finished" if model.over else late

    yield Nap(((model.now + after, None),), missed=missed)
    model.story.receipts[f"{name}@{number}"] = "applied"
    if act == "skip":
        raise Skipped
    model.row(at, "failed", attempt)


def workflow(model: Interpreter, at: At) -> Walk:
    """Start another workflow; its end is this step's, unless nobody waits for it."""
    verb = at.step["workflow"]
    payload = render(verb.get("input", {}), at.scope)
    model.story.told.append(("child", at.path, plain(payload)))
    if not verb.get("wait", True):
        model.complete(at, {"workflow": verb["name"]})
        return NEXT
    model.row(at, "waiting")
    at.scope.keep("steps", at.id, {"status": "waiting", "output": {"workflow": verb["name"]}})
    grown = model.answers.child(at.path)
    coming: list[tuple[Any, object]] = [(model.now + grown.after, True)]
    if "timeout" in at.step:
        coming.insert(0, (model.now + length(at.step["timeout"]), False))
    if not (yield Nap(tuple(coming))):
        raise Failed("timeout", at.id)
    output = {"workflow": verb["name"], "status": grown.status, "result": grown.result}
    if grown.status in ("failed", "cancelled"):
        raise Failed(grown.code or grown.status, at.id, output=output)
    model.complete(at, output, outcome=grown.status, result=grown.result)
    return NEXT


def load_all(model: Interpreter, at: At) -> Walk:
    """Read all resources before the first step."""
    loads = model.body.get("context", {}).get("load", {})
    yield from _side_by_side(model, at, {path: f"load:{path}" for path in loads})


def refresh(model: Interpreter, at: At) -> Walk:
    """Read resources once more after a pause."""
    paths = at.step["refresh"]
    yield from _side_by_side(model, at, {path: f"load:{at.path}:{path}" for path in paths})


def _side_by_side(model: Interpreter, at: At, names: dict[str, str]) -> Walk:
    """Read resources; the first that cannot be had ends the line."""
    running = []
    for path, load in model.body.get("context", {}).get("load", {}).items():
        if path in names:
            line = Line(names[path], at.line)
            running.append(model.begin(line, _load(model, names[path], path, load)))
            model.go_on(line)
    while running:
        line, failure = yield JOIN
        running.remove(line)
        if failure is not None:
            model.close(running)
            raise Failed(failure.code, at.id or None)


def _load(model: Interpreter, name: str, path: str, load: dict[str, Any]) -> Walk:
    """Read one resource, with up to three retries; one that is optional may be missing."""
    for attempt in range(1, 5):
        answer = _request(model, name, {"resource": load["resource"], "path": path})
        yield Nap(((model.now + answer.after, None),), busy=True)
        if answer.kind == "done":
            model.context[path] = answer.output
            return
        if answer.kind == "final" or attempt == 4:
            break
        pause = max(_pause(DEFAULT_RETRY, attempt, answer), answer.retry_after or timedelta())
        yield Nap(((model.now + pause, None),), busy=True)
    if not load.get("optional"):
        raise Failed(f"http_{model.asked[name]}", None)
    if path not in model.context:
        model.context[path] = None
