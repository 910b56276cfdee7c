"""The model's verbs with lines of their own: `parallel`, `for_each`, `repeat`."""

from collections.abc import Callable, Sequence
from typing import Any

from tests.properties.reference.lines import JOIN, Failed, Line, Walk
from tests.properties.reference.model import NEXT, At, Interpreter, length
from tests.properties.reference.scope import holds, render

Begin = Callable[[str], Line]


def parallel(model: Interpreter, at: At) -> Walk:
    """Run branches side by side until the strategy decides."""
    verb = at.step["parallel"]
    branches: dict[str, Any] = verb["branches"]

    def begin(name: str) -> Line:
        line = Line(f"{at.path}/{name}", at.line)
        return model.begin(line, model.whole(line, branches[name], f"{line.name}/", at.scope))

    done = yield from _spread(model, at, list(branches), verb.get("concurrency", 99), begin)
    ended = {name: done.get(name, ("cancelled", None)) for name in branches}
    kept = {
        "branches": {name: status for name, (status, _) in ended.items()},
        "output": {name: output for name, (_, output) in ended.items()},
    }
    _settle(model, at, verb.get("strategy", "all"), len(branches), done, kept)
    return NEXT


def for_each(model: Interpreter, at: At) -> Walk:
    """Run the steps for each item, so many at a time, until the strategy decides."""
    verb = at.step["for_each"]
    items, strategy = render(verb["in"], at.scope), verb.get("strategy", "all")
    needed = strategy["n_of"] if isinstance(strategy, dict) else 0
    if not isinstance(items, list) or len(items) < needed:
        raise Failed("invalid_items", at.id)
    if not items:
        model.complete(at, [], items=[])
        return NEXT

    def begin(name: str) -> Line:
        line = Line(f"{at.path}/{name}", at.line)
        scope = at.scope.inside({verb.get("as", "item"): items[int(name)], "index": int(name)})
        return model.begin(line, model.whole(line, verb["steps"], f"{line.name}/", scope))

    names = [str(number) for number in range(len(items))]
    done = yield from _spread(model, at, names, verb.get("concurrency", 1), begin)
    outputs = [done.get(name, ("cancelled", None))[1] for name in names]
    _settle(model, at, strategy, len(names), done, {"items": outputs, "output": outputs})
    return NEXT


def _spread(model: Interpreter, at: At, names: Sequence[str], most: int, begin: Begin) -> Walk:
    """Run children, so many at a time, until they decide the step; return how they ended."""
    model.row(at, "running")
    at.scope.keep("steps", at.id, {"status": "running"})
    if "timeout" in at.step:
        model.limit_step(at.line, at.path, length(at.step["timeout"]))
    verb: dict[str, Any] = at.step.get("parallel") or at.step["for_each"]
    waiting, running = list(names), dict[Line, str]()
    done: dict[str, tuple[str, object]] = {}
    while _verdict(verb.get("strategy", "all"), len(names), done) is None:
        while waiting and len(running) < most:
            name = waiting.pop(0)
            running[begin(name)] = name
        ended = yield JOIN
        if ended is None:
            at.line.limited = ""
            model.close(list(running))
            raise Failed("timeout", at.id)
        line, failure = ended
        done[running.pop(line)] = _outcome(line, failure)
    at.line.limited = ""
    model.close(list(running))
    return done


def _outcome(line: Line, failure: Failed | None) -> tuple[str, object]:
    if failure is None:
        return "completed", line.last
    return "failed", {"error": {"code": failure.code, "step": failure.step}}


def _verdict(strategy: object, total: int, done: dict[str, tuple[str, object]]) -> bool | None:
    """Tell whether the step is completed (true) or failed (false), None while it is open."""
    statuses = [status for status, _ in done.values()]
    good, bad = statuses.count("completed"), statuses.count("failed")
    over = good + bad == total
    if isinstance(strategy, dict):
        needed = strategy["n_of"]
        return True if good >= needed else False if total - bad < needed else None
    return {
        "all": False if bad else True if over else None,
        "any": True if good else False if over else None,
        "race": True if good else False if bad else None,
        "all_settled": True if over else None,
    }[str(strategy)]


def _settle(
    model: Interpreter,
    at: At,
    strategy: object,
    total: int,
    done: dict[str, tuple[str, Any]],
    kept: dict[str, Any],
) -> None:
    if _verdict(strategy, total, done):
        model.complete(at, kept.pop("output"), **kept)
        return
    error = next(output["error"] for status, output in done.values() if status == "failed")
    raise Failed(error["code"], error["step"], **kept)


def repeat(model: Interpreter, at: At) -> Walk:
    """Run the steps again and again until the condition holds."""
    verb = at.step["repeat"]
    model.row(at, "running")
    at.scope.keep("steps", at.id, {"status": "running"})
    for number in range(verb["max"]):
        line = Line(f"{at.path}/{number}", at.line)
        scope = at.scope.inside({"round": number + 1})
        model.begin(line, model.whole(line, verb["steps"], f"{line.name}/", scope))
        _, failure = yield JOIN
        if failure is not None:
            raise Failed(failure.code, failure.step)
        if holds(verb["until"], scope):
            model.complete(at, line.last, rounds=number + 1)
            return NEXT
    raise Failed("repeat_exhausted", at.id)
