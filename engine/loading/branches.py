"""Where further steps stand in a step, also in one whose verb cannot be read."""

from collections.abc import Iterator, Mapping

from engine.loading.node import Node

LISTS = (
    "steps",
    "on_true",
    "on_false",
    "on_approved",
    "on_rejected",
    "on_expired",
    "on_timeout",
    "on_error",
    "compensate",
)
"""Keys of lists of steps; the first stands in a file and in a loop."""
LOOPS = ("for_each", "repeat")
NAMED = ("on", "branches")
"""Keys of lists of steps by name."""


def steps_below(node: Node) -> Iterator[Node]:
    """Yield the steps that a file or a step holds, and those in them."""
    for listed in _lists_in(node):
        for step in listed.items() if isinstance(listed.value, list) else ():
            yield step
            yield from steps_below(step)


def _lists_in(node: Node) -> Iterator[Node]:
    for key, inner in _entries(node):
        if key in LISTS:
            yield inner
        elif key in NAMED:
            yield from (listed for _, listed in _entries(inner))
        elif key in LOOPS or key == "parallel":
            yield from _lists_in(inner)


def _entries(node: Node) -> Iterator[tuple[str, Node]]:
    if isinstance(node.value, Mapping):
        yield from node.entries()
