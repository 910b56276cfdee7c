"""Which steps and branches of a workflow its tests went through."""

from collections.abc import Iterable, Iterator
from typing import assert_never

from engine.course import defined_path
from engine.definition import (
    AllowVerb,
    ApprovalSpec,
    ApprovalVerb,
    BlockVerb,
    ConditionVerb,
    Definition,
    EventsWait,
    EventWait,
    ExecuteVerb,
    ForEachVerb,
    ParallelVerb,
    RepeatVerb,
    Step,
    WaitVerb,
    WorkflowVerb,
)
from engine.effects import Announce, CloseWait, Effect, RecordStep
from engine.execution import StepStatus
from engine.ids import StepPath
from engine.rehearsal import Happening, visited

Branch = tuple[StepPath, str]
"""A step and the name of one way that leads on from it, as definitions write it."""


def branches_of(step: Step) -> Iterator[str]:
    """Yield the ways that lead on from a step, if there is more than one."""
    if step.when is not None:
        yield "when: false"
    match step.verb:
        case ConditionVerb():
            yield from ("on_true", "on_false")
        case ApprovalVerb(spec):
            yield from _of_approval(spec)
        case BlockVerb(approval=spec):
            if spec is not None:
                yield from _of_approval(spec)
        case WaitVerb(what):
            if isinstance(what, EventWait | EventsWait):
                yield "event"
                events = what.events if isinstance(what, EventsWait) else (what,)
                if any(event.timeout is not None for event in events):
                    yield "on_timeout"
        case AllowVerb() | ExecuteVerb() | WorkflowVerb():
            pass
        case ParallelVerb() | ForEachVerb() | RepeatVerb():
            pass
        case _:
            assert_never(step.verb)
    if step.on_error is not None:
        yield "on_error"


def _of_approval(spec: ApprovalSpec) -> Iterator[str]:
    yield from (outcome_branch(outcome) for outcome in spec.outcomes)
    if spec.expires_in is not None or spec.expires_at is not None:
        yield outcome_branch("expired")


def outcome_branch(outcome: str) -> str:
    """Return the name of an outcome's branch."""
    fixed = outcome in ("approved", "rejected", "expired")
    return f"on_{outcome}" if fixed else f"on.{outcome}"


class Coverage:
    """Steps and branches of one workflow, and which of them were run and taken so far."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._run: set[StepPath] = set()
        self._taken: set[Branch] = set()
        self.branches: list[Branch] = [
            (path, name) for path, step in definition.steps.items() for name in branches_of(step)
        ]

    @property
    def workflow(self) -> str:
        """Name of the workflow."""
        return self._definition.name

    def note(self, happened: Iterable[Happening]) -> None:
        """Add what one test went through."""
        happened = list(happened)
        for record in visited(happened):
            defined = defined_path(self._definition, record.path)
            if defined is not None:
                self._run.add(defined)
        for happening in happened:
            for path, name in _taken(happening.effect):
                defined = defined_path(self._definition, path)
                if defined is not None:
                    self._taken.add((defined, name))

    @property
    def not_run(self) -> list[StepPath]:
        """The steps that no test entered."""
        return [path for path in self._definition.steps if path not in self._run]

    @property
    def not_taken(self) -> list[Branch]:
        """The branches that no test took."""
        return [branch for branch in self.branches if branch not in self._taken]

    @property
    def percent(self) -> float:
        """Steps run and branches taken, as a share of all."""
        total = len(self._definition.steps) + len(self.branches)
        return 100 * (1 - (len(self.not_run) + len(self.not_taken)) / total)

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON shows it; the keys are a contract."""
        not_run, not_taken = self.not_run, self.not_taken
        return {
            "workflow": self.workflow,
            "percent": round(self.percent, 1),
            "steps": {
                "run": [path for path in self._definition.steps if path not in not_run],
                "not_run": not_run,
            },
            "branches": {
                "taken": [_named(branch) for branch in self.branches if branch not in not_taken],
                "not_taken": [_named(branch) for branch in not_taken],
            },
        }

    def lines(self) -> Iterator[str]:
        """Yield it as text: the share, then what is missing."""
        steps, branches = len(self._definition.steps), len(self.branches)
        run, taken = steps - len(self.not_run), branches - len(self.not_taken)
        parts = f"steps {run}/{steps}, branches {taken}/{branches}"
        yield f"{self.workflow}: {self.percent:.0f} % covered ({parts})"
        yield from (f"  step not run: {path}" for path in self.not_run)
        yield from (f"  branch not taken: {_named(branch)}" for branch in self.not_taken)


def _named(branch: Branch) -> str:
    return f"{branch[0]}: {branch[1]}"


def _taken(effect: Effect) -> Iterator[Branch]:
    """Yield the branches that an effect shows to be taken."""
    match effect:
        case RecordStep(status=StepStatus.COMPLETED, step_type="condition"):
            output = effect.output
            if isinstance(output, dict):
                yield effect.path, "on_true" if output["result"] else "on_false"
        case Announce(kind="step.skipped", step_path=path) if path is not None:
            yield path, "when: false"
        case Announce(kind="step.failed", step_path=path) if path is not None:
            yield path, "on_error"
        case CloseWait(wait, outcome) if wait.kind == "approval":
            yield wait.path, outcome_branch(outcome)
        case CloseWait(wait, "received"):
            yield wait.path, "event"
        case CloseWait(wait, "expired"):
            yield wait.path, "on_timeout"
        case _:
            pass
