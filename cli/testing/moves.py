"""What can happen in a test: the entries of `then` in a `*.test.yaml` file."""

from typing import Any

from pydantic import Field, model_validator

from cli.testing.expected import Expectation
from cli.testing.fields import Length, Moment, Strict
from streams.messages import Reason, ShortName


class Timed(Strict):
    """Something that happens; `at`: the clock moves there first."""

    at: Moment | None = None


class EventText(Timed):
    """A domain event."""

    type: str
    data: dict[str, Any] = Field(default_factory=dict)
    id: str | None = None
    source: str = "/tests"
    key: str | None = None
    subject: str | None = None


class Asked(Timed):
    """Something that a person asks of the execution."""

    by: ShortName = "tester"


class Decide(Asked):
    """A person's answer to the approval of a step; one vote where its policy counts several."""

    step: str
    outcome: str = "approved"
    reason: Reason | None = None
    form: dict[str, Any] = Field(default_factory=dict)
    roles: list[str] | None = None
    on_behalf_of: str | None = None


class Claim(Asked):
    """Somebody takes the approval of a step upon themselves."""

    step: str


class Reassign(Asked):
    """Somebody has others decide the approval of a step."""

    step: str
    to: list[str] = Field(default_factory=list)
    roles: list[str] = Field(default_factory=list)


class Cancel(Asked):
    """An operator ends the execution."""

    reason: Reason | None = None
    compensate: bool = False


class Hold(Asked):
    """An operator lets no further step begin."""

    reason: Reason | None = None


class Resume(Asked):
    """An operator lets the execution go on, instead of what it waits for."""

    data: dict[str, Any] = Field(default_factory=dict)
    from_step: str | None = None


class Skip(Asked):
    """An operator passes the step at which the execution stands."""

    step: str | None = None


class Retry(Asked):
    """An operator has a step tried again now."""

    step: str | None = None


Ask = Decide | Claim | Reassign | Cancel | Hold | Resume | Skip | Retry
ASKED = ("decide", "claim", "reassign", "cancel", "hold", "resume", "skip", "retry")
MOVES = ("decide", "event", "after", *ASKED[1:])


class Move(Strict):
    """One thing that happens, and what must be so right after."""

    decide: Decide | None = None
    event: EventText | None = None
    after: Length | None = None
    claim: Claim | None = None
    reassign: Reassign | None = None
    cancel: Cancel | None = None
    hold: Hold | None = None
    resume: Resume | None = None
    skip: Skip | None = None
    retry: Retry | None = None
    child: str | list[str] = Field(default_factory=list)
    """The step that started the execution which the move, and its `expect`, are about."""
    expect: Expectation | None = None

    @model_validator(mode="after")
    def _is_one(self) -> "Move":
        named = [move for move in MOVES if getattr(self, move) is not None]
        if len(named) != 1:
            raise ValueError(f"a move is one of: {', '.join(MOVES)}")
        refused = self.expect is not None and self.expect.refused is not None
        if refused and named[0] not in ASKED:
            raise ValueError(f"refused belongs to a move that asks: {', '.join(ASKED)}")
        return self

    @property
    def asked(self) -> Ask | None:
        """What somebody asks for, None where no answer comes."""
        found: list[Ask | None] = [getattr(self, name) for name in ASKED]
        return next((ask for ask in found if ask is not None), None)

    @property
    def about(self) -> list[str]:
        """The steps that lead from the execution to the child that is meant."""
        return [self.child] if isinstance(self.child, str) else self.child
