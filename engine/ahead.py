"""What may still run of an execution, and what it passed by (requirements.md S100, S135)."""

from collections.abc import Iterable, Iterator, Set

from engine.definition import (
    AllowVerb,
    ApprovalVerb,
    BlockVerb,
    ConditionVerb,
    Definition,
    ForEachVerb,
    ParallelVerb,
    RepeatVerb,
    Step,
    WaitVerb,
)
from engine.ids import StepPath


def remaining(definition: Definition, under_way: Iterable[StepPath]) -> list[StepPath]:
    """Return the steps that may still run after those under way.

    Derived from where the execution stands, never stored; whatever way the open steps end.
    """
    reached: set[StepPath] = set()
    todo = [way for path in under_way for way in ways_on(definition.steps[path])]
    while todo:
        path = todo.pop()
        if path not in reached:
            reached.add(path)
            todo.extend(ways_on(definition.steps[path]))
    return [path for path in definition.steps if path in reached]


def not_taken(
    definition: Definition, ran: Set[StepPath], ahead: Iterable[StepPath]
) -> list[StepPath]:
    """Return the steps that did not run and will not."""
    known = {*ran, *ahead}
    return [path for path in definition.steps if path not in known]


def ways_on(step: Step) -> Iterator[StepPath]:
    """Yield the steps to which a step may lead at once."""
    found: list[StepPath | None] = [step.then, step.on_error, step.compensate]
    match step.verb:
        case ConditionVerb(on_true=yes, on_false=no):
            found += [yes, no]
        case ApprovalVerb(spec):
            found += spec.on_outcome.values()
        case BlockVerb(approval=asked):
            # Without an approval nothing comes after it.
            found = [*found, *asked.on_outcome.values()] if asked else [step.on_error]
        case WaitVerb(on_timeout=late):
            found.append(late)
        case ParallelVerb(branches=branches):
            found += branches.values()
        case ForEachVerb(first=first) | RepeatVerb(first=first):
            found.append(first)
        case AllowVerb(stop=True):
            found = [step.on_error]
    return (path for path in found if path is not None)
