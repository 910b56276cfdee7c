"""Where boxes and edges of pictures lie: nothing overlaps, and edges join what they should."""

from itertools import combinations, pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.drawing.boxes import DETAIL, LABEL, NOTE, PADDING, text_width
from engine.drawing.layout import Layout, Place, layout_of
from engine.drawing.reading import graph_of
from engine.drawing.routes import Point, route_of
from engine.graph import Edge, Graph
from tests.drawings import FILES, graph_of_file, graph_of_text, unchecked

Area = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def area(place: Place) -> Area:
    half = place.box.width / 2
    return place.x - half, place.y, place.x + half, place.y + place.box.height


def overlap(one: Area, other: Area) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def on_border(point: Point, place: Place) -> bool:
    left, top, right, bottom = area(place)
    x, y = point
    beside = x in (left, right) and top <= y <= bottom
    return beside or (y in (top, bottom) and left <= x <= right)


def pieces(edge: Edge, layout: Layout) -> list[Area]:
    points = route_of(edge, layout).points
    return [
        (min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1]))
        for a, b in pairwise(points)
    ]


def check(graph: Graph) -> None:
    """Check a whole picture."""
    layout = layout_of(graph)
    areas = {id: area(place) for id, place in layout.places.items()}
    assert areas.keys() == {node.id for node in graph.nodes}
    for (one, here), (other, there) in combinations(areas.items(), 2):
        assert not overlap(here, there), (one, other)
    for left, top, right, bottom in areas.values():
        assert left >= 0
        assert top >= 0
        assert right <= layout.width
        assert bottom <= layout.height
    for edge in graph.edges:
        check_edge(edge, layout, areas)
    check_notes(graph, layout, areas)
    check_frames(graph, layout, areas)


def check_edge(edge: Edge, layout: Layout, areas: dict[str, Area]) -> None:
    points = route_of(edge, layout).points
    assert on_border(points[0], layout.places[edge.source]), edge
    assert on_border(points[-1], layout.places[edge.target]), edge
    assert all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise(points)), edge
    for piece in pieces(edge, layout):
        assert piece[0] >= 0
        assert piece[2] <= layout.width
        for id, other in areas.items():
            if id not in (edge.source, edge.target):
                assert not overlap(piece, other), (edge, id)


def note_area(edge: Edge, layout: Layout) -> Area:
    route = route_of(edge, layout)
    width, (x, y) = text_width(edge.label, NOTE), route.note
    left = x - width if route.anchor == "end" else x
    return left, y - NOTE, left + width, y


def check_notes(graph: Graph, layout: Layout, areas: dict[str, Area]) -> None:
    notes = [(edge, note_area(edge, layout)) for edge in graph.edges if edge.label]
    for edge, note in notes:
        assert note[0] >= 0, edge
        assert note[2] <= layout.width, edge
        assert [id for id, other in areas.items() if overlap(note, other)] == [], edge
    for (one, here), (other, there) in combinations(notes, 2):
        assert not overlap(here, there), (one, other)


def check_frames(graph: Graph, layout: Layout, areas: dict[str, Area]) -> None:
    frames = {found.id: found for found in layout.frames}
    assert frames.keys() == {frame.id for frame in graph.frames}
    for frame in graph.frames:
        drawn = frames[frame.id]
        around = (drawn.left, drawn.top, drawn.right, drawn.bottom)
        inside = {id for id, other in areas.items() if overlap(around, other)}
        assert inside == frame.members


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_boxes_do_not_overlap_and_edges_lead_from_box_to_box(path: Any) -> None:
    check(graph_of_file(path))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_texts_fit_into_their_boxes(path: Any) -> None:
    for place in layout_of(graph_of_file(path)).places.values():
        box, room = place.box, place.box.width - PADDING
        assert text_width(box.label, LABEL, bold=True) <= room
        assert all(text_width(line, DETAIL) <= room for line in box.details)


def test_jumps_to_different_steps_run_in_lanes_of_their_own() -> None:
    graph = graph_of_text(
        """
        steps:
          - { id: first, condition: { a: { eq: 1 } }, on_true: third, on_false: last }
          - { id: second, allow: { reason: A reason so long that the box becomes wide } }
          - { id: third, condition: { a: { eq: 1 } }, on_true: last }
          - { id: fourth, allow: {} }
          - { id: last, allow: {} }
        """
    )
    check(graph)
    lanes = layout_of(graph).lanes
    assert lanes[("first", "last")] == lanes[("third", "last")] < lanes[("first", "third")]
    assert lanes[("first", "third")] < area(layout_of(graph).places["second"])[0]


NAMES = [f"s{number}" for number in range(400)]
plain = st.sampled_from(
    [
        {"allow": {"stop": True}},
        {"allow": {}, "when": {"a": {"eq": 1}}},
        {"block": {"code": "no"}},
        {"execute": [{"log": {"message": "x"}}]},
        {"wait": {"event": "a.b", "timeout": "1h"}},
        {"approval": {"title": "t", "anyone": True, "expires_in": "1h"}},
        {"workflow": {"name": "other"}},
    ]
)


def nested(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    steps = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        st.builds(lambda a: {"condition": {"a": {"eq": 1}}, "on_true": a}, steps),
        st.builds(lambda a, b: {"condition": {}, "on_true": a, "on_false": b}, steps, steps),
        st.builds(lambda a: {"condition": {"a": {"eq": 1}}, "on_false": a, "jump": True}, steps),
        st.builds(lambda a: {"execute": [], "on_error": a, "compensate": a[:1]}, steps),
        st.builds(lambda a, b: {"parallel": {"branches": {"a": a, "b": b, "c": a}}}, steps, steps),
        st.builds(lambda a: {"for_each": {"in": "${a}", "steps": a}}, steps),
        st.builds(lambda a, b: {"repeat": {"steps": a, "max": 5}, "on_error": b}, steps, steps),
        st.builds(lambda a, b: {"approval": {}, "on_rejected": a, "on_approved": b}, steps, steps),
        st.builds(lambda a: {"wait": {"event": "a", "timeout": "1h"}, "on_timeout": a}, steps),
    )


def with_ids(value: Any, names: list[str], targets: list[str] | None = None) -> Any:
    """Return steps with ids of their own; one that may jump goes to the last of its list."""
    if isinstance(value, list):
        ids = [names.pop() for _ in value]
        return [
            {"id": id, **with_ids(step, names, ids[number + 1 :])}
            for number, (id, step) in enumerate(zip(ids, value, strict=True))
        ]
    if not isinstance(value, dict):
        return value
    found = {key: with_ids(inner, names) for key, inner in value.items() if key != "jump"}
    if "jump" in value and targets:
        found["on_true"] = targets[-1]
    return found


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.recursive(plain, nested, max_leaves=12), min_size=1, max_size=6))
def test_whatever_is_nested_nothing_overlaps(steps: list[Any]) -> None:
    body = {"name": "any", "trigger": {"event": "a.b"}, "steps": with_ids(steps, list(NAMES))}
    check(graph_of(unchecked(body)))
