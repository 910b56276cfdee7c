"""YAML 1.2 or JSON text to plain data, with the place of every key and value."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_BYTES = 256 * 1024
MAX_NODES = 20_000
MAX_INTEGER = 2**53
At = tuple[str | int, ...]
Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class SyntaxMistake(Exception):
    """Text that is no YAML, or not YAML that we take; line and column count from 1."""

    line: int
    column: int
    problem: str


@dataclass(slots=True)
class Places:
    """Where keys and values stand; what has no place of its own stands where its parent does."""

    keys: dict[At, Place] = field(default_factory=dict)
    values: dict[At, Place] = field(default_factory=dict)

    def at(self, path: At) -> Place:
        """Return line and column of a key, else of a value, else of what holds it."""
        while path:
            found = self.keys.get(path) or self.values.get(path)
            if found is not None:
                return found
            path = path[:-1]
        return self.values.get((), (1, 1))


def parse_document(text: str) -> tuple[Any, Places]:
    """Return the data of one document and the places in it; raises SyntaxMistake."""
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise SyntaxMistake(1, 1, f"the file is larger than {MAX_BYTES} bytes; split it")
    yaml = YAML(typ="rt", pure=True)
    yaml.composer.warn_double_anchors = False
    try:
        nodes = list(yaml.compose_all(text))
    except MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise SyntaxMistake(line, column, _explain(problem)) from None
    except YAMLError as problem:
        raise SyntaxMistake(1, 1, str(problem).splitlines()[0]) from None
    documents = [node for node in nodes if node is not None]
    if not documents:
        raise SyntaxMistake(1, 1, "the file is empty; it needs at least name, trigger and steps")
    if len(documents) > 1:
        line = documents[1].start_mark.line + 1
        raise SyntaxMistake(line, 1, "a second document begins here; one file holds one workflow")
    reader = _Reader()
    return reader.value(documents[0], ()), reader.places


def _explain(problem: MarkedYAMLError) -> str:
    text = problem.problem or problem.context or "this is no YAML"
    if "\\t" in text:
        return "a tab cannot indent; use spaces"
    return f"this is no YAML: {text}"


class _Reader:
    """Turns composed nodes into data; counts nodes so that aliases cannot blow up."""

    def __init__(self) -> None:
        self.places = Places()
        self._count = 0

    def value(self, node: Node, at: At) -> Any:
        self._count += 1
        place = (node.start_mark.line + 1, node.start_mark.column + 1)
        if self._count > MAX_NODES or len(at) > 200:
            raise SyntaxMistake(*place, "too many or too deeply nested values; expand aliases")
        self.places.values.setdefault(at, place)
        if isinstance(node, MappingNode):
            return dict(self._entries(node, at))
        if isinstance(node, SequenceNode):
            return [self.value(item, (*at, number)) for number, item in enumerate(node.value)]
        return _scalar(node) if isinstance(node, ScalarNode) else None

    def _entries(self, node: MappingNode, at: At) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key_node, value_node in node.value:
            place = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if not isinstance(key_node, ScalarNode):
                raise SyntaxMistake(*place, "a key must be a plain text")
            key = str(key_node.value)
            if key in seen:
                raise SyntaxMistake(*place, f"the key {key!r} occurs twice")
            seen.add(key)
            self.places.keys[(*at, key)] = place
            yield key, self.value(value_node, (*at, key))


def _scalar(node: ScalarNode) -> Any:
    text, kind = str(node.value), str(node.tag).rpartition(":")[2]
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() == "true"
    if kind in ("int", "float"):
        return _number(node, text, kind)
    return text


def _number(node: ScalarNode, text: str, kind: str) -> Any:
    plain = text.replace("_", "")
    try:
        number = int(plain, 0) if kind == "int" else float(plain)
    except ValueError:
        try:
            number = int(plain)
        except ValueError:
            return text
    if not math.isfinite(number) or (kind == "int" and abs(number) > MAX_INTEGER):
        place = (node.start_mark.line + 1, node.start_mark.column + 1)
        raise SyntaxMistake(*place, f"{text} is no number that JSON keeps; write it in quotes")
    return number
