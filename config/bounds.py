"""How much one event, execution or person may lead to (docs/adr/0023); each can be set."""

from pydantic import BaseModel, ConfigDict, Field


class Bounds(BaseModel):
    """The bounds of a deployment that its own traffic could reach."""

    model_config = ConfigDict(frozen=True)

    max_hops: int = Field(16, ge=1, le=1_000)
    """How deep events may cause events; one deeper starts nothing and is a dead letter."""
    max_starts_per_event: int = Field(50, ge=1, le=10_000)
    """Executions that one event starts; further workflows' are dead letters."""
    max_starts_per_root: int = Field(1_000, ge=1, le=1_000_000)
    """Executions that one leads to by events and children, itself included."""
    max_output_bytes: int = Field(64 * 1024, ge=1_024, le=1024 * 1024)
    """JSON that an action may answer; its step fails with `output_too_large` beyond it."""
    max_context_bytes: int = Field(1024 * 1024, ge=16 * 1024, le=16 * 1024 * 1024)
    """JSON that the context of an execution may hold."""
    max_open_approvals: int = Field(1_000, ge=1, le=1_000_000)
    """Approvals of one requester that may be open; the step that asks for one more fails."""
