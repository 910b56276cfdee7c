"""Canonical JSON (RFC 8785), and the hash of what an approver was shown."""

import json
import math
from collections.abc import Iterable, Mapping
from decimal import Decimal
from hashlib import sha256
from typing import Any


def _number(value: float) -> str:
    """Return a number as ECMAScript writes it."""
    if not math.isfinite(value):
        raise ValueError("NaN and Infinity have no JSON form")
    if value == 0:
        return "0"
    if value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    mantissa, _, exponent = repr(value).partition("e")
    if not exponent:
        return mantissa.removesuffix(".0")
    power = int(exponent)
    if 0 < power < 21:
        sign, digits = "-" * (value < 0), mantissa.removeprefix("-").replace(".", "")
        return sign + digits.ljust(power + 1, "0")
    if -7 < power < 0:
        return f"{value:.{len(mantissa.replace('-', '').replace('.', '')) - 1 - power}f}"
    return f"{mantissa.removesuffix('.0')}e{power:+d}"


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _write(value: object) -> str:
    match value:
        case None | bool() | int():
            return json.dumps(value)
        case str():
            return _text(value)
        case float():
            return _number(value)
        case Mapping():
            keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
            return "{" + ",".join(f"{_text(key)}:{_write(value[key])}" for key in keys) + "}"
        case list() | tuple():
            return "[" + ",".join(_write(item) for item in value) + "]"
        case _:
            raise ValueError(f"{type(value).__name__} has no JSON form")


def _is_plain(value: object) -> bool:
    """Tell whether the standard encoder writes a value canonically: ASCII keys and no floats."""
    stack = [value]
    while stack:
        node = stack.pop()
        if type(node) is dict:
            if not _are_ascii(node):
                return False
            inner: Iterable[object] = node.values()
        elif type(node) is list:
            inner = node
        elif node is None or type(node) in _PLAIN_LEAVES:
            continue
        else:
            return False
        stack.extend([item for item in inner if type(item) not in _PLAIN_LEAVES])
    return True


def _are_ascii(names: Iterable[Any]) -> bool:
    try:
        return "".join(names).isascii()
    except TypeError:
        return False


_PLAIN_LEAVES = frozenset({str, int, bool})
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def canonical_json(value: object) -> bytes:
    """Return the one JSON text of a value (RFC 8785)."""
    if _is_plain(value):
        return _encode(value).encode("utf-8", "surrogatepass")
    return _write(value).encode("utf-8", "surrogatepass")


def as_stored(value: object) -> object:
    """Return a value with the numbers that it has once PostgreSQL's `jsonb` has held it."""
    if isinstance(value, dict):
        return {key: as_stored(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_stored(inner) for inner in value]
    if isinstance(value, float):
        # From 1e16 on a float is written with an exponent, which jsonb turns into plain digits.
        large = abs(value) >= 1e16 and -(2.0**63) <= value < 2.0**64
        return int(Decimal(repr(value))) if large else value or 0.0
    return value


def request_hash(view: object) -> str:
    """Return `sha256:` and the hash of what an approver is shown, in hex."""
    return "sha256:" + sha256(canonical_json(view)).hexdigest()
