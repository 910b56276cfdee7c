"""References that never have a value, though what they begin with is there."""

from collections.abc import Collection

from engine.definition import ForEachVerb, ParallelVerb, RepeatVerb, Step, TimeWait, WaitVerb
from engine.hints import nearest
from engine.loading.uses import Use, is_inside
from engine.paths import Path
from engine.verbs import spec_of

ERROR = ("code", "message", "step")
EXECUTION = ("id", "date", "workflow", "version")
META = (
    "id", "type", "source", "time", "topic", "key", "subject", "hops", "root", "command",
    "traceparent", "tracestate",
)  # fmt: skip
"""What is read below `error`, `execution` and `event.meta`."""
ERROR_BRANCHES = frozenset({"on_error", "compensate"})
EVENT_PARTS = (("event",), ("which",), ("events",))
"""What reads back of a wait once its event has come."""
RESULTS = (("items",), ("output",), ("branches",), ("rounds",))
"""What reads back of a step with lines of its own once they have ended."""
INSIDE = ("for_each", "parallel", "repeat")


def may_read_error(use: Use) -> bool:
    """Tell whether a step runs because another has failed."""
    return use.failing or bool(use.undone) or not ERROR_BRANCHES.isdisjoint(use.node.at)


def problem_of_root(path: Path, *, failing: bool) -> str | None:
    """Return why a path that leads into no step has no value, None where it may have one.

    `failing` tells that something has failed when it is read.
    """
    if path[0] == "error":
        if not failing:
            return "there is an error only in on_error; a step's own is at steps.<id>.error"
        return _unknown("error", path[1:2], ERROR)
    if path[0] == "execution":
        return _unknown("execution", path[1:2], EXECUTION)
    if path[:2] == ("event", "meta"):
        problem = _unknown("event.meta", path[2:3], META)
        return f"{problem}; a field of the payload is read without event" if problem else None
    return None


def _unknown(what: str, name: Path, there: Collection[str]) -> str | None:
    if not name or name[0] in there:
        return None
    hint = nearest(name[0], there)
    return f"{what} has no {name[0]!r}{hint} (there are: {', '.join(there) or 'none'})"


def problem_of_field(path: Path, step: Step) -> str | None:
    """Return why a field of a form is never filled in, None where it may be."""
    spec = spec_of(step.verb) if path[0] == "approvals" and path[2:3] == ("form",) else None
    if spec is None or spec.form is None:
        return None
    return _unknown(f"the form of {step.id!r}", path[3:4], spec.form)


def problem_of_value(path: Path, use: Use, target: Use) -> str | None:
    """Return why a value of a step that may have run is never there, None where it may be."""
    if path[0] == "waits":
        return _problem_of_wait(path, use, target)
    if path[0] == "steps":
        return _problem_of_result(path, use, target)
    return None


def _problem_of_wait(path: Path, use: Use, target: Use) -> str | None:
    verb, id = target.step.verb, target.step.id
    if path[2:3] not in EVENT_PARTS or not isinstance(verb, WaitVerb):
        return None
    if isinstance(verb.what, TimeWait):
        return f"the step {id!r} waits for a time, not for an event"
    if _stands_under(use, target, ("on_timeout",)):
        return f"no event has come where on_timeout of {id!r} runs"
    return None


def _problem_of_result(path: Path, use: Use, target: Use) -> str | None:
    step, verb = target.step, target.step.verb
    if path[2:3] in RESULTS and _stands_under(use, target, INSIDE):
        return f"it is there only when the step {step.id!r} has ended, not inside of it"
    kinds = {"branches": ParallelVerb, "items": ForEachVerb, "rounds": RepeatVerb}
    kind = kinds.get(path[2]) if len(path) > 2 else None
    if kind is not None and not isinstance(verb, kind):
        return f"the step {step.id!r} has no {path[2]}"
    if isinstance(verb, ParallelVerb) and path[2:3] == ("branches",):
        return _unknown(f"the step {step.id!r}", path[3:4], verb.branches)
    return None


def _stands_under(use: Use, target: Use, keys: Collection[str]) -> bool:
    """Tell whether a step stands under one of some keys of another."""
    depth = len(target.node.at)
    below = is_inside(use.step, target.step) and len(use.node.at) > depth
    return below and use.node.at[depth] in keys
