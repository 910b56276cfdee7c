"""The Mermaid text of a definition, by its structure."""

import re
from pathlib import Path

import pytest

from engine.drawing.picture import mermaid_of
from tests.drawings import CORPUS, FILES, definition_of_file, graph_of_file, unchecked
from tests.unit.engine.drawing.test_svg import hostile

TEXT = r'"[^"<>`\n]*(?:<br/>[^"<>`\n]*)?"'
NODE = re.compile(
    rf"(n\d+)(?:\[{TEXT}\]|\(\[{TEXT}\]\)|\(\({TEXT}\)\)|\{{\{{{TEXT}\}}\}}):::(k_\w+)"
)
EDGE = re.compile(rf"(n\d+) (?:-->|-\.->)(?:\|{TEXT}\|)? (n\d+)")
CLASS = re.compile(r"classDef (k_\w+) stroke:#[0-9a-f]{6},stroke-width:2px")


def read(text: str) -> tuple[dict[str, str], list[tuple[str, str]], set[str]]:
    """Return the nodes with their classes, the edges, and the classes; frames must be closed."""
    nodes: dict[str, str] = {}
    edges: list[tuple[str, str]] = []
    classes: set[str] = set()
    depth = 0
    first, *lines = text.splitlines()
    assert first == "flowchart TD"
    for line in map(str.strip, lines):
        if node := NODE.fullmatch(line):
            assert node[1] not in nodes
            nodes[node[1]] = node[2]
        elif edge := EDGE.fullmatch(line):
            edges.append((edge[1], edge[2]))
        elif found := CLASS.fullmatch(line):
            classes.add(found[1])
        elif re.fullmatch(r'subgraph sn\d+\[" "\]', line):
            depth += 1
        else:
            assert line == "end", line
            depth -= 1
        assert depth >= 0
    assert depth == 0
    return nodes, edges, classes


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_has_the_nodes_edges_and_frames_of_the_graph(path: Path) -> None:
    graph = graph_of_file(path)
    text = mermaid_of(definition_of_file(path))
    nodes, edges, classes = read(text)
    names = {node.id: f"n{number}" for number, node in enumerate(graph.nodes)}
    assert nodes == {names[node.id]: f"k_{node.kind}" for node in graph.nodes}
    assert edges == [(names[edge.source], names[edge.target]) for edge in graph.edges]
    assert set(nodes.values()) == classes
    assert text.count("subgraph ") == len(graph.frames)


def test_the_nodes_of_a_frame_stand_inside_it() -> None:
    graph = graph_of_file(CORPUS / "good/branches.yaml")
    names = {f"n{number}": node.id for number, node in enumerate(graph.nodes)}
    found: dict[str, set[str]] = {}
    around: list[str] = []
    for line in mermaid_of(definition_of_file(CORPUS / "good/branches.yaml")).splitlines():
        if opened := re.search(r"subgraph s(n\d+)", line):
            around.append(names[opened[1]])
        elif line.strip() == "end":
            around.pop()
        elif node := NODE.fullmatch(line.strip()):
            for frame in around:
                found.setdefault(frame, set()).add(names[node[1]])
    assert found == {frame.id: set(frame.members) for frame in graph.frames}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_hostile_texts_cannot_leave_their_quotes(path: Path) -> None:
    text = mermaid_of(unchecked(hostile(definition_of_file(path).body)))
    assert "<script" not in text
    read(text)


@pytest.mark.parametrize(
    "text", ['%%{init: {"theme": "dark"}}%%', "%%{init: {theme: dark}}%%", "%%{wrap}%%", "$$x^2$$"]
)
def test_a_label_is_neither_a_directive_nor_a_formula(text: str) -> None:
    # Mermaid looks for both in the whole text, inside quotes too: the label would be gone.
    body = {
        "name": "odd",
        "trigger": {"event": text},
        "steps": [{"id": "end", "block": {"code": "odd", "reason": text}}],
    }
    drawn = mermaid_of(unchecked(body))
    assert not re.search(r"%%|\$\$", drawn)
    read(drawn)
