"""Dotted paths into a context: one resolver for conditions and templates (requirements.md S76)."""

import re
from collections.abc import Mapping
from enum import Enum
from typing import Final, TypeAlias

Path: TypeAlias = tuple[str, ...]
MAX_SEGMENTS = 32
_SEGMENT = re.compile(r"[A-Za-z_@][\w-]*|\d{1,9}", re.ASCII)


class Missing(Enum):
    """The type of MISSING."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING
"""What `lookup` returns where there is nothing; null is a value."""


def parse_path(text: str) -> Path:
    """Return the segments of a dotted path; raises ValueError saying what is wrong."""
    segments = text.split(".")
    if len(segments) > MAX_SEGMENTS:
        raise ValueError(f"a path has at most {MAX_SEGMENTS} segments, this has {len(segments)}")
    for segment in segments:
        if not _SEGMENT.fullmatch(segment):
            raise ValueError(
                f"{text!r} is no path; write names joined by dots, such as order.items.0.sku"
            )
    return tuple(segments[1:] if len(segments) > 1 and segments[0] == "context" else segments)


def lookup(scope: Mapping[str, object], path: Path) -> object:
    """Return what a path leads to in nested dicts and lists, or MISSING."""
    node: object = scope
    for segment in path:
        if type(node) is dict:
            node = node.get(segment, MISSING)
            if node is MISSING:
                return MISSING
        elif type(node) is list:
            if not segment.isdigit() or int(segment) >= len(node):
                return MISSING
            node = node[int(segment)]
        else:
            return MISSING
    return node
