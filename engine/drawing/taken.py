"""Which edges an execution took, as far as the marks of nodes tell."""

from collections.abc import Collection, Mapping

from engine.graph import Edge, Graph
from engine.ids import StepPath

UNTOUCHED = frozenset({"pending", "not_taken"})
INWARD = ("branch", "aside", "error")


def taken_edges(graph: Graph, marks: Mapping[StepPath, str]) -> frozenset[Edge]:
    """Return the edges between nodes that an execution came by.

    A mark names a node by its id, which of a step is its path. Ends and joins may be marked too;
    a join counts as passed where what follows it was reached.
    """
    passed: set[str] = {str(path) for path, mark in marks.items() if mark not in UNTOUCHED}
    if passed:
        passed |= {node.id for node in graph.starts if len(graph.starts) == 1}
        passed |= {node.id for node in graph.nodes if node.kind == "context"}
    order = {node.id: number for number, node in enumerate(graph.nodes)}
    leaving: dict[str, list[Edge]] = {}
    for edge in graph.edges:
        leaving.setdefault(edge.source, []).append(edge)
    joins = [node.id for node in graph.nodes if node.kind == "join"]
    # Inner joins come before the outer ones that they lead to, so look at the last one first.
    for join in reversed(joins):
        if any(edge.target in passed for edge in leaving.get(join, ()) if edge.way == "on"):
            passed.add(join)
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
