"""What the steps of a definition read, and from where."""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.definition import (
    AllowVerb,
    ApprovalSpec,
    ApprovalVerb,
    BlockVerb,
    ConditionVerb,
    EventsWait,
    EventWait,
    ExecuteVerb,
    ForEachVerb,
    ParallelVerb,
    RepeatVerb,
    Step,
    TimeWait,
    WaitVerb,
    WorkflowVerb,
)
from engine.loading.node import Node
from engine.paths import Path
from engine.policy import templates_of
from engine.templates import Template


@dataclass(frozen=True, slots=True)
class Use:
    """References of one step, with the ids of the steps that come before it."""

    step: Step
    seen: tuple[str, ...]
    node: Node
    failing: bool
    """Whether it stands under the workflow's `on_error`, where any other step may have run."""
    undone: str
    """Id of the step that it compensates, if it does: any other step may have run then."""


def is_inside(step: Step, outer: Step) -> bool:
    """Tell whether a step stands somewhere below another."""
    return step.path.startswith(f"{outer.path}/")


def references(step: Step) -> Iterator[tuple[Path, bool]]:
    """Yield the paths that a step reads, and whether it may do without the value."""
    if step.when is not None:
        yield from ((path, True) for path in step.when.references)
    match step.verb:
        case ConditionVerb():
            yield from ((path, True) for path in step.verb.condition.references)
        case AllowVerb():
            yield from _of(step.verb.reason)
        case BlockVerb():
            yield from _of_block(step, step.verb)
        case ApprovalVerb():
            yield from _of_approval(step.verb.spec)
        case ExecuteVerb():
            for action in step.verb.actions:
                yield from _of(action.params)
        case WaitVerb():
            yield from _of_wait(step.verb.what)
        case ForEachVerb():
            yield from _of(step.verb.items)
        case RepeatVerb():
            yield from ((path, True) for path in step.verb.until.references)
        case WorkflowVerb():
            yield from _of(step.verb.input)
        case ParallelVerb():
            return


def _of(template: Template | None) -> Iterator[tuple[Path, bool]]:
    if template is not None:
        for path in template.references:
            yield path, path not in template.needs_default


def _of_block(step: Step, verb: BlockVerb) -> Iterator[tuple[Path, bool]]:
    # The reason is rendered after the step's own approval was decided.
    own = ("approvals", step.id) if verb.approval is not None else None
    for path, _ in _of(verb.reason):
        if path[:2] != own:
            yield path, True
    if verb.approval is not None:
        yield from _of_approval(verb.approval)


def _of_approval(spec: ApprovalSpec) -> Iterator[tuple[Path, bool]]:
    for template in (
        spec.title,
        spec.body,
        spec.users,
        spec.exclude,
        spec.requester,
        spec.view,
        spec.entity,
        spec.expires_at,
        spec.escalate.users if spec.escalate is not None else None,
        *templates_of(spec.policy),
    ):
        yield from _of(template)


def _of_wait(what: EventWait | EventsWait | TimeWait) -> Iterator[tuple[Path, bool]]:
    match what:
        case TimeWait():
            yield from _of(what.until)
        case EventsWait():
            for event in what.events:
                yield from _of_wait(event)
        case EventWait():
            for template in what.match.values():
                yield from _of(template)
            if what.when is not None:
                yield from ((path, True) for path in what.when.references)


def shadowed(step: Step) -> frozenset[Path]:
    """Return the paths that lead first into an event that a wait looks at."""
    what = step.verb.what if isinstance(step.verb, WaitVerb) else None
    events = what.events if isinstance(what, EventsWait) else (what,)
    conditions = (event.when for event in events if isinstance(event, EventWait))
    return frozenset(
        path
        for condition in conditions
        if condition is not None
        for path in condition.references
        if path[0] != "event"
    )
