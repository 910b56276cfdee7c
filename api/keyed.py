"""Idempotency-Key: a repeated call does nothing again; one with another body is refused."""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from api.problems import Problem

MOST = 10_000
"""How many keyed calls a process remembers until the database has what they sent."""


def reused() -> Problem:
    """Return the problem of a key that came with another body (draft-ietf-httpapi, 2.6)."""
    return Problem(
        422,
        "idempotency-key-reused",
        "this Idempotency-Key came with another body before: repeat that body, or take a new key",
    )


def require_same(known: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Compare what was recorded with what is asked, in the fields asked; raises a 422 problem."""
    if any(known[name] != value for name, value in asked.items()):
        raise reused()


class SentBodies:
    """Digests of what this process sent with a key; the oldest are forgotten."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._digests: dict[str, bytes] = {}

    def claim(self, key: str | None, body: object) -> None:
        """Remember what is sent with a key; raises a 422 problem if that was something else."""
        if key is None:
            return
        # Not orjson: numbers beyond 64 bits are refused later, in words.
        digest = sha256(json.dumps(body, sort_keys=True).encode()).digest()
        if self._digests.setdefault(key, digest) != digest:
            raise reused()
        if len(self._digests) > self._most:
            self._digests.pop(next(iter(self._digests)))
