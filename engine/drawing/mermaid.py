"""A graph as the text of a Mermaid flowchart."""

from collections.abc import Iterator, Mapping

from engine.drawing.boxes import CAPTIONS, PILLS
from engine.drawing.style import KINDS
from engine.graph import Edge, Frame, Graph, Node

ESCAPES = {'"': "#quot;", "<": "#lt;", ">": "#gt;", "&": "#amp;"} | {
    letter: f"#{ord(letter)};" for letter in "#`%$"
}
"""Mermaid's own writing of what would end or mark up a text: %%{ is a directive, $$ a formula."""
LONGEST = 60
ARROWS = {"error": "-.->", "undo": "-.->"}


def render_mermaid(graph: Graph) -> str:
    """Return a flowchart; nodes are numbered, for a step's id may be a word of Mermaid's."""
    names = {node.id: f"n{number}" for number, node in enumerate(graph.nodes)}
    nodes = {node.id: node for node in graph.nodes}
    used = dict.fromkeys(node.kind for node in graph.nodes)
    lines = (
        "flowchart TD",
        *_framed(graph, nodes, names),
        *(f"    {_edge(edge, names)}" for edge in graph.edges),
        *(f"    classDef k_{kind} stroke:{KINDS[kind][0]},stroke-width:2px" for kind in used),
    )
    return "\n".join(lines) + "\n"


def _framed(graph: Graph, nodes: Mapping[str, Node], names: Mapping[str, str]) -> Iterator[str]:
    """Yield the nodes, those of a frame inside its subgraph."""
    open_frames: list[Frame] = []
    frames = {frame.id: frame for frame in graph.frames}
    for id, node in nodes.items():
        while open_frames and id not in open_frames[-1].members:
            open_frames.pop()
            yield f"{_indent(open_frames)}end"
        if id in frames:
            yield f'{_indent(open_frames)}subgraph s{names[id]}[" "]'
            open_frames.append(frames[id])
        yield f"{_indent(open_frames)}{names[id]}{_shape(node)}:::k_{node.kind}"
    while open_frames:
        open_frames.pop()
        yield f"{_indent(open_frames)}end"


def _indent(frames: list[Frame]) -> str:
    return "    " * (len(frames) + 1)


def _shape(node: Node) -> str:
    text = _lines(node)
    if node.kind == "join":
        return '((" "))'
    if node.kind in PILLS:
        return f'(["{text}"])'
    return f'{{{{"{text}"}}}}' if node.kind == "condition" else f'["{text}"]'


def _lines(node: Node) -> str:
    if node.kind in PILLS or node.kind == "context":
        second = node.detail
    else:
        second = ": ".join(t for t in (CAPTIONS.get(node.kind, node.kind), node.detail) if t)
    return "<br/>".join(_text(text) for text in (node.label, second) if text)


def _edge(edge: Edge, names: Mapping[str, str]) -> str:
    arrow = ARROWS.get(edge.way, "-->")
    label = f'|"{_text(edge.label)}"|' if edge.label else ""
    return f"{names[edge.source]} {arrow}{label} {names[edge.target]}"


def _text(text: str) -> str:
    short = text if len(text) <= LONGEST else f"{text[: LONGEST - 1].rstrip()}…"
    return "".join(ESCAPES.get(letter, letter) for letter in " ".join(short.split()))
