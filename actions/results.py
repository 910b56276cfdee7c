"""What an action is asked, and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from engine.templates import SecretSlot


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The action was performed; `output` is JSON-like."""

    output: object


@dataclass(frozen=True, slots=True)
class Failed:
    """An attempt failed; `retryable` tells whether another may succeed."""

    code: str
    message: str
    retryable: bool
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class ActionRequest:
    """One attempt of one effect."""

    kind: str
    params: Mapping[str, object]
    secrets: tuple[SecretSlot, ...]
    idempotency_key: str
    attempt: int
    timeout: timedelta
    execution_id: str
    step_path: str
