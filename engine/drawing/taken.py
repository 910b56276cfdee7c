"""Which edges an execution took, and where it ended, as far as the marks of nodes tell."""

from collections.abc import Collection, Iterable, Mapping

from engine.execution import Status
from engine.graph import Edge, Graph, Kind
from engine.ids import StepPath

UNTOUCHED = frozenset({"pending", "not_taken"})
INWARD = ("branch", "aside", "error")
END: Mapping[Status, Kind] = {
    Status.COMPLETED: "end",
    Status.BLOCKED: "blocked",
    Status.FAILED: "failed",
}


def passed_by(graph: Graph, marks: Mapping[StepPath, str]) -> set[str]:
    """Return the ids of the nodes that an execution came by.

    A mark names a node by its id, which of a step is its path. A join counts as passed where its
    step is completed.
    """
    passed: set[str] = {str(path) for path, mark in marks.items() if mark not in UNTOUCHED}
    if not passed:
        return passed
    passed |= {node.id for node in graph.starts if len(graph.starts) == 1}
    passed |= {node.id for node in graph.nodes if node.kind == "context"}
    if any(edge.source == ":on_error" and edge.target in passed for edge in graph.edges):
        passed.add(":on_error")
    return passed | {join for join, step in _joins(graph) if marks.get(step) == "completed"}


def _joins(graph: Graph) -> Iterable[tuple[str, StepPath]]:
    joins = (node.id for node in graph.nodes if node.kind == "join")
    return ((join, StepPath(join.removesuffix(":join"))) for join in joins)


def _leaving(graph: Graph) -> dict[str, list[Edge]]:
    leaving: dict[str, list[Edge]] = {}
    for edge in graph.edges:
        leaving.setdefault(edge.source, []).append(edge)
    return leaving


def taken_edges(graph: Graph, marks: Mapping[StepPath, str]) -> frozenset[Edge]:
    """Return the edges between nodes that an execution came by."""
    passed = passed_by(graph, marks)
    order = {node.id: number for number, node in enumerate(graph.nodes)}
    leaving = _leaving(graph)
    taken: set[Edge] = set()
    for id in passed & order.keys():
        taken |= _taken(leaving.get(id, []), passed, order)
    return frozenset(taken)


def _taken(edges: list[Edge], passed: Collection[str], order: Mapping[str, int]) -> set[Edge]:
    reached = [edge for edge in edges if edge.target in passed]
    undone = {edge for edge in reached if edge.way == "undo"}
    inward = {edge for edge in reached if edge.way in INWARD}
    onward = [edge for edge in reached if edge.way in ("on", "jump")]
    if inward or not onward:
        return inward | undone
    # What lies between a step and a later one that was reached may have been reached from there.
    return {min(onward, key=lambda edge: order[edge.target])} | undone


def ends(graph: Graph, marks: Mapping[StepPath, str], status: Status | None) -> dict[StepPath, str]:
    """Return the marks of the ends that an execution with this status came to.

    An end was reached from a step that was passed and led nowhere else.
    """
    kind = END.get(status) if status is not None else None
    passed = passed_by(graph, marks)
    kinds = {node.id: node.kind for node in graph.nodes}
    found: dict[StepPath, str] = {}
    for source, edges in _leaving(graph).items():
        onward = [edge.target for edge in edges if edge.way not in ("undo", "loop")]
        if source in passed and not any(target in passed for target in onward):
            mark = "failed" if kind == "failed" else "completed"
            found |= {StepPath(target): mark for target in onward if kinds[target] == kind}
    return found
