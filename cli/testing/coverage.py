"""Which steps and branches of a workflow its tests went through."""

from collections.abc import Iterable, Iterator

from cli.testing.ways import path_of, taken, ways_of
from engine.course import defined_path
from engine.definition import Definition
from engine.ids import StepPath
from engine.rehearsed import Happening, visited

Branch = tuple[StepPath, str]
"""A step and the name of one way that leads on from it, as definitions write it."""


class Coverage:
    """Steps and branches of one workflow, and which of them were run and taken so far."""

    def __init__(self, definition: Definition) -> None:
        self._definition = definition
        self._run: set[StepPath] = set()
        self._taken: set[Branch] = set()
        self.branches: list[Branch] = [
            (path, name) for path, step in definition.steps.items() for name in ways_of(step)
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
            path = path_of(happening.effect)
            defined = defined_path(self._definition, path) if path is not None else None
            if defined is not None:
                step = self._definition.steps[defined]
                self._taken.update((defined, name) for name in taken(happening.effect, step))

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
