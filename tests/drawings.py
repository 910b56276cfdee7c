"""Graphs of definition files, also of those that the loader does not take yet."""

from pathlib import Path
from textwrap import dedent
from typing import Any

from config.documents import parse_document
from engine.definition import Definition
from engine.drawing.reading import graph_of
from engine.graph import Edge, Graph
from engine.ids import StepPath

ROOT = Path(__file__).parent.parent
CORPUS = ROOT / "tests/corpus/definition"
FOLDERS = (CORPUS / "good", CORPUS / "spec", ROOT / "examples")
FILES = sorted(p for folder in FOLDERS for p in folder.iterdir() if p.stem != "resources")
HEAD = "name: drawn\ntrigger: { event: thing.made }\n"


def graph_of_body(body: dict[str, Any]) -> Graph:
    """Return the graph of a definition as data."""
    return graph_of(
        Definition(
            name=body["name"],
            steps={},
            first=StepPath(""),
            triggers=(),
            description=body.get("description", ""),
            body=body,
        )
    )


def graph_of_file(path: Path) -> Graph:
    """Return the graph of a definition file."""
    return graph_of_body(parse_document(path.read_text("utf-8"))[0])


def graph_of_text(text: str) -> Graph:
    """Return the graph of a definition; a name and a trigger stand before the text."""
    return graph_of_body(parse_document(HEAD + dedent(text))[0])


def ways(graph: Graph, source: str) -> dict[str, str]:
    """Return where the edges of a node lead to, by what is written on them."""
    return {edge.label: edge.target for edge in graph.edges if edge.source == source}


def edge(graph: Graph, source: str, target: str) -> Edge:
    """Return the edge between two nodes."""
    return next(e for e in graph.edges if (e.source, e.target) == (source, target))
