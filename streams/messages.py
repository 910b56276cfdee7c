"""Messages as they travel (interfaces.md): pydantic at the edge, a plain value for events."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from engine.ids import parse_execution_id

SHORTHANDS = {"approve": "approved", "reject": "rejected"}


@dataclass(frozen=True, slots=True)
class DomainEvent:
    """A fact of the user's domain, with where it stood in its topic."""

    event_id: str
    type: str
    source: str
    payload: dict[str, object]
    topic: str
    partition: int
    offset: int
    received_at: datetime
    key: str | None = None
    subject: str | None = None
    time: datetime | None = None
    hops: int = 0
    traceparent: str | None = None
    tracestate: str | None = None


def _execution(value: object) -> object:
    if value is None:
        return None
    named = parse_execution_id(value) if isinstance(value, str) else None
    if named is None:
        raise ValueError("execution_id is `exec_` and 32 hex digits, or a UUID")
    return named


class Decision(BaseModel):
    """An approver's answer, as it arrives on the decisions topic."""

    model_config = ConfigDict(frozen=True)

    decision_id: Annotated[str, Field(min_length=1, max_length=255)]
    execution_id: Annotated[str | None, BeforeValidator(_execution)] = None
    request_id: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    outcome: Annotated[str, Field(min_length=1, max_length=100)]
    decided_by: Annotated[str, Field(min_length=1, max_length=255)]
    reason: Annotated[str, Field(max_length=2_000)] | None = None
    form: dict[str, Any] = Field(default_factory=dict)
    request_hash: str | None = None
    on_behalf_of: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _normalise(cls, value: Any) -> Any:
        """Accept `approve`, `reject` and the predecessor's `approved: true` (S112)."""
        if not isinstance(value, Mapping):
            return value
        found = dict(value)
        if found.get("form") is None:
            found.pop("form", None)
        if "outcome" not in found and isinstance(found.get("approved"), bool):
            found["outcome"] = "approved" if found["approved"] else "rejected"
        outcome = found.get("outcome")
        if isinstance(outcome, str):
            found["outcome"] = SHORTHANDS.get(outcome, outcome)
        return found

    @model_validator(mode="after")
    def _names_something(self) -> "Decision":
        if self.execution_id is None and self.request_id is None:
            raise ValueError("name the execution_id, the request_id, or both")
        return self
