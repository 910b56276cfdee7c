"""Which references of a definition can have a value (definitions.md, What reads back)."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from engine.definition import (
    AllowVerb,
    ApprovalSpec,
    ApprovalVerb,
    BlockVerb,
    ConditionVerb,
    EventWait,
    ExecuteVerb,
    Step,
    WaitVerb,
)
from engine.loading.node import Node, nearest
from engine.paths import Path
from engine.templates import Template

PARTS = ("steps", "approvals", "waits")


@dataclass(frozen=True, slots=True)
class Use:
    """References of one step, with the ids of the steps that come before it."""

    step: Step
    seen: tuple[str, ...]
    node: Node


@dataclass(slots=True)
class Visible:
    """Collects steps while they are read; checks references when all are known."""

    uses: list[Use] = field(default_factory=list)

    def note_step(self, step: Step, seen: tuple[str, ...], node: Node) -> None:
        """Remember a step for the check."""
        self.uses.append(Use(step, seen, node))

    def check(self) -> None:
        """Note references to steps that do not exist, come later, or may not have run."""
        known = {use.step.id: use.step for use in self.uses}
        order = {use.step.id: use for use in self.uses}
        for use in self.uses:
            for path, optional in sorted(set(references(use.step))):
                if len(path) >= 2 and path[0] in PARTS:
                    _check_reference(use, path, optional, known, order)


def _check_reference(
    use: Use, path: Path, optional: bool, known: dict[str, Step], order: dict[str, Use]
) -> None:
    text, id = ".".join(path), path[1]
    target = known.get(id)
    if target is None:
        use.node.mistake(f"{text}: no step is called {id!r}{nearest(id, known)}")
        return
    if path[0] == "approvals" and not _asks(target):
        use.node.mistake(f"{text}: the step {id!r} is no approval")
    elif path[0] == "waits" and not isinstance(target.verb, WaitVerb):
        use.node.mistake(f"{text}: the step {id!r} is no wait")
    elif id == use.step.id or not _comes_before(use, order[id]):
        use.node.mistake(f"{text}: the step {id!r} does not run before this one")
    elif id not in use.seen and not optional:
        use.node.warning(
            f"{text}: the step {id!r} may not have run; give a default: ${{{text}:-...}}"
        )


def _asks(step: Step) -> bool:
    verb = step.verb
    return isinstance(verb, ApprovalVerb) or (
        isinstance(verb, BlockVerb) and verb.approval is not None
    )


def _comes_before(use: Use, other: Use) -> bool:
    """Tell whether a step may have run: the outermost of its enclosing steps comes before."""
    if use.seen and other.step.id in use.seen:
        return True
    enclosing = str(other.step.path).split("/")[:-1]
    own = str(use.step.path).split("/")
    return any(id in use.seen and id not in own for id in enclosing)


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
            yield from ((path, True) for path, _ in _of(step.verb.reason))
            if step.verb.approval is not None:
                yield from _of_approval(step.verb.approval)
        case ApprovalVerb():
            yield from _of_approval(step.verb.spec)
        case ExecuteVerb():
            for action in step.verb.actions:
                yield from _of(action.params)
        case WaitVerb():
            yield from _of_wait(step.verb)


def _of(template: Template | None) -> Iterator[tuple[Path, bool]]:
    if template is not None:
        for path in template.references:
            yield path, path not in template.needs_default


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
    ):
        yield from _of(template)


def _of_wait(verb: WaitVerb) -> Iterator[tuple[Path, bool]]:
    if isinstance(verb.what, EventWait):
        for template in verb.what.match.values():
            yield from _of(template)
        if verb.what.when is not None:
            yield from ((path, True) for path in verb.what.when.references)
    else:
        yield from _of(verb.what.until)
