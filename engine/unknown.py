"""Values that nobody knows yet: placeholders that read as what they stand for."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields, is_dataclass

from engine.conditions import Condition
from engine.definition import Definition
from engine.paths import Path
from engine.templates import Template

_PLACEHOLDER = re.compile("«([^«»]*)»")


def references_in(value: object) -> set[Path]:
    """Return the paths that the templates and conditions of any value read."""
    if isinstance(value, Template | Condition):
        return set(value.references)
    inner: Iterable[object] = ()
    if is_dataclass(value):
        inner = (getattr(value, field.name) for field in fields(value))
    elif isinstance(value, Mapping):
        inner = value.values()
    elif isinstance(value, tuple | list):
        inner = value
    return {path for item in inner for path in references_in(item)}


def references_of(definition: Definition) -> set[Path]:
    """Return all paths that a definition reads once it runs."""
    return references_in((definition.steps, definition.derived, definition.loads))


def named(path: Path) -> str:
    """Return the placeholder of one value."""
    return f"«{'.'.join(path)}»"


def named_in(text: str) -> list[Path]:
    """Return what the placeholders in a text stand for."""
    return [tuple(found.split(".")) for found in _PLACEHOLDER.findall(text)]


def placeholder(path: Path, read: Collection[Path]) -> object:
    """Return a value at a path that has whatever is read there, each a placeholder."""
    below = [found[len(path) :] for found in read if found[: len(path)] == path]
    return _tree(path, below)


def _tree(path: Path, below: Collection[Path]) -> object:
    names = sorted({found[0] for found in below if found})
    if not names:
        return named(path)
    return {
        name: _tree((*path, name), [found[1:] for found in below if found and found[0] == name])
        for name in names
    }


def touching(read: Collection[Path], unknown: Collection[Path]) -> list[Path]:
    """Return the paths that lead into what is unknown, or hold it."""
    return sorted(path for path in read if any(_meet(path, hidden) for hidden in unknown))


def _meet(path: Path, hidden: Path) -> bool:
    length = min(len(path), len(hidden))
    return path[:length] == hidden[:length]
