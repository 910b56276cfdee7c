"""What travels on the decisions topic beside decisions: comments, claims, reassignments, grants."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from engine.deciders import Delegation
from streams.messages import Decision, StoredInstant, read_named

GRANTED = timedelta(days=30)
"""How long a delegation lasts that names no end."""
Person = Annotated[str, Field(min_length=1, max_length=255)]
Id = Annotated[str, Field(min_length=1, max_length=255)]


class Said(BaseModel):
    """What notes and grants have in common."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    decision_id: Id
    decided_by: Person
    reason: Annotated[str, Field(max_length=2_000)] | None = Field(
        None, description="Why; of a comment its words, for which `text` is taken too."
    )
    to: tuple[Person, ...] = Field((), max_length=50)

    @field_validator("to", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        if value is None:
            return ()
        return [value] if isinstance(value, str) else value


class Note(Said):
    """A comment on a request, a claim of it, or others to decide it instead."""

    kind: Literal["comment", "claim", "reassign"]
    execution_id: Annotated[str | None, BeforeValidator(read_named)] = None
    request_id: Id | None = None
    roles: tuple[Person, ...] = Field((), max_length=50)

    @model_validator(mode="before")
    @classmethod
    def _text_is_reason(cls, value: Any) -> Any:
        """Take a comment's words as `text` too, as the HTTP interface does."""
        if isinstance(value, Mapping) and "text" in value and value.get("reason") is None:
            return {**value, "reason": value["text"]}
        return value

    @model_validator(mode="after")
    def _says_enough(self) -> "Note":
        if self.execution_id is None and self.request_id is None:
            raise ValueError("name the execution_id, the request_id, or both")
        if self.kind == "comment" and not (self.reason or "").strip():
            raise ValueError("a comment needs its words, as `text` or `reason`")
        return self


class Grant(Said):
    """Leave for others to decide on behalf of who sends it, for a period."""

    kind: Literal["delegate"]
    since: StoredInstant | None = Field(None, alias="from")
    until: StoredInstant | None = None

    @model_validator(mode="after")
    def _names_another(self) -> "Grant":
        if not self.to:
            raise ValueError("name in `to` who decides on your behalf")
        if self.decided_by in self.to:
            raise ValueError("nobody can decide on their own behalf; name somebody else in `to`")
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise ValueError("`until` must be after `from`")
        return self

    def is_over(self, received_at: datetime) -> bool:
        """Tell whether its period ends before it can begin."""
        return self.until is not None and self.until <= (self.since or received_at)

    def delegations(self, received_at: datetime) -> list[Delegation]:
        """Return what is granted; without `from` at once, without `until` for 30 days."""
        since = self.since or received_at
        until = self.until or since + GRANTED
        return [Delegation(self.decided_by, person, since, until) for person in self.to]


Answered: TypeAlias = Decision | Note | Grant
"""What a record of the decisions topic says; each is answered by one receipt."""
KINDS: Mapping[str, type[Decision] | type[Note] | type[Grant]] = {
    "decision": Decision,
    "comment": Note,
    "claim": Note,
    "reassign": Note,
    "delegate": Grant,
}


def as_recorded(item: Answered) -> dict[str, Any]:
    """Return what a record says as the database keeps it."""
    return item.model_dump(mode="json", by_alias=True)


def kind_of(value: Mapping[str, Any]) -> object:
    """Return what a record says that it is: without a kind, or with null, a decision."""
    return "decision" if value.get("kind") is None else value["kind"]


def read_answered(value: Mapping[str, Any]) -> Answered:
    """Return what a record says; raises KeyError for its kind, ValidationError for the rest."""
    return KINDS[str(kind_of(value))].model_validate(value)
