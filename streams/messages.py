"""Messages as they travel (interfaces.md): pydantic at the edge, a plain value for events."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from engine.decide import SHORTHANDS
from engine.ids import ExecutionId, execution_id, parse_execution_id

MAX_NAME = 255
ShortName = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]
Reason = Annotated[str, Field(max_length=2_000)]
FIRST_INSTANT, LAST_INSTANT = datetime(2, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
StoredInstant = Annotated[
    AwareDatetime,
    Field(ge=FIRST_INSTANT, le=LAST_INSTANT),
    AfterValidator(lambda at: at.astimezone(UTC)),
]
"""An instant that can be stored and read again in any zone, with room to count on from it."""


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
    emitter: str | None = None
    """The execution of ours that it says it comes from; only what was caused has one."""
    traceparent: str | None = None
    tracestate: str | None = None


def read_execution(value: object) -> object:
    """Return the id of an execution as stored; raises ValueError."""
    if value is None:
        return None
    named = parse_execution_id(value) if isinstance(value, str) else None
    if named is None:
        raise ValueError("execution_id is `exec_` and 32 hex digits, or a UUID")
    return named


def read_named(value: object) -> object:
    """Return the id of an execution as stored; a text that is none names an unknown one (S219)."""
    if isinstance(value, str) and 0 < len(value) <= MAX_NAME and "\x00" not in value:
        return parse_execution_id(value) or value
    return read_execution(value)


def with_outcome(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return a decision's fields with `approve`, `reject` and `approved: true` spelt out (S112)."""
    found = dict(value)
    approved = found.get("approved")
    meant = None if not isinstance(approved, bool) else "approved" if approved else "rejected"
    if found.get("outcome") is None and meant is not None:
        found["outcome"] = meant
    outcome = found.get("outcome")
    if isinstance(outcome, str):
        found["outcome"] = SHORTHANDS.get(outcome, outcome)
    if (
        meant is not None
        and found["outcome"] in ("approved", "rejected")
        and (found["outcome"] != meant)
    ):
        raise ValueError(f"`outcome` says {found['outcome']} and `approved` says {meant}")
    return found


class Decision(BaseModel):
    """An approver's answer, as it arrives on the decisions topic."""

    model_config = ConfigDict(frozen=True)

    decision_id: ShortName
    execution_id: Annotated[str | None, BeforeValidator(read_named)] = None
    request_id: ShortName | None = None
    outcome: Annotated[str, Field(min_length=1, max_length=100)]
    decided_by: ShortName
    reason: Reason | None = None
    form: dict[str, Any] = Field(default_factory=dict)
    request_hash: str | None = None
    on_behalf_of: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _normalise(cls, value: Any) -> Any:
        """Accept `approve`, `reject` and the predecessor's `approved: true` (S112)."""
        if not isinstance(value, Mapping):
            return value
        found = with_outcome(value)
        if found.get("form") is None:
            found.pop("form", None)
        return found

    @model_validator(mode="after")
    def _names_something(self) -> "Decision":
        if self.execution_id is None and self.request_id is None:
            raise ValueError("name the execution_id, the request_id, or both")
        return self


COMMAND_SOURCE = "/sluicegate/commands"
"""Source of the executions that commands start, where an event's would stand."""
CommandKind = Literal["start", "hold", "resume", "cancel", "retry", "skip", "rerun"]
Name = Annotated[str, Field(min_length=1, max_length=500)]


class NothingMore(BaseModel):
    """What `hold` and `rerun` carry."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class StartAsked(NothingMore):
    """The payload, and whether the triggers' conditions must hold for it (S9)."""

    payload: dict[str, Any] = Field(default_factory=dict)
    match: bool = False


class ResumeAsked(NothingMore):
    """What the resumed step reads, and where to go on."""

    resume_data: dict[str, Any] = Field(default_factory=dict)
    from_step: Name | None = None


class RetryAsked(NothingMore):
    """Where to begin again; by default at the step that failed."""

    from_step: Name | None = None


class SkipAsked(NothingMore):
    """Which step to skip; by default the one that failed or waits."""

    step: Name | None = None


class CancelAsked(NothingMore):
    """Whether what is done is to be compensated."""

    compensate: bool = False


ASKED: Mapping[str, type[NothingMore]] = {
    "start": StartAsked,
    "hold": NothingMore,
    "resume": ResumeAsked,
    "cancel": CancelAsked,
    "retry": RetryAsked,
    "skip": SkipAsked,
    "rerun": NothingMore,
}


def _says_how(data: Mapping[str, Any]) -> bool:
    """Tell whether the data of a start names its payload; otherwise they are the payload."""
    return data.keys() <= {"payload", "match"} and isinstance(data.get("payload", {}), dict)


class Command(BaseModel):
    """A request about an execution, as it arrives on the commands topic."""

    model_config = ConfigDict(frozen=True)

    command_id: ShortName
    kind: CommandKind
    execution_id: Annotated[str | None, BeforeValidator(read_execution)] = None
    workflow: ShortName | None = None
    data: dict[str, Any] = Field(
        default_factory=dict,
        validate_default=True,
        description="What the kind carries. Of a start: the payload, or `payload` and `match` "
        "(only if a trigger's condition holds). resume: `resume_data`, `from_step`; retry: "
        "`from_step`; skip: `step`; cancel: `compensate`.",
    )
    by: ShortName
    reason: Reason | None = None
    at: StoredInstant

    @field_validator("data")
    @classmethod
    def _fits_kind(cls, value: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        """Check what the kind carries, and fill in its defaults."""
        asked = ASKED.get(info.data.get("kind", ""))
        if asked is None:
            return value
        if asked is StartAsked and not _says_how(value):
            value = {"payload": value}
        try:
            return asked.model_validate(value).model_dump()
        except ValidationError as problem:
            first = problem.errors(include_url=False, include_input=False)[0]
            raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None

    @model_validator(mode="after")
    def _names_its_object(self) -> "Command":
        if self.kind == "start" and self.workflow is None:
            raise ValueError("name the workflow to start")
        if self.kind != "start" and self.execution_id is None:
            raise ValueError("name the execution_id")
        return self


def started_id(command: Command, workflow: str | None = None) -> ExecutionId:
    """Return the id of the execution that a `start` or `rerun` begins.

    `workflow` is that of the old execution, for a `rerun` that does not name it.
    """
    name = command.workflow or workflow
    if name is None:
        raise ValueError("a rerun that names no workflow needs that of its execution")
    at_ms = round(command.at.timestamp() * 1000)
    return execution_id(name, COMMAND_SOURCE, command.command_id, at_ms)
