"""Where in a step a value stands: a mistake about a reference is noted where it is written."""

import re
from collections.abc import Iterator, Mapping

from engine.loading.node import Node
from engine.paths import Path


def parts_of(step: Node) -> Iterator[Node]:
    """Yield a step and the values in it, in order, without the steps that it holds."""
    yield step
    value = step.value
    if isinstance(value, Mapping):
        inner = [step.child(str(key), below) for key, below in value.items()]
    elif isinstance(value, list):
        inner = [step.child(number, below) for number, below in enumerate(value)]
    else:
        return
    for part in inner:
        if not _is_step(part):
            yield from parts_of(part)


def _is_step(node: Node) -> bool:
    """Tell whether a value is a step of a branch: an element of a list with an id."""
    return isinstance(node.at[-1], int) and isinstance(node.value, Mapping) and "id" in node.value


def place_of(step: Node, path: Path) -> Node:
    """Return the value of a step that reads a path, the step itself where none is found."""
    text = ".".join(path)
    names = (text, f"context.{text}")
    reads = re.compile(r"\$\{(?:context\.)?" + re.escape(text) + r"(?=[}:])")
    for part in parts_of(step):
        value = part.value
        if part.at[-1] in names or value in names:
            return part
        if isinstance(value, str) and reads.search(value):
            return part
        if isinstance(value, Mapping) and path == ("approvals", value.get("approval"), "outcome"):
            return part.child("approval", value["approval"])
    return step


def outcomes_named(step: Node) -> Iterator[tuple[str, Node]]:
    """Yield the outcomes that a step's conditions compare approvals with, by the step's id."""
    for part in parts_of(step):
        value = part.value
        if isinstance(value, Mapping) and set(value) == {"approval", "is"}:
            yield str(value["approval"]), part.child("is", value["is"])
