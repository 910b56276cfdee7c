"""The `retry` of a step (requirements.md D13)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal

from engine.definition import DEFAULT_RETRY
from engine.loading.node import Node
from engine.retry import RetryPolicy

MAX_RETRIES = 10
SHORTEST = timedelta(milliseconds=1)
_BACKOFFS: Mapping[str, Literal["exponential", "linear", "fixed"]] = {
    "exponential": "exponential",
    "linear": "linear",
    "fixed": "fixed",
}
_JITTERS: Mapping[str, Literal["full", "none"]] = {"full": "full", "none": "none"}


def read_retry(node: Node) -> RetryPolicy:
    """Read how often and how soon a failed attempt is tried again."""
    fields = node.fields(("max", "backoff", "base", "cap", "jitter"))
    most, backoff, base, cap, jitter = (
        fields.get(key) for key in ("max", "backoff", "base", "cap", "jitter")
    )
    first = _pause(base, DEFAULT_RETRY.base)
    longest = _pause(cap, max(first, DEFAULT_RETRY.cap))
    if first > longest and cap is not None:
        cap.mistake("cap is shorter than base; the pauses grow from base up to cap")
    return RetryPolicy(
        most.integer(0, MAX_RETRIES) if most is not None else DEFAULT_RETRY.max,
        _BACKOFFS[backoff.choice(_BACKOFFS)] if backoff is not None else DEFAULT_RETRY.backoff,
        first,
        longest,
        _JITTERS[jitter.choice(_JITTERS)] if jitter is not None else DEFAULT_RETRY.jitter,
    )


def _pause(node: Node | None, otherwise: timedelta) -> timedelta:
    return otherwise if node is None else max(node.duration(zero=True), SHORTEST)
