"""Where nodes stand: lists of steps run downwards, branches stand below or beside their step.

A block is what an item or a list takes up. Its axis is the line by which the flow enters above and
leaves below; all places are relative to where the axis begins, until `placed` moves them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field

from engine.drawing.boxes import NOTE, Box, box_of, text_width, widest_of
from engine.graph import Branch, Graph, Item
from engine.values import dataclass

ROW = 46.0
"""From a node to the next: room for a bend and for what is written on the edge."""
SIDE = 26.0
"""From the bottom of a node to the branches beside it."""
GAP = 22.0
"""Between neighbours."""
LANE = 14.0
"""Between jumps that pass the same steps."""
INSET, LOOP = 16.0, 20.0
"""Of a frame: around what it holds, and for the way back."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a box stands: the middle of its upper edge."""

    box: Box
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Rect:
    """The frame of a step with steps inside."""

    id: str
    kind: str
    left: float
    top: float
    right: float
    bottom: float


@dataclass(slots=True)
class Block:
    """Places and frames, with how far they reach from the axis."""

    left: float = 0.0
    right: float = 0.0
    height: float = 0.0
    places: list[Place] = field(default_factory=list)
    frames: list[Rect] = field(default_factory=list)
    lanes: dict[tuple[str, str], float] = field(default_factory=dict)
    """Where jumps run down: by source and target, the distance from the axis."""

    def take(self, other: "Block", x: float, y: float) -> None:
        """Take in another block, its axis at x, its top at y."""
        self.places += (Place(p.box, p.x + x, p.y + y) for p in other.places)
        self.frames += (
            Rect(f.id, f.kind, f.left + x, f.top + y, f.right + x, f.bottom + y)
            for f in other.frames
        )
        self.lanes |= {way: lane + x for way, lane in other.lanes.items()}
        self.left = max(self.left, other.left - x)
        self.right = max(self.right, other.right + x)
        self.height = max(self.height, other.height + y)


@dataclass(frozen=True, slots=True)
class Layout:
    """A whole picture: every place counted from its upper left corner."""

    width: float
    height: float
    places: Mapping[str, Place]
    frames: tuple[Rect, ...]
    lanes: Mapping[tuple[str, str], float]


MARGIN = 18.0


def layout_of(graph: Graph) -> Layout:
    """Return where everything stands."""
    whole = _starts(graph)
    main = _list(graph.items)
    whole.take(main, 0.0, whole.height + ROW)
    if graph.failing:
        failing = _list(graph.failing)
        whole.take(failing, whole.right + 2 * GAP + failing.left, 0.0)
    return _placed(whole)


def _starts(graph: Graph) -> Block:
    """Return the starts, side by side and bottoms in line."""
    boxes = [box_of(start) for start in graph.starts]
    tallest = max((box.height for box in boxes), default=0.0)
    row = Block()
    width = sum(box.width for box in boxes) + GAP * max(len(boxes) - 1, 0)
    at = -width / 2
    for box in boxes:
        row.take(_single(box), at + box.width / 2, tallest - box.height)
        at += box.width + GAP
    return row


def _placed(block: Block) -> Layout:
    x, y = block.left + MARGIN, MARGIN
    whole = Block()
    whole.take(block, x, y)
    return Layout(
        whole.right + MARGIN,
        whole.height + MARGIN,
        {place.box.node.id: place for place in whole.places},
        tuple(whole.frames),
        whole.lanes,
    )


def _single(box: Box) -> Block:
    half = box.width / 2
    return Block(half, half, box.height, [Place(box, 0.0, 0.0)])


def _list(items: Sequence[Item]) -> Block:
    """Return a list of steps: one below the other on one axis, lanes of jumps to the left."""
    block = Block()
    for number, item in enumerate(items):
        block.take(_item(item), 0.0, block.height + (ROW if number else 0.0))
    jumps = [(item.node.id, jump) for item in items for jump in item.jumps]
    reached = [item.node.id for item in items]
    for target in sorted({jump.target for _, jump in jumps}, key=reached.index):
        block.left += LANE
        lane = -block.left
        block.lanes |= {(source, target): lane for source, j in jumps if j.target == target}
    return block


def _item(item: Item) -> Block:
    box = box_of(item.node)
    block = _core(item, box)
    if item.on:
        block.right = max(block.right, text_width(item.on, NOTE))
    top = box.height + SIDE + (INSET if item.join is not None else 0.0)
    at = block.right
    for branch in item.beside:
        inner = _branch(branch)
        at += GAP + inner.left
        block.take(inner, at, top)
        at += inner.right
    written = widest_of(jump.label for jump in item.jumps)
    if written:
        block.left = max(block.left, box.width / 2 + written + 14.0)
    return block


def _core(item: Item, box: Box) -> Block:
    """Return the node with the branches below it, framed where they run together."""
    block = _single(box)
    columns = [_branch(branch) for branch in item.below]
    if columns:
        middle = _middle(columns)
        at = -middle
        for column in columns:
            at += column.left
            block.take(column, at, box.height + ROW)
            at += column.right + GAP
    if item.join is None:
        return block
    block.take(_single(box_of(item.join)), 0.0, block.height + ROW - LANE)
    return _framed(item, block)


def _middle(columns: Sequence[Block]) -> float:
    """Return where the axis above the columns is, counted from where they begin."""
    axes, at = [], 0.0
    for column in columns:
        axes.append(at + column.left)
        at += column.left + column.right + GAP
    half = len(axes) // 2
    return axes[half] if len(axes) % 2 else (axes[half - 1] + axes[half]) / 2


def _branch(branch: Branch) -> Block:
    """Return a branch, wide enough for what is written at its beginning."""
    block = _list(branch.items)
    block.right = max(block.right, text_width(branch.label, NOTE) + 10.0)
    return block


def _framed(item: Item, block: Block) -> Block:
    right = block.right
    if item.loop is not None:
        right = max(right + LOOP, text_width(item.loop, NOTE) + 30.0)
    left, right, height = block.left + INSET, right + INSET, block.height + 2 * INSET
    whole = Block(left, right, height)
    whole.frames.append(Rect(item.node.id, item.node.kind, -left, 0.0, right, height))
    whole.take(block, 0.0, INSET)
    return whole
