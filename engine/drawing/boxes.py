"""How large a node is: its texts, wrapped to a width that fits."""

from collections.abc import Iterable

from engine.graph import Kind, Node
from engine.values import dataclass

LABEL, DETAIL, NOTE = 13.0, 11.5, 11.0
"""Sizes of letters: ids, what a step does, what is written on edges."""
NARROWEST, WIDEST = 96.0, 236.0
PADDING, STRIPE = 12.0, 6.0
LINE = 15.0
MOST_LINES = 2
PILLS: tuple[Kind, ...] = ("start", "end", "blocked", "failed")
CAPTIONS = {"for_each": "for each"}
_NARROW = frozenset("fijlrtI.,:;'|!()[]/\\- \"`")
_WIDE = frozenset("mwMW@%&—…")


@dataclass(frozen=True, slots=True)
class Box:
    """A node with its size and its lines."""

    node: Node
    width: float
    height: float
    caption: str = ""
    label: str = ""
    details: tuple[str, ...] = ()


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return about how wide a text is in a sans-serif face; rather too wide than too narrow."""
    return sum(map(_share, text)) * size * (1.08 if bold else 1.0)


def _share(letter: str) -> float:
    if letter in _NARROW:
        return 0.36
    if letter in _WIDE:
        return 0.92
    if ord(letter) > 0x2E7F:
        return 1.05
    return 0.7 if letter.isupper() else 0.59


def clipped(text: str, size: float, room: float) -> str:
    """Return a text that fits, its end replaced by … where it is too long."""
    if text_width(text, size) <= room:
        return text
    while text and text_width(f"{text}…", size) > room:
        text = text[:-1]
    return f"{text.rstrip()}…"


def wrapped(text: str, size: float, room: float) -> tuple[str, ...]:
    """Return the lines of a text, broken between words, at most two."""
    lines: list[str] = []
    words = text.split()
    while words:
        if len(lines) == MOST_LINES - 1:
            lines.append(clipped(" ".join(words), size, room))
            break
        taken = _fitting(words, size, room)
        lines.append(clipped(" ".join(words[:taken]), size, room))
        words = words[taken:]
    return tuple(lines)


def _fitting(words: list[str], size: float, room: float) -> int:
    taken = 1
    while taken < len(words) and text_width(" ".join(words[: taken + 1]), size) <= room:
        taken += 1
    return taken


def box_of(node: Node) -> Box:
    """Return the size and the lines of a node."""
    if node.kind == "join":
        return Box(node, 12.0, 12.0)
    around = 2 * PADDING + STRIPE
    room = WIDEST - around
    label = clipped(node.label, LABEL * 1.08, room)
    details = wrapped(node.detail, DETAIL, room)
    caption = "" if node.kind in (*PILLS, "context") else CAPTIONS.get(node.kind, node.kind)
    first = text_width(label, LABEL, bold=True)
    if caption:
        first = max(first, text_width(caption, NOTE))
    widest = max((first, *(text_width(line, DETAIL) for line in details)))
    least = 56.0 if node.kind in PILLS else NARROWEST
    width = min(max(widest + around, least), WIDEST)
    height = _height(1 + len(details) + bool(caption), pill=node.kind in PILLS)
    return Box(node, width, height, caption, label, details)


def _height(lines: int, *, pill: bool) -> float:
    return lines * LINE + (11.0 if pill else 15.0)


def widest_of(texts: Iterable[str]) -> float:
    """Return how wide the widest of some notes on edges is."""
    return max((text_width(text, NOTE) for text in texts), default=0.0)
