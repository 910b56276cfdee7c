"""What must be so at a point of a test: the `expect` of a `*.test.yaml` file."""

from typing import Any, Literal

from pydantic import Field

from cli.testing.fields import Awaited, Status, Strict


class Call(Strict):
    """An outside call that a step made; `params` need hold no more than what is checked."""

    kind: str | None = None
    step: str | None = None
    params: dict[str, Any] = Field(default_factory=dict)
    attempt: int | None = None


class Emitted(Strict):
    """An event that a step emitted."""

    event: str
    data: Any = Field(default_factory=dict)
    key: str | None = None
    topic: str | None = None


class Logged(Strict):
    """A line that a step logged."""

    level: str | None = None
    message: str | None = None
    fields: dict[str, Any] = Field(default_factory=dict)


class Record(Strict):
    """A row of `records`."""

    entity: str
    id: str | None = None
    data: dict[str, Any] = Field(default_factory=dict)
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
    children: "dict[str, Expectation] | None" = None
    """Of the executions that steps started, by step."""
