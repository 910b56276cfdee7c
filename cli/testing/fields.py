"""How values of a `*.test.yaml` file are read: lengths, moments, answers, steps that wait."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
)

from engine.answers import Answer, Doubtful, Fails, Succeeds
from engine.durations import parse_duration, parse_instant


class Strict(BaseModel):
    """A mapping with known keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Fail(Strict):
    """How a stubbed call, or a stubbed child, fails."""

    code: str = "failed"
    message: str = "the stub says so"
    retryable: bool = False


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
    ((word, said),) = value.items()
    match word:
        case "output":
            return Succeeds(said)
        case "in_doubt" if said is True:
            return Doubtful()
        case "fail":
            return _failure(said)
        case _:
            return Succeeds(value)


def _failure(value: object) -> Fails:
    try:
        failure = Fail.model_validate(value)
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
