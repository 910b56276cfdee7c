"""What a `*.test.yaml` file says (docs/testing.md), as models: unknown keys are mistakes."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from engine.answers import Answer, Fails, Succeeds
from engine.durations import parse_duration, parse_instant

MOVES = ("decide", "event", "after", "cancel")


def _length(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no duration; write 30s, 10m, 24h or 5d")
    return parse_duration(value)


def _moment(value: object) -> datetime | timedelta:
    """Read an instant, or a length of time since the start."""
    if isinstance(value, datetime | timedelta):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no moment; write 2026-01-05T10:00:00Z, or 24h for later")
    try:
        return parse_duration(value)
    except ValueError:
        return parse_instant(value)


def _instant(value: object) -> datetime:
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no instant; write 2026-01-05T10:00:00Z")
    return parse_instant(value)


def _awaited(value: object) -> object:
    """Take a step's name, or a mapping of what its waiting record holds."""
    if isinstance(value, str):
        return {"step": value}
    if not isinstance(value, dict) or not isinstance(value.get("step"), str):
        raise ValueError("name the step: manager, or {step: manager, roles: [...]}")
    return value


def _answers(value: object) -> tuple[Answer, ...]:
    """Read what calls are answered: an output, `{output}`, `{fail}`, or a list of these."""
    if isinstance(value, list):
        if not value:
            raise ValueError("a list of answers needs at least one; it is used call by call")
        return tuple(_answer(item) for item in value)
    return (_answer(value),)


def _answer(value: object) -> Answer:
    if not isinstance(value, dict) or len(value) != 1:
        return Succeeds(value)
    if "output" in value:
        return Succeeds(value["output"])
    if "fail" not in value:
        return Succeeds(value)
    try:
        failure = Fail.model_validate(value["fail"])
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(map(str, ("fail", *first["loc"])))
        raise ValueError(f"{where}: {first['msg']}") from None
    return Fails(failure.code, failure.message, failure.retryable)


TEXT = WithJsonSchema({"type": "string"})
Answers = Annotated[Any, PlainValidator(_answers), WithJsonSchema({})]
Length = Annotated[timedelta, BeforeValidator(_length), TEXT]
Moment = Annotated[datetime | timedelta, BeforeValidator(_moment), TEXT]
Instant = Annotated[datetime, BeforeValidator(_instant), TEXT]
Awaited = Annotated[
    dict[str, Any], BeforeValidator(_awaited), WithJsonSchema({"type": ["string", "object"]})
]
Status = Literal["pending", "running", "paused", "completed", "blocked", "failed", "cancelled"]


class Strict(BaseModel):
    """A mapping with known keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Fail(Strict):
    """How a stubbed call fails."""

    code: str = "failed"
    message: str = "the stub says so"
    retryable: bool = False


class EventText(Strict):
    """A domain event."""

    type: str
    data: dict[str, Any] = {}
    id: str | None = None
    source: str = "/tests"
    key: str | None = None
    at: Moment | None = None


class Manual(Strict):
    """A start by hand."""

    data: dict[str, Any] = {}


class Given(Strict):
    """What starts the execution, and when."""

    event: EventText | None = None
    manual: Manual | None = None
    at: Instant | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "Given":
        if (self.event is None) == (self.manual is None):
            raise ValueError("given needs one of: event, manual")
        return self


class Decide(Strict):
    """A person's answer to the approval of a step."""

    step: str
    outcome: str = "approved"
    by: str = "tester"
    reason: str | None = None
    form: dict[str, Any] = {}
    roles: list[str] | None = None
    on_behalf_of: str | None = None
    at: Moment | None = None


class Cancel(Strict):
    """An operator ends the execution."""

    by: str = "tester"
    reason: str | None = None
    at: Moment | None = None


class Call(Strict):
    """An outside call that a step made; `params` need hold no more than what is checked."""

    kind: str | None = None
    step: str | None = None
    params: dict[str, Any] = {}
    attempt: int | None = None


class Emitted(Strict):
    """An event that a step emitted."""

    event: str
    data: Any = {}
    key: str | None = None
    topic: str | None = None


class Logged(Strict):
    """A line that a step logged."""

    level: str | None = None
    message: str | None = None
    fields: dict[str, Any] = {}


class Record(Strict):
    """A row of `records`."""

    entity: str
    id: str | None = None
    data: dict[str, Any] = {}
    version: int | None = None


class Expectation(Strict):
    """What must be so at this point; what is not named may be anything."""

    started: bool | None = None
    status: Status | None = None
    result: Literal["allowed", "blocked", "executed", "failed"] | None = None
    error_code: str | None = None
    error_message: str | None = None
    refused: str | None = None
    path: list[str] | None = None
    ran: list[str] | None = None
    not_run: list[str] | None = None
    waiting_for: list[Awaited] | None = None
    calls: list[Call] | None = None
    emitted: list[Emitted] | None = None
    logged: list[Logged] | None = None
    records: list[Record] | None = None
    context: dict[str, Any] | None = None


class Move(Strict):
    """One thing that happens, and what must be so right after."""

    decide: Decide | None = None
    event: EventText | None = None
    after: Length | None = None
    cancel: Cancel | None = None
    expect: Expectation | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "Move":
        named = [move for move in MOVES if getattr(self, move) is not None]
        if len(named) != 1:
            raise ValueError(f"a move is one of: {', '.join(MOVES)}")
        refused = self.expect is not None and self.expect.refused is not None
        if refused and named[0] not in ("decide", "cancel"):
            raise ValueError("refused belongs to a move that decides or cancels")
        return self


class Case(Strict):
    """One test: what is given, what happens, what must be so in the end."""

    name: str = Field(min_length=1)
    given: Given
    resources: dict[str, Answers] = {}
    stubs: dict[str, Answers] = {}
    records: list[Record] = []
    then: list[Move] = []
    expect: Expectation

    @model_validator(mode="after")
    def _refuses_nothing(self) -> "Case":
        if self.expect.refused is not None:
            raise ValueError("refused belongs to the expect of the move that is refused")
        return self


class Suite(Strict):
    """A file of tests of one workflow."""

    workflow: str
    tests: list[Case] = Field(min_length=1)
