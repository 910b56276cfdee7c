"""Pictures of definitions, and of the way that an execution took through one."""

from collections.abc import Iterable, Mapping

from engine.course import defined_path
from engine.definition import Definition
from engine.drawing.mermaid import render_mermaid
from engine.drawing.reading import graph_of
from engine.drawing.svg import render_svg
from engine.drawing.taken import ends
from engine.execution import Status, StepStatus
from engine.ids import StepPath

LOUDEST = (
    StepStatus.WAITING,
    StepStatus.RUNNING,
    StepStatus.FAILED,
    StepStatus.COMPLETED,
    StepStatus.SKIPPED,
    StepStatus.PENDING,
)
"""Which status a step of a loop shows that has several: what is still under way comes first."""


def svg_of(
    definition: Definition,
    taken: Mapping[StepPath, StepStatus] | None = None,
    *,
    status: Status | None = None,
    styled: bool = True,
) -> str:
    """Return the picture of a definition as SVG.

    `taken` are the steps of an execution by their paths as executed, `status` is its own: what it
    passed is marked, the rest is pale. A page whose policy forbids styles in line passes
    `styled=False` and serves `engine.drawing.style.stylesheet()` itself.
    """
    graph = graph_of(definition)
    marks = _marks(definition, taken or {})
    return render_svg(graph, marks | ends(graph, marks, status), styled=styled)


def mermaid_of(definition: Definition) -> str:
    """Return the text of a definition's Mermaid flowchart."""
    return render_mermaid(graph_of(definition))


def _marks(definition: Definition, taken: Mapping[StepPath, StepStatus]) -> dict[StepPath, str]:
    found: dict[StepPath, list[StepStatus]] = {}
    for path, status in taken.items():
        defined = defined_path(definition, path)
        if defined is not None:
            found.setdefault(defined, []).append(status)
    return {path: _loudest(statuses) for path, statuses in found.items()}


def _loudest(statuses: Iterable[StepStatus]) -> str:
    return min(statuses, key=LOUDEST.index).value
