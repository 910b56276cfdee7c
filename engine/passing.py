"""What operators may not pass: an approval that nobody has answered (requirements.md S93, S94)."""

from collections.abc import Iterator, Mapping

from engine.definition import Definition, ForEachVerb, ParallelVerb, RepeatVerb, Verb
from engine.ids import StepPath
from engine.verbs import spec_of

ANSWERED = ("completed", "skipped")


def sequence(definition: Definition, first: StepPath | None) -> list[StepPath]:
    """Return the steps of a list in their order, from one of them on."""
    paths: list[StepPath] = []
    while first is not None:
        paths.append(first)
        first = definition.steps[first].then
    return paths


def unanswered(
    definition: Definition, steps: Mapping[str, object], first: StepPath
) -> StepPath | None:
    """Return an approval over which going on at an outermost step would lead, None without one.

    `steps` is what steps came to so far. An approval behind a condition does not count: nobody
    knows whether it would have been asked for. Those of the workflow's `on_error` follow none.
    """
    order = sequence(definition, definition.first)
    if first not in order:
        return None
    reached = max((n for n, path in enumerate(order) if path in steps), default=0)
    for passed in order[reached : order.index(first)]:
        for path in _certain(definition, passed):
            state = steps.get(definition.steps[path].id)
            if not isinstance(state, Mapping) or state.get("status") not in ANSWERED:
                return path
    return None


def not_passed(path: StepPath) -> str:
    """Return what an operator is told who would pass an approval."""
    return f"nobody has answered the approval {path}: go on at it, or before it"


def _certain(definition: Definition, path: StepPath) -> Iterator[StepPath]:
    """Yield the approvals for which a step surely asks: itself, and in its branches."""
    step = definition.steps[path]
    if step.when is not None:
        return
    if spec_of(step.verb) is not None:
        yield path
    for first in _inner(step.verb):
        for inner in sequence(definition, first):
            yield from _certain(definition, inner)


def _inner(verb: Verb) -> list[StepPath]:
    match verb:
        case ParallelVerb(branches=branches):
            return list(branches.values())
        case ForEachVerb(first=first) | RepeatVerb(first=first):
            return [first]
        case _:
            return []
