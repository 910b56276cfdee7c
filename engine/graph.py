"""A definition as a graph: steps as nodes, ways between them as edges, nesting kept."""

from collections.abc import Iterable, Iterator
from typing import Literal

from engine.ids import StepPath
from engine.values import dataclass

Kind = Literal[
    "start",
    "context",
    "condition",
    "allow",
    "block",
    "execute",
    "parallel",
    "wait",
    "approval",
    "for_each",
    "repeat",
    "workflow",
    "join",
    "end",
    "blocked",
    "failed",
]
"""Verbs, and what is no step: where executions begin, are put together again, and end."""
Way = Literal["on", "branch", "aside", "error", "undo", "jump", "loop"]
"""Onwards, into a branch below or beside, after a failure, undoing, past steps, or back."""


@dataclass(frozen=True, slots=True)
class Node:
    """One box of the picture; `path` is that of its step, None for what is no step."""

    id: str
    kind: Kind
    label: str
    detail: str = ""
    about: str = ""
    """Everything worth knowing, in lines."""
    path: StepPath | None = None
    conditional: bool = False
    """Whether the step has a `when`."""


@dataclass(frozen=True, slots=True)
class Edge:
    """One way from node to node."""

    source: str
    target: str
    label: str = ""
    way: Way = "on"


@dataclass(frozen=True, slots=True)
class Branch:
    """Steps that some outcome of a step leads to."""

    label: str
    way: Way
    items: tuple["Item", ...]


@dataclass(frozen=True, slots=True)
class Jump:
    """The way from a step to a later one of its list."""

    label: str
    target: str


@dataclass(frozen=True, slots=True)
class Item:
    """One place of a list of steps: a node with all that hangs on it."""

    node: Node
    on: str | None = ""
    """What is written on the way straight on; None where there is no such way."""
    below: tuple[Branch, ...] = ()
    beside: tuple[Branch, ...] = ()
    join: Node | None = None
    """Where branches that run together end; it makes a frame around them."""
    loop: str | None = None
    """What is written on the way back from the join."""
    jumps: tuple[Jump, ...] = ()


@dataclass(frozen=True, slots=True)
class Frame:
    """The nodes of a step with steps inside, itself among them."""

    id: str
    kind: Kind
    members: frozenset[str]


@dataclass(frozen=True, slots=True)
class Graph:
    """A whole definition."""

    name: str
    description: str
    starts: tuple[Node, ...]
    items: tuple[Item, ...]
    failing: tuple[Item, ...] = ()
    """What runs when a step has failed for good; it begins at a node of its own."""

    @property
    def nodes(self) -> tuple[Node, ...]:
        """Return all nodes, in the order of the definition."""
        return (*self.starts, *_nodes(self.items), *_nodes(self.failing))

    @property
    def edges(self) -> tuple[Edge, ...]:
        """Return all edges, in the order of the definition."""
        edges: list[Edge] = []
        _connect(self.items, [Edge(start.id, "") for start in self.starts], edges)
        _connect(self.failing, [], edges)
        return tuple(edges)

    @property
    def frames(self) -> tuple[Frame, ...]:
        """Return the frames, outer ones first."""
        return tuple(_frames((*self.items, *self.failing)))


def _nodes(items: Iterable[Item]) -> Iterator[Node]:
    for item in items:
        yield item.node
        for branch in item.below:
            yield from _nodes(branch.items)
        if item.join is not None:
            yield item.join
        for branch in item.beside:
            yield from _nodes(branch.items)


def _frames(items: Iterable[Item]) -> Iterator[Frame]:
    for item in items:
        if item.join is not None:
            inside = [node.id for branch in item.below for node in _nodes(branch.items)]
            members = frozenset((item.node.id, *inside, item.join.id))
            yield Frame(item.node.id, item.node.kind, members)
        for branch in (*item.below, *item.beside):
            yield from _frames(branch.items)


def _connect(items: Iterable[Item], begun: list[Edge], edges: list[Edge]) -> list[Edge]:
    """Note the edges of a list; `begun` are those that lead to it, returned are those that leave.

    An edge that has not reached its target yet has an empty one.
    """
    for item in items:
        edges += (_to(edge, item.node) for edge in begun)
        edges += (Edge(item.node.id, j.target, j.label, "jump") for j in item.jumps)
        leaving = [] if item.on is None else [Edge(item.node.id, "", item.on)]
        inside = _connect_branches(item.node, item.below, edges)
        if item.join is None:
            leaving += inside
        elif inside:
            edges += (_to(edge, item.join) for edge in inside)
            leaving.append(Edge(item.join.id, ""))
            if item.loop is not None:
                edges.append(Edge(item.join.id, item.node.id, item.loop, "loop"))
        begun = leaving + _connect_branches(item.node, item.beside, edges)
    return begun


def _connect_branches(node: Node, branches: Iterable[Branch], edges: list[Edge]) -> list[Edge]:
    leaving = []
    for branch in branches:
        found = _connect(branch.items, [Edge(node.id, "", branch.label, branch.way)], edges)
        leaving += found if branch.way != "undo" else []
    return leaving


def _to(edge: Edge, node: Node) -> Edge:
    return Edge(edge.source, node.id, edge.label, edge.way)
