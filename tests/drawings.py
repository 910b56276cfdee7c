"""Graphs of definition files, and of definitions as text or data."""

from pathlib import Path
from textwrap import dedent
from typing import Any

from actions.definitions import definition_files, read_definition
from config.documents import parse_document
from engine.definition import Definition
from engine.drawing.reading import graph_of
from engine.graph import Edge, Graph
from engine.ids import StepPath

ROOT = Path(__file__).parent.parent
CORPUS = ROOT / "tests/corpus/definition"
FOLDERS = (
    CORPUS / "good",
    CORPUS / "spec",
    ROOT / "examples",
    ROOT / "tests/acceptance/definitions",
)
FILES = [path for folder in FOLDERS for path in definition_files(folder)]
HEAD = "name: drawn\ntrigger: { event: thing.made }\n"


def definition_of_file(path: Path) -> Definition:
    """Return the definition of a file."""
    return read_definition(path.read_text("utf-8"), file=path.name)


def definition_of(text: str) -> Definition:
    """Return a checked definition; a name and a trigger stand before the text."""
    return read_definition(HEAD + dedent(text), file="drawn.yaml")


def unchecked(body: dict[str, Any]) -> Definition:
    """Return a definition as data, whatever stands in it."""
    return Definition(
        name=body["name"],
        steps={},
        first=StepPath(""),
        triggers=(),
        description=body.get("description", ""),
        body=body,
    )


def graph_of_file(path: Path) -> Graph:
    """Return the graph of a definition file."""
    return graph_of(definition_of_file(path))


def graph_of_text(text: str) -> Graph:
    """Return the graph of a definition; a name and a trigger stand before the text."""
    return graph_of(unchecked(parse_document(HEAD + dedent(text))[0]))


def ways(graph: Graph, source: str) -> dict[str, str]:
    """Return where the edges of a node lead to, by what is written on them."""
    return {edge.label: edge.target for edge in graph.edges if edge.source == source}


def edge(graph: Graph, source: str, target: str) -> Edge:
    """Return the edge between two nodes."""
    return next(e for e in graph.edges if (e.source, e.target) == (source, target))
