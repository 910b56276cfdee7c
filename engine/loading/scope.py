"""Which references of a definition can have a value (definitions.md, What reads back)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from engine.definition import (
    ForEachVerb,
    ParallelVerb,
    RepeatVerb,
    Step,
    WaitVerb,
)
from engine.hints import nearest
from engine.ids import StepPath
from engine.loading.endings import goes_on_without_event
from engine.loading.node import Node
from engine.loading.places import outcomes_named, place_of
from engine.loading.unreadable import (
    EVENT_PARTS,
    may_read_error,
    problem_of_field,
    problem_of_root,
    problem_of_value,
)
from engine.loading.uses import Use, is_inside, references, shadowed
from engine.paths import Path
from engine.verbs import spec_of

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
        steps = {use.step.path: use.step for use in self.uses}
        for use in self.uses:
            found = sorted(set(references(use.step)))
            for path, optional in found:
                if path[0] not in PARTS:
                    self._check_root(use, path, optional=optional)
                elif len(path) >= 2 and path[1] not in self.unread:
                    self._check_reference(use, path, known, steps, optional=optional)
            if any(path[0] == "approvals" and path[2:] == ("outcome",) for path, _ in found):
                for id, node in outcomes_named(use.node):
                    _check_outcome(node, known.get(id))

    def _check_root(self, use: Use, path: Path, *, optional: bool) -> None:
        problem = problem_of_root(path, failing=may_read_error(use))
        if problem is not None and path not in shadowed(use.step):
            _note(use, path, problem, optional=optional)

    def _check_reference(
        self,
        use: Use,
        path: Path,
        known: Mapping[str, Use],
        steps: Mapping[StepPath, Step],
        *,
        optional: bool,
    ) -> None:
        # A step is searched for the place only where something is wrong.
        text, id = ".".join(path), path[1]
        problem = self._problem_of(use, path, known)
        if problem is not None:
            place_of(use.node, path).mistake(f"{text}: {problem}")
        elif (problem := problem_of_value(path, use, known[id])) is not None:
            _note(use, path, problem, optional=optional)
        elif not optional and (doubt := self._doubt(use, path, known, steps)) is not None:
            place_of(use.node, path).warning(f"{text}: {doubt}; give a default: ${{{text}:-...}}")

    def _problem_of(self, use: Use, path: Path, known: Mapping[str, Use]) -> str | None:
        """Return why a reference can never have a value, None where it may have one."""
        part, id = path[:2]
        target = known.get(id)
        if target is None:
            return f"no step is called {id!r}{nearest(id, known)}"
        if part == "approvals" and spec_of(target.step.verb) is None:
            return f"the step {id!r} is no approval"
        if part == "waits" and not isinstance(target.step.verb, WaitVerb):
            return f"the step {id!r} is no wait"
        if isinstance(use.step.verb, RepeatVerb) and is_inside(target.step, use.step):
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
        return problem_of_field(path, target.step)

    def _loop_around(self, use: Use, target: Use) -> Step | None:
        """Return the loop in which one step runs and the other does not."""
        for other in self.uses:
            loop = other.step
            loops = isinstance(loop.verb, ForEachVerb | RepeatVerb)
            if loops and is_inside(target.step, loop) and not is_inside(use.step, loop):
                return loop
        return None

    def _doubt(
        self, use: Use, path: Path, known: Mapping[str, Use], steps: Mapping[StepPath, Step]
    ) -> str | None:
        """Return why a value may be missing, None where it is sure to be there."""
        step = known[path[1]].step
        if step.id in str(use.step.path).split("/"):
            return None
        if not self._surely_ran(use, step, steps):
            return f"the step {step.id!r} may not have run"
        waits = path[0] == "waits" and path[2:3] in EVENT_PARTS
        if waits and goes_on_without_event(step, steps):
            return f"the step {step.id!r} may have run out of time without an event"
        return None

    def _surely_ran(self, use: Use, step: Step, steps: Mapping[StepPath, Step]) -> bool:
        if step.id in self.jumped or step.when is not None:
            return False
        if step.id in use.seen:
            return True
        around = steps.get(StepPath("/".join(str(step.path).split("/")[:-2])))
        if around is None or not _runs_all(around, step):
            return False
        return self._surely_ran(use, around, steps)


def _runs_all(around: Step, step: Step) -> bool:
    """Tell whether a step stands in a branch of a parallel step that needs all branches."""
    verb = around.verb
    if not isinstance(verb, ParallelVerb) or around.on_error is not None:
        return False
    return verb.strategy.kind == "all" and str(step.path).split("/")[-2] in verb.branches


def _note(use: Use, path: Path, problem: str, *, optional: bool) -> None:
    """Note a value that is never there: a mistake where the step cannot do without it."""
    place, text = place_of(use.node, path), f"{'.'.join(path)}: {problem}"
    if optional:
        place.warning(text)
    else:
        place.mistake(text)


def _check_outcome(node: Node, asked: Use | None) -> None:
    """Note an outcome that an approval cannot have."""
    spec = spec_of(asked.step.verb) if asked is not None else None
    if spec is None or (isinstance(node.value, str) and "${" in node.value):
        return
    possible = (*spec.outcomes, "expired")
    if node.value not in possible:
        hint = nearest(str(node.value), possible)
        node.mistake(f"{node.value!r} is no outcome of it: {', '.join(possible)}{hint}")


def refuse_steps(node: Node, found: Collection[Path]) -> None:
    """Note references to steps where none has run yet."""
    for path in sorted(found):
        if path[0] in PARTS:
            node.mistake(f"{'.'.join(path)}: no step has run yet when this is read")


def _comes_before(use: Use, other: Use) -> bool:
    """Tell whether a step may have run: the outermost of its enclosing steps comes before."""
    if other.step.id in use.seen or (use.failing and not other.failing):
        return True
    if use.undone and not other.undone:
        return True
    enclosing = str(other.step.path).split("/")[:-1]
    own = str(use.step.path).split("/")
    return any(id in use.seen and id not in own for id in enclosing)
