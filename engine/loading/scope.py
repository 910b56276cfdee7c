"""Which references of a definition can have a value (definitions.md, What reads back)."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

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
from engine.hints import nearest
from engine.loading.node import Node
from engine.loading.places import outcomes_named, place_of
from engine.paths import Path
from engine.policy import templates_of
from engine.templates import Template

READABLE: Mapping[str, tuple[str, ...]] = {
    "steps": (
        "status", "output", "error", "outcome", "branches", "items", "result", "rounds",
        "refreshed",
    ),
    "approvals": (
        "outcome", "decided_by", "reason", "form", "decided_at", "votes", "decided_for",
    ),
    "waits": ("event", "which", "events", "came"),
}  # fmt: skip
"""What reads back of a step (definitions.md)."""
PARTS = tuple(READABLE)


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


@dataclass(slots=True)
class Visible:
    """Collects steps while they are read; checks references when all are known."""

    uses: list[Use] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    """Ids of steps with mistakes of their own: a reference to them is not one more."""
    jumped: set[str] = field(default_factory=set)
    """Ids of steps that a jump may pass over."""
    failing: bool = False
    undone: str = ""

    def note_step(self, step: Step, seen: tuple[str, ...], node: Node) -> None:
        """Remember a step for the check."""
        self.uses.append(Use(step, seen, node, self.failing, self.undone))

    def note_unread(self, value: object) -> None:
        """Remember the ids in a part of the file that is not read."""
        if isinstance(value, Mapping):
            if isinstance(value.get("id"), str):
                self.unread.add(value["id"])
            value = list(value.values())
        for inner in value if isinstance(value, list) else ():
            self.note_unread(inner)

    def check(self) -> None:
        """Note references to steps that do not exist, come later, or may not have run."""
        known = {use.step.id: use for use in self.uses}
        for use in self.uses:
            found = sorted(set(references(use.step)))
            for path, optional in found:
                if len(path) >= 2 and path[0] in PARTS and path[1] not in self.unread:
                    self._check_reference(use, path, known, optional=optional)
            if any(path[0] == "approvals" and path[2:] == ("outcome",) for path, _ in found):
                for id, node in outcomes_named(use.node):
                    _check_outcome(node, known.get(id))

    def _check_reference(
        self, use: Use, path: Path, known: Mapping[str, Use], *, optional: bool
    ) -> None:
        # A step is searched for the place only where something is wrong.
        text, id = ".".join(path), path[1]
        problem = self._problem_of(use, path, known)
        if problem is not None:
            place_of(use.node, path).mistake(f"{text}: {problem}")
        elif not optional and self._may_be_absent(use, known[id]):
            place_of(use.node, path).warning(
                f"{text}: the step {id!r} may not have run; give a default: ${{{text}:-...}}"
            )

    def _problem_of(self, use: Use, path: Path, known: Mapping[str, Use]) -> str | None:
        """Return why a reference can never have a value, None where it may have one."""
        part, id = path[:2]
        target = known.get(id)
        if target is None:
            return f"no step is called {id!r}{nearest(id, known)}"
        if part == "approvals" and _approval_of(target.step) is None:
            return f"the step {id!r} is no approval"
        if part == "waits" and not isinstance(target.step.verb, WaitVerb):
            return f"the step {id!r} is no wait"
        if isinstance(use.step.verb, RepeatVerb) and _is_inside(target.step, use.step):
            return None
        if (loop := self._loop_around(use, target)) is not None:
            kept = "items" if isinstance(loop.verb, ForEachVerb) else "output"
            return (
                f"the step {id!r} runs in the loop {loop.id!r}; outside of it read "
                f"steps.{loop.id}.{kept}"
            )
        if target.undone not in ("", use.undone):
            return f"the step {id!r} runs only when {target.undone!r} is undone"
        if id == use.step.id or not _comes_before(use, target):
            return f"the step {id!r} does not run before this one"
        if len(path) > 2 and path[2] not in READABLE[part]:
            there = READABLE[part]
            hint = nearest(path[2], there)
            return f"{part}.{id} has no {path[2]!r}{hint} (there are: {', '.join(there)})"
        return None

    def _loop_around(self, use: Use, target: Use) -> Step | None:
        """Return the loop in which one step runs and the other does not."""
        for other in self.uses:
            loop = other.step
            loops = isinstance(loop.verb, ForEachVerb | RepeatVerb)
            if loops and _is_inside(target.step, loop) and not _is_inside(use.step, loop):
                return loop
        return None

    def _may_be_absent(self, use: Use, target: Use) -> bool:
        id = target.step.id
        if id in str(use.step.path).split("/"):
            return False
        return id not in use.seen or id in self.jumped or target.step.when is not None


def _check_outcome(node: Node, asked: Use | None) -> None:
    """Note an outcome that an approval cannot have."""
    spec = _approval_of(asked.step) if asked is not None else None
    if spec is None or (isinstance(node.value, str) and "${" in node.value):
        return
    possible = (*spec.outcomes, "expired")
    if node.value not in possible:
        hint = nearest(str(node.value), possible)
        node.mistake(f"{node.value!r} is no outcome of it: {', '.join(possible)}{hint}")


def _is_inside(step: Step, outer: Step) -> bool:
    return step.path.startswith(f"{outer.path}/")


def refuse_steps(node: Node, found: Collection[Path]) -> None:
    """Note references to steps where none has run yet."""
    for path in sorted(found):
        if path[0] in PARTS:
            node.mistake(f"{'.'.join(path)}: no step has run yet when this is read")


def _approval_of(step: Step) -> ApprovalSpec | None:
    verb = step.verb
    if isinstance(verb, ApprovalVerb):
        return verb.spec
    return verb.approval if isinstance(verb, BlockVerb) else None


def _comes_before(use: Use, other: Use) -> bool:
    """Tell whether a step may have run: the outermost of its enclosing steps comes before."""
    if other.step.id in use.seen or (use.failing and not other.failing):
        return True
    if use.undone and not other.undone:
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
