"""What JSON we take in: within bounds, and storable (security.md, reliability.md M15)."""

import re
from collections.abc import Mapping
from typing import NoReturn

import orjson

from engine.errors import SluicegateError
from engine.operators import type_name

MAX_EVENT_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_KEYS = 10_000
MAX_STRING = 128 * 1024
MAX_INTEGER = 2**53
FORBIDDEN_KEYS = frozenset({"__proto__", "constructor", "prototype"})
BOM = b"\xef\xbb\xbf"
_PLAIN = re.compile(
    rb"\\u|[\x00-\x08\x0b\x0c\x0e-\x1f]|__|constructor|prototype|\d{16}|\d[eE]\+?\d"
)
"""Bytes that a value free of special cases does not contain."""


class Undecodable(SluicegateError):
    """A record that cannot be read or accepted, for the dead letters."""

    def __init__(self, error_type: str, message: str) -> None:
        self.error_type, self.message = error_type, message
        super().__init__(f"{error_type}: {message}")


def read_json(data: bytes | None, limit: int) -> object:
    """Return the JSON value of a record within the bounds; raises Undecodable."""
    if data is None:
        raise Undecodable("tombstone", "the record has no value; send a JSON object")
    if len(data) > limit:
        raise Undecodable("too_large", f"{len(data)} bytes; at most {limit} are taken")
    if data.startswith(BOM):
        raise Undecodable("byte_order_mark", "the value starts with a UTF-8 BOM; send it without")
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as problem:
        raise Undecodable("invalid_json", f"{problem}; send UTF-8 JSON") from None
    if _PLAIN.search(data) or data.count(b"{") + data.count(b"[") > MAX_DEPTH or len(data) > 65536:
        check_value(value)
    return value


def _refuse(kind: str, message: str) -> NoReturn:
    raise Undecodable(kind, message)


def check_value(value: object) -> None:
    """Walk a value, without recursion, and refuse what is out of bounds."""
    stack: list[tuple[object, int]] = [(value, 1)]
    keys = 0
    while stack:
        node, depth = stack.pop()
        if isinstance(node, dict):
            keys += len(node)
            if keys > MAX_KEYS:
                _refuse("too_many_keys", f"more than {MAX_KEYS} keys")
            for key, inner in node.items():
                _check_key(key)
                _check_leaf(inner, key)
            _descend(stack, node.values(), depth)
        elif isinstance(node, list):
            for inner in node:
                _check_leaf(inner, "a list")
            _descend(stack, node, depth)


def _descend(stack: list[tuple[object, int]], inner: object, depth: int) -> None:
    if depth > MAX_DEPTH:
        _refuse("too_deep", f"nested more than {MAX_DEPTH} deep")
    stack.extend((item, depth + 1) for item in inner if isinstance(item, dict | list))  # type: ignore[attr-defined]


def _check_key(key: str) -> None:
    if key in FORBIDDEN_KEYS or (key.startswith("__") and key.endswith("__")):
        _refuse("forbidden_key", f"the key {key!r} is reserved; rename it")
    if "\x00" in key:
        _refuse("nul_character", "a key contains NUL (\\u0000), which no database stores")


def is_beyond_exact(value: object) -> bool:
    """Tell whether a number is a whole one that JSON readers do not keep exactly."""
    if isinstance(value, float):
        return abs(value) >= MAX_INTEGER and value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_INTEGER


def _check_leaf(value: object, where: object) -> None:
    if isinstance(value, str):
        if "\x00" in value:
            _refuse("nul_character", f"{where} contains NUL (\\u0000), which no database stores")
        if len(value) > MAX_STRING:
            _refuse("string_too_long", f"{where} holds a text above {MAX_STRING} characters")
    elif is_beyond_exact(value):
        _refuse("integer_too_large", f"{where} is beyond 2^53; send such numbers as text")


def require_object(value: object) -> dict[str, object]:
    """Return a value that must be a JSON object; raises Undecodable."""
    if not isinstance(value, Mapping):
        raise Undecodable(
            "payload_not_an_object",
            f"the payload is of the type {type_name(value)}; send an object: {{...}}",
        )
    return value  # type: ignore[return-value]
