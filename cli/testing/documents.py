"""What a `*.test.yaml` file says (docs/testing.md), as models: unknown keys are mistakes."""

from typing import Any

from pydantic import Field, model_validator

from cli.testing.expected import Expectation, Record
from cli.testing.fields import Answers, Instant, Moment, Strict
from cli.testing.moves import EventText, Move

STARTS = ("event", "events", "manual", "schedule")


class Manual(Strict):
    """A start by hand."""

    data: dict[str, Any] = Field(default_factory=dict)


class Slot(Strict):
    """A start by a schedule: its name where the workflow has several, and the slot."""

    name: str | None = None
    slot: Instant | None = None


class Given(Strict):
    """What starts the execution, and when; `events` are those that a trigger gathers."""

    event: EventText | None = None
    events: list[EventText] | None = Field(default=None, min_length=1)
    manual: Manual | None = None
    schedule: Slot | None = None
    at: Instant | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "Given":
        if sum(getattr(self, start) is not None for start in STARTS) != 1:
            raise ValueError(f"given needs one of: {', '.join(STARTS)}")
        return self


class Delegated(Strict):
    """One person lets another decide for them; without bounds all the time."""

    user: str
    delegate: str
    since: Moment | None = None
    until: Moment | None = None


class Case(Strict):
    """One test: what is given, what happens, what must be so in the end."""

    name: str = Field(min_length=1)
    given: Given
    resources: dict[str, Answers] = Field(default_factory=dict)
    stubs: dict[str, Answers] = Field(default_factory=dict)
    records: list[Record] = Field(default_factory=list)
    delegations: list[Delegated] = Field(default_factory=list)
    then: list[Move] = Field(default_factory=list)
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
