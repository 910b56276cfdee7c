"""How edges run: straight pieces between nodes, with the place of what is written on them."""

from typing import Literal

from engine.drawing.layout import LANE, Layout, Place
from engine.graph import Edge
from engine.values import dataclass

Point = tuple[float, float]
FORK, MERGE = 16.0, 22.0
"""Where edges bend: below the node that they leave, above the one that they reach."""


@dataclass(frozen=True, slots=True)
class Route:
    """The corners of an edge, and its note."""

    points: tuple[Point, ...]
    note: Point
    anchor: Literal["start", "end"] = "start"


def route_of(edge: Edge, layout: Layout) -> Route:
    """Return how an edge runs."""
    source, target = layout.places[edge.source], layout.places[edge.target]
    match edge.way:
        case "on":
            note = (source.x + 7, _bottom(source) + 14)
            return Route(_down(source, target, _above(target, layout)), note)
        case "branch":
            points = _down(source, target, _bottom(source) + FORK)
            return Route(points, (target.x + 7, _top(target, layout) - 8))
        case "jump":
            return _past(edge, source, target, layout)
        case "loop":
            return _back(source, target, layout)
        case _:
            level = _middle(source)
            corner = (target.x, level)
            points = ((source.x + source.box.width / 2, level), corner, (target.x, target.y))
            return Route(points, (target.x + 7, _top(target, layout) - 8))


def _middle(place: Place) -> float:
    return place.y + place.box.height / 2


def _bottom(place: Place) -> float:
    return place.y + place.box.height


def _above(target: Place, layout: Layout) -> float:
    """Return where the edges bend that come together above a node, or above its frame."""
    top = _top(target, layout)
    return top - (MERGE if top == target.y else LANE)


def _top(target: Place, layout: Layout) -> float:
    frame = next((f for f in layout.frames if f.id == target.box.node.id), None)
    return target.y if frame is None else frame.top


def _down(source: Place, target: Place, bend: float) -> tuple[Point, ...]:
    start, end = (source.x, _bottom(source)), (target.x, target.y)
    if source.x == target.x:
        return (start, end)
    return (start, (source.x, bend), (target.x, bend), end)


def _past(edge: Edge, source: Place, target: Place, layout: Layout) -> Route:
    """Return the way by a lane to the left; the second of two from one node leaves lower."""
    lane = layout.lanes[(edge.source, edge.target)]
    others = [way for (begin, _), way in layout.lanes.items() if begin == edge.source]
    lower = len(others) > 1 and lane == max(others)
    left = source.x - source.box.width / 2
    start = _middle(source) + ((9.0 if lower else -9.0) if len(others) > 1 else 0.0)
    end = _middle(target)
    points = ((left, start), (lane, start), (lane, end), (target.x - target.box.width / 2, end))
    return Route(points, (left - 7, start + (14 if lower else -5)), "end")


def _back(source: Place, target: Place, layout: Layout) -> Route:
    frame = next(f for f in layout.frames if f.id == target.box.node.id)
    lane, start = frame.right - LANE, _middle(source)
    right, end = source.x + source.box.width / 2, target.y + target.box.height / 4
    points = ((right, start), (lane, start), (lane, end), (target.x + target.box.width / 2, end))
    return Route(points, (right + 8, start - 6))
