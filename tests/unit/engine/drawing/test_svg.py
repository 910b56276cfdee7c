"""The SVG of a definition: well-formed, harmless, the same each time."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from engine.drawing.picture import svg_of
from engine.drawing.style import BOX, INK, KINDS, MARKS, SOFT, stylesheet
from engine.drawing.svg import render_svg
from engine.execution import StepStatus
from engine.ids import StepPath
from tests.drawings import CORPUS, FILES, ROOT, definition_of_file, graph_of_file, unchecked

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert('x')</script> ]]> & \" \0 \ud800 ${a}"
ELEMENTS = {"svg", "title", "desc", "style", "rect", "g", "path", "text"}


def drawn(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text.encode("utf-8"))


def harmless(root: ElementTree.Element) -> None:
    """Check that nothing in a picture runs, links or loads."""
    for element in root.iter():
        assert element.tag.removeprefix(SVG) in ELEMENTS
        for name in element.attrib:
            assert not name.startswith("on")
            assert "href" not in name
            assert name != "style"
    sheet = root.findtext(f"{SVG}style") or ""
    assert "url(" not in sheet
    assert "@import" not in sheet
    assert "@font-face" not in sheet


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_definition_is_drawn_with_all_its_nodes_and_edges(path: Path) -> None:
    graph = graph_of_file(path)
    root = drawn(svg_of(definition_of_file(path)))
    harmless(root)
    groups = root.findall(f"{SVG}g")
    ids = [group.get("data-id") for group in groups if "data-id" in group.attrib]
    assert sorted(map(str, ids)) == sorted(node.id for node in graph.nodes)
    ways = [(g.get("data-from"), g.get("data-to")) for g in groups if "data-from" in g.attrib]
    assert sorted(map(str, ways)) == sorted(str((e.source, e.target)) for e in graph.edges)


def test_it_says_what_it_shows_to_those_who_cannot_see_it() -> None:
    root = drawn(svg_of(definition_of_file(CORPUS / "spec/order-approval.yaml")))
    assert root.get("role") == "img"
    assert [child.tag for child in list(root)[:2]] == [f"{SVG}title", f"{SVG}desc"]
    assert root.findtext(f"{SVG}title") == "order-approval"
    described = root.findtext(f"{SVG}desc") or ""
    assert described.startswith("Small orders pass, larger ones need people")
    assert "Started by order.created. Steps: embargo_check (condition), embargoed" in described
    manager = root.find(f"{SVG}g[@data-path='needs_people/manager']")
    assert manager is not None
    assert "expires in: 24h" in (manager.findtext(f"{SVG}title") or "")


NAMED = ("id", "strategy", "on_true", "on_false")


def hostile(value: Any) -> Any:
    """Return data in which every text is a hostile one, names still different and jumps right."""
    if isinstance(value, dict):
        return {
            name: f"{inner}{HOSTILE}"
            if name in NAMED and isinstance(inner, str)
            else hostile(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [hostile(inner) for inner in value]
    return HOSTILE if isinstance(value, str) else value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_hostile_texts_are_only_texts(path: Path) -> None:
    body = hostile(definition_of_file(path).body)
    svg = svg_of(unchecked(body))
    assert "<script" not in svg
    root = drawn(svg)
    harmless(root)
    assert "<script>alert('x')" in (root.findtext(f"{SVG}title") or "")


def test_a_hostile_status_is_no_class_of_its_own() -> None:
    graph = graph_of_file(CORPUS / "good/smallest.yaml")
    svg = render_svg(graph, {StepPath("done"): '"><script>x'})
    assert "<script" not in svg
    harmless(drawn(svg))


def test_it_is_the_same_each_time_and_in_each_process() -> None:
    path = CORPUS / "spec/everything.yaml"
    code = (
        "import sys, pathlib; from tests.drawings import definition_of_file as d;"
        "from engine.drawing.picture import svg_of; from engine.execution import StepStatus as S;"
        "t = {p: S.COMPLETED for p in list(d(pathlib.Path(sys.argv[1])).steps)[:9]};"
        "sys.stdout.write(svg_of(d(pathlib.Path(sys.argv[1])), t))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code, str(path)],
            env={"PATH": os.environ["PATH"], "PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(texts) == 1


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def test_it_is_readable_on_light_and_on_dark_ground() -> None:
    for ground in (0, 1):
        for colour in (INK, SOFT, *KINDS.values(), *MARKS.values()):
            assert contrast(colour[ground], BOX[ground]) >= 4.5, colour
    assert "color-scheme:light dark" in stylesheet()
    assert "fill:#1c2128;fill:light-dark(#1c2128,#e6edf3)" in stylesheet()


def test_every_class_of_a_picture_has_its_look() -> None:
    definition = definition_of_file(CORPUS / "spec/everything.yaml")
    svg = svg_of(definition, dict.fromkeys(definition.steps, StepStatus.FAILED))
    for kind in set(re.findall(r"kind-([\w]+)", svg)):
        assert f".kind-{kind} " in stylesheet()
    assert MARKS.keys() == set(StepStatus)


def test_a_page_may_bring_the_style_sheet_itself() -> None:
    definition = definition_of_file(CORPUS / "good/smallest.yaml")
    assert "<style>" in svg_of(definition)
    assert "<style>" not in svg_of(definition, styled=False)


# S198
def test_a_status_is_told_by_a_sign_and_in_words_not_by_colour_alone() -> None:
    taken = {StepPath("embargo_check"): StepStatus.COMPLETED, StepPath("accept"): StepStatus.FAILED}
    root = drawn(svg_of(definition_of_file(CORPUS / "spec/order-approval.yaml"), taken))
    described = root.findtext(f"{SVG}desc") or ""
    for id, sign, word in (("embargo_check", "✓", "completed"), ("accept", "✕", "failed")):
        [node] = [group for group in root.findall(f"{SVG}g") if group.get("data-id") == id]
        assert [
            text.text for text in node.findall(f"{SVG}text") if text.get("class") == "glyph"
        ] == [sign]
        assert (node.findtext(f"{SVG}title") or "").endswith(f"\n{word}")
        assert f"{id} (" in described
        assert f", {word})" in described
    pale = root.find(f"{SVG}g[@data-id='done']")
    assert pale is not None
    assert pale.find(f"{SVG}text[@class='glyph']") is None
