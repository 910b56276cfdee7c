"""YAML 1.2 or JSON text to plain data, with the place of every key and value."""

import math
import re
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

MAX_BYTES = 256 * 1024
MAX_NODES = 20_000
MAX_DEPTH = 200
MAX_INTEGER = 2**53
LONGEST_INTEGER = 40
"""Digits of a number that is not even looked at."""
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_DIRECTIVE = re.compile(r"%YAML[ \t]+(\S+)")
_BEFORE_CONTENT = ("#", "%", "---", "...")
_BRACKET = re.compile(r"[\[\]{}]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
"""What makes a text look like another one to people (security.md, content confusion)."""
REMEDIES = (
    ("cannot start any token", "put the text in quotes"),
    ("unknown escape", "in double quotes \\ begins an escape; use single quotes: '\\d+'"),
    ("alphabetic or numeric character", "put a text that begins with * or & in quotes"),
    ("undefined alias", "put a text that begins with * in quotes"),
    (
        "mapping values are not allowed",
        "put a text that holds ': ' in quotes, and a space behind the colon of each key",
    ),
    ("could not find expected ':'", "put a space behind the colon of each key"),
    ("found '<scalar>'", "put the whole text in one pair of quotes"),
    ("got '<scalar>'", "put the whole text in one pair of quotes; inside of '...' write '' for '"),
)
"""What to write instead, by what the parser says of it."""
COMMENT = "; # behind a space begins a comment: put a text that begins with # in quotes"
_COMMENTED = re.compile(r"""^(?:[^#'"]|'[^']*'|"[^"]*")*[:,\[{] +#\w""")
QUOTE = '; write a value that holds ${...} in quotes: "${total}"'
_TAG = "tag:yaml.org,2002:"
_KINDS = ("str", "int", "float", "bool", "null", "map", "seq", "timestamp", "value", "merge")
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
    mistakes: list[SyntaxMistake] = field(default_factory=list)
    """What is wrong with the text though it could be read on."""
    unread: set[At] = field(default_factory=set)
    """Values that are not what was written: what else is wrong with them is no further mistake."""

    def at(self, path: At) -> Place:
        """Return line and column of a key, else of a value, else of what holds it."""
        while path:
            found = self.keys.get(path) or self.values.get(path)
            if found is not None:
                return found
            path = path[:-1]
        return self.values.get((), (1, 1))


def parse_document(text: str) -> tuple[Any, Places]:
    """Return the data of one document and the places in it.

    Raises SyntaxMistake where the text cannot be read on; `Places.mistakes` holds the rest.
    """
    if len(text.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise SyntaxMistake(1, 1, f"the file is larger than {MAX_BYTES} bytes; split it")
    _refuse_deep_brackets(text)
    text, directives = _without_directives(text)
    documents = [node for node in _compose(text) if node is not None]
    if not documents:
        raise SyntaxMistake(1, 1, "the file is empty; it needs at least name, trigger and steps")
    if len(documents) > 1:
        line = documents[1].start_mark.line + 1
        raise SyntaxMistake(line, 1, "a second document begins here; one file holds one workflow")
    reader = _Reader()
    reader.places.mistakes.extend(directives)
    return reader.value(documents[0], ()), reader.places


def _without_directives(text: str) -> tuple[str, list[SyntaxMistake]]:
    """Return the text read as YAML 1.2, and what directives asked for another version.

    In YAML 1.1 `yes` is true and `010` is eight: the same text would mean something else.
    """
    lines, found = text.split("\n"), []
    for number, line in enumerate(lines):
        directive = _DIRECTIVE.match(line.removeprefix("\ufeff"))
        if directive and directive[1] != "1.2":
            problem = f"files are YAML 1.2, not {directive[1]}; remove this line"
            found.append(SyntaxMistake(number + 1, 1, problem))
            lines[number] = "#"
        elif line.strip(" \t\r\ufeff") and not line.startswith(_BEFORE_CONTENT):
            break
    return ("\n".join(lines) if found else text), found


def _refuse_deep_brackets(text: str) -> None:
    """Refuse what would keep the scanner busy for seconds; its work is quadratic in the depth."""
    depth = 0
    for bracket in _BRACKET.finditer(text):
        depth = max(depth + (1 if bracket[0] in "[{" else -1), 0)
        if depth > 4 * MAX_DEPTH:
            before = text[: bracket.start()]
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
            raise SyntaxMistake(line, column, f"values nest more than {MAX_DEPTH} deep")


class _Composer(Composer):
    """Composes an alias as a node of its own: what is wrong with it stands where it is written."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        written = self.parser.peek_event()
        node = super().compose_node(parent, index)
        if isinstance(written, AliasEvent):
            node = copy(node)
            node.start_mark = written.start_mark
        return node


def _compose(text: str) -> list[Node | None]:
    # Without comments, which nobody reads here and which cost a third of the time.
    yaml = YAML(typ="safe", pure=True, plug_ins=[])
    yaml.Composer = _Composer
    yaml.composer.warn_double_anchors = False
    try:
        return list(yaml.compose_all(text))
    except MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        explained = _explain(problem, text.split("\n")[:line], column)
        raise SyntaxMistake(line, column, explained) from None
    except ReaderError as problem:
        before = text[: problem.position]
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        raise SyntaxMistake(line, column, "this character is not allowed; remove it") from None
    except YAMLError as problem:
        raise SyntaxMistake(1, 1, f"this is no YAML: {str(problem).splitlines()[0]}") from None
    except RecursionError:
        raise SyntaxMistake(1, 1, f"values nest more than {MAX_DEPTH} deep") from None


def _explain(problem: MarkedYAMLError, lines: list[str], column: int) -> str:
    """Return what is wrong and what instead; `lines` end with the one of the mistake."""
    text = problem.problem or problem.context or "this is no YAML"
    if "\\t" in text:
        return "a tab cannot indent; use spaces"
    if lines and lines[-1][:column].endswith("${"):
        return f"this is no YAML: {text}{QUOTE}"
    if "<stream end>" in text and any(map(_COMMENTED.search, lines)):
        return f"this is no YAML: {text}{COMMENT}"
    remedy = next((f"; {remedy}" for part, remedy in REMEDIES if part in text), "")
    return f"this is no YAML: {text}{remedy}"


class _Reader:
    """Turns composed nodes into data; counts nodes so that aliases cannot blow up."""

    def __init__(self) -> None:
        self.places = Places()
        self._count = 0

    def value(self, node: Node, at: At) -> Any:
        self._count += 1
        place = (node.start_mark.line + 1, node.start_mark.column + 1)
        if self._count > MAX_NODES or len(at) > MAX_DEPTH:
            raise SyntaxMistake(*place, "too many or too deeply nested values; expand aliases")
        self.places.values.setdefault(at, place)
        where = self.places.at(at)
        if str(node.tag).removeprefix(_TAG) not in _KINDS:
            self._mistake(where, f"the tag {node.tag} is not allowed; remove it")
            self.places.unread.add(at)
        if isinstance(node, MappingNode):
            return dict(self._entries(node, at))
        if isinstance(node, SequenceNode):
            return [self.value(item, (*at, number)) for number, item in enumerate(node.value)]
        return self._scalar(node, where, at) if isinstance(node, ScalarNode) else None

    def _mistake(self, place: Place, problem: str) -> None:
        self.places.mistakes.append(SyntaxMistake(*place, problem))

    def _entries(self, node: MappingNode, at: At) -> Iterator[tuple[str, Any]]:
        seen: set[str] = set()
        for key_node, value_node in node.value:
            place = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            if not isinstance(key_node, ScalarNode):
                self._mistake(place, "a key must be a plain text")
                continue
            key = self._text(key_node, place)
            if key in seen:
                self._mistake(place, f"the key {key!r} occurs twice")
                continue
            if str(key_node.tag).endswith(":merge"):
                self._mistake(place, "merge keys (<<) are not YAML 1.2; write the keys out")
                self.places.unread.add(at)
                continue
            seen.add(key)
            self.places.keys[(*at, key)] = place
            yield key, self.value(value_node, (*at, key))

    def _text(self, node: ScalarNode, place: Place) -> str:
        text = str(node.value)
        if text.isascii() and "\0" not in text:
            return text
        try:
            # JSON escapes what is beyond 16 bits as two halves; here they become one character.
            text = text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError:
            self._mistake(place, "the text holds half a surrogate pair; write the character itself")
            return ""
        if "\0" in text:
            self._mistake(place, "a text cannot hold the character NUL, which no database stores")
            return ""
        if found := _BIDI.search(text):
            code = f"U+{ord(found[0]):04X}"
            self._mistake(place, f"{code} turns the direction of text unseen; remove it")
        return text

    def _scalar(self, node: ScalarNode, place: Place, at: At) -> Any:
        text, kind = str(node.value), str(node.tag).removeprefix(_TAG)
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind not in ("int", "float"):
            return self._text(node, place)
        number = _number(text)
        if number is None:
            self._mistake(place, _explain_number(text))
            self.places.unread.add(at)
            return 0
        return number


def _explain_number(text: str) -> str:
    if _INTEGER.fullmatch(text):
        return (
            f"{text[:40]} is beyond 2^53, where numbers in JSON lose digits; write a smaller one, "
            "or quotes around what is a text, such as an id"
        )
    return f"{text[:40]} is no number that JSON can hold; put it in quotes"


def _number(text: str) -> int | float | str | None:
    """Return the number that a plain scalar is in YAML 1.2, else the text; None if out of range."""
    if text.lower().lstrip("+-") in (".inf", ".nan"):
        return None
    if _INTEGER.fullmatch(text):
        if len(text) >= LONGEST_INTEGER:
            return None
        whole = int(text, 0 if text[:2] in ("0o", "0x") else 10)
        return whole if abs(whole) <= MAX_INTEGER else None
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else None
    return text
