"""A graph as SVG."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

from engine.drawing.boxes import LINE, PADDING, PILLS, STRIPE
from engine.drawing.layout import Layout, Place, Rect, layout_of
from engine.drawing.routes import Point, Route, route_of
from engine.drawing.style import GLYPHS, stylesheet
from engine.drawing.taken import UNTOUCHED, taken_edges
from engine.graph import Edge, Graph, Node
from engine.ids import StepPath

ROUND = 7.0
"""Radius of the corners of edges."""
BADGE = 15.0
NAMED = 'class="sluicegate-graph" role="img"'
ALWAYS = ("start", "context", "join")
"""Kinds of nodes that are never shown as passed by."""
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that no XML document may hold."""
_NO_CLASS = re.compile(r"[^a-z0-9_-]+")


def render_svg(
    graph: Graph, marks: Mapping[StepPath, str] | None = None, *, styled: bool = True
) -> str:
    """Return a picture of a graph; `marks` are the statuses of nodes, by their ids.

    Without `styled` the page that shows it brings `engine.drawing.style.stylesheet()` itself.
    """
    marks = marks or {}
    layout = layout_of(graph)
    size = f'width="{_number(layout.width)}" height="{_number(layout.height)}"'
    seen = f'viewBox="0 0 {_number(layout.width)} {_number(layout.height)}"'
    parts = (
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {seen} {NAMED}>',
        f"<title>{_text(graph.name)}</title>",
        f"<desc>{_text(_described(graph, marks))}</desc>",
        f"<style>\n{stylesheet()}\n</style>" if styled else "",
        f'<rect class="ground" {size}/>',
        *map(_frame, layout.frames),
        *_edges(graph, layout, marks),
        *(_node(place, marks) for place in layout.places.values()),
        "</svg>",
    )
    return "\n".join(part for part in parts if part) + "\n"


def _described(graph: Graph, marks: Mapping[StepPath, str]) -> str:
    """Return the picture in words, for those who cannot see it."""
    starts = " or ".join(start.label for start in graph.starts)
    steps = (_step_text(node, marks) for node in graph.nodes if node.path)
    begun = f"Started by {starts}. " if starts else ""
    return f"{graph.description} {begun}Steps: {', '.join(steps)}.".lstrip()


def _step_text(node: Node, marks: Mapping[StepPath, str]) -> str:
    mark = marks.get(StepPath(node.id))
    kind = node.kind.replace("_", " ")
    return f"{node.label} ({kind})" if mark is None else f"{node.label} ({kind}, {mark})"


def _text(text: str) -> str:
    return escape(_FORBIDDEN.sub("\ufffd", text))


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _class(word: str) -> str:
    return _NO_CLASS.sub("-", word.lower())


def _frame(frame: Rect) -> str:
    size = frame.right - frame.left, frame.bottom - frame.top
    around = _rect(frame.left, frame.top, *size)
    return f'<rect class="frame frame-{frame.kind}" rx="10" {around}/>'


def _rect(x: float, y: float, width: float, height: float) -> str:
    return f'x="{_number(x)}" y="{_number(y)}" width="{_number(width)}" height="{_number(height)}"'


def _edges(graph: Graph, layout: Layout, marks: Mapping[StepPath, str]) -> Iterator[str]:
    """Yield the edges, those that were taken last and so on top."""
    taken = taken_edges(graph, marks)
    for edge in sorted(graph.edges, key=lambda edge: edge in taken):
        status = " taken" if edge in taken else " untouched" if marks else ""
        yield _edge(edge, route_of(edge, layout), status)


def _edge(edge: Edge, route: Route, status: str) -> str:
    x, y = route.note
    note = ""
    if edge.label:
        at = f'x="{_number(x)}" y="{_number(y)}" text-anchor="{route.anchor}"'
        note = f'<text class="note" {at}>{_text(edge.label)}</text>'
    return (
        f'<g class="edge way-{edge.way}{status}" data-from="{_text(edge.source)}" '
        f'data-to="{_text(edge.target)}"><path class="line" d="{_line(route.points)}"/>'
        f'<path class="head" d="{_head(route.points)}"/>{note}</g>'
    )


def _line(points: Sequence[Point]) -> str:
    """Return a path whose corners are rounded."""
    written = [f"M{_at(points[0])}"]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        written.append(f"L{_at(_towards(corner, before))}")
        written.append(f"Q{_at(corner)} {_at(_towards(corner, after))}")
    return "".join((*written, f"L{_at(points[-1])}"))


def _at(point: Point) -> str:
    return f"{_number(point[0])},{_number(point[1])}"


def _towards(corner: Point, other: Point) -> Point:
    """Return the point on the way from a corner where its rounding begins."""
    across, down = other[0] - corner[0], other[1] - corner[1]
    length = abs(across) + abs(down)
    share = min(ROUND, length / 2) / length if length else 0.0
    return corner[0] + across * share, corner[1] + down * share


def _head(points: Sequence[Point]) -> str:
    """Return an arrow head at the end of a path, whose last piece runs along an axis."""
    (x, y), (from_x, from_y) = points[-1], points[-2]
    across, down = _sign(x - from_x), _sign(y - from_y)
    left = (x - 7 * across + 3.5 * down, y - 7 * down + 3.5 * across)
    right = (x - 7 * across - 3.5 * down, y - 7 * down - 3.5 * across)
    return f"M{_at((x, y))}L{_at(left)}L{_at(right)}Z"


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _node(place: Place, marks: Mapping[StepPath, str]) -> str:
    node = place.box.node
    mark = marks.get(StepPath(node.id))
    classes = [f"node kind-{node.kind}"]
    classes += ["conditional"] if node.conditional else []
    classes += [f"mark-{_class(mark)}"] if mark is not None else []
    is_passed = node.kind in ALWAYS or (mark is not None and mark not in UNTOUCHED)
    classes += ["untouched"] if marks and not is_passed else []
    path = f' data-path="{_text(node.path)}"' if node.path is not None else ""
    told = "\n".join(filter(None, (node.about, mark)))
    title = f"<title>{_text(told)}</title>" if told else ""
    inner = "".join((_shape(place), *_texts(place), _badge(place, mark)))
    return f'<g class="{" ".join(classes)}" data-id="{_text(node.id)}"{path}>{title}{inner}</g>'


def _badge(place: Place, mark: str | None) -> str:
    """Return the sign of a status, on the corner of a box."""
    glyph = GLYPHS.get(mark or "")
    if glyph is None or place.box.node.kind == "join":
        return ""
    x, y = place.x + place.box.width / 2 - 4, place.y + 3
    around = _rect(x - BADGE / 2, y - BADGE / 2, BADGE, BADGE)
    at = f'x="{_number(x)}" y="{_number(y + 4)}" text-anchor="middle"'
    return (
        f'<rect class="badge" rx="{_number(BADGE / 2)}" {around}/>'
        f'<text class="glyph" {at}>{glyph}</text>'
    )


def _shape(place: Place) -> str:
    kind, width, height = place.box.node.kind, place.box.width, place.box.height
    left = place.x - width / 2
    if kind == "condition":
        return f'<path class="shape" d="{_hexagon(left, place.y, width, height)}"/>'
    radius = height / 2 if kind in PILLS or kind == "join" else 6
    around = _rect(left, place.y, width, height)
    shape = f'<rect class="shape" rx="{_number(radius)}" {around}/>'
    if kind in PILLS or kind == "join":
        return shape
    stripe = _rect(left + 4, place.y + 5, 3, height - 10)
    return f'{shape}<rect class="stripe" rx="1.5" {stripe}/>'


def _hexagon(left: float, top: float, width: float, height: float) -> str:
    cut, right, bottom = 9.0, left + width, top + height
    middle = top + height / 2
    corners = (
        (left, middle),
        (left + cut, top),
        (right - cut, top),
        (right, middle),
        (right - cut, bottom),
        (left + cut, bottom),
    )
    return "M" + "L".join(map(_at, corners)) + "Z"


def _texts(place: Place) -> Iterable[str]:
    box = place.box
    is_pill = box.node.kind in PILLS
    x = place.x if is_pill else place.x - box.width / 2 + PADDING + STRIPE / 2
    anchor = ' text-anchor="middle"' if is_pill else ""
    lines = [("caption", box.caption), ("label", box.label), *(("detail", d) for d in box.details)]
    y = place.y + (4.0 if is_pill else 5.0)
    for name, line in lines:
        if line:
            y += LINE
            at = f'x="{_number(x)}" y="{_number(y - 2)}"{anchor}'
            yield f'<text class="{name}" {at}>{_text(line)}</text>'
