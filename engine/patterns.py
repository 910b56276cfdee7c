"""Event patterns: exact names, `*` for one segment or, at the end, for all that follow (D12)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")
_SEGMENT = re.compile(r"[^*.\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def check_pattern(text: str) -> None:
    """Raise ValueError unless the text is an event type or a pattern of one.

    A type is any printable text (S1), also with spaces inside: `EC2 State-change Notification`.
    """
    for segment in text.split("."):
        if text != text.strip() or (segment != "*" and not _SEGMENT.fullmatch(segment)):
            raise ValueError(
                f"{text!r} is no event pattern; write order.created, order.* or *.created"
            )


def matches(pattern: str, event_type: str) -> bool:
    """Tell whether an event type falls under a pattern."""
    index: PatternIndex[None] = PatternIndex()
    index.add(pattern, None)
    return bool(index.match(event_type))


@dataclass(slots=True)
class _Node(Generic[T]):
    children: dict[str, "_Node[T]"] = field(default_factory=dict)
    here: list[tuple[int, T]] = field(default_factory=list)
    rest: list[tuple[int, T]] = field(default_factory=list)
    """Items whose pattern ends in `*` below this node: one or more segments follow."""


class PatternIndex(Generic[T]):
    """Items by pattern: a dictionary for exact names, a trie for wildcards (performance.md G9)."""

    def __init__(self) -> None:
        self._exact: dict[str, list[tuple[int, T]]] = {}
        self._root: _Node[T] = _Node()
        self._count = 0
        self._wild = False

    def add(self, pattern: str, item: T) -> None:
        """Add an item under a pattern."""
        entry = (self._count, item)
        self._count += 1
        if "*" not in pattern:
            self._exact.setdefault(pattern, []).append(entry)
            return
        self._wild = True
        *inner, last = pattern.split(".")
        node = self._root
        for segment in inner:
            node = node.children.setdefault(segment, _Node())
        if last == "*":
            node.rest.append(entry)
        else:
            node.children.setdefault(last, _Node()).here.append(entry)

    def match(self, event_type: str) -> list[T]:
        """Return the items whose pattern the event type matches, in the order they were added."""
        found = list(self._exact.get(event_type, ()))
        if self._wild:
            found.extend(self._walk(self._root, event_type.split("."), 0))
            found.sort(key=lambda entry: entry[0])
        return [item for _, item in found]

    def _walk(self, node: _Node[T], segments: list[str], depth: int) -> Iterator[tuple[int, T]]:
        if depth == len(segments):
            yield from node.here
            return
        yield from node.rest
        for name in (segments[depth], "*"):
            child = node.children.get(name)
            if child is not None:
                yield from self._walk(child, segments, depth + 1)
