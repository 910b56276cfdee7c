"""What people do with a request beside deciding it: comment, claim, reassign, delegate."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from api.approvals import ANSWERED, Row, find_approval
from api.parts import IdempotencyKey, Name, Parts, PartsDep, WaitSeconds, id_for, written_out
from api.saying import say
from streams.issuing import delegation, note, refusal_of_note
from streams.messages import StoredInstant

router = APIRouter(tags=["approvals"])
At = Annotated[StoredInstant | None, BeforeValidator(written_out)]
Person = Annotated[str, Field(min_length=1, max_length=255)]


def listed(value: object) -> object:
    """Return one person as a list of them."""
    return [value] if isinstance(value, str) else value


People = Annotated[
    list[Person],
    BeforeValidator(listed, json_schema_input_type=Person | list[Person]),
    Field(min_length=1, max_length=50),
]
"""As on the topic; one may be named without a list."""


class ByPerson(BaseModel):
    """Who does it, and why."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"decided_by": "ana@example.com", "reason": "on it"}]},
    )

    decided_by: Person
    reason: str | None = Field(None, max_length=2_000)


class Comment(BaseModel):
    """What somebody has to say about a request."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"decided_by": "ana@example.com", "text": "Asked the customer."}]
        },
    )

    decided_by: Person
    text: str = Field(
        min_length=1, max_length=2_000, description="Its words; `reason` is taken too, as on Kafka."
    )

    @model_validator(mode="before")
    @classmethod
    def _reason_is_text(cls, value: Any) -> Any:
        if isinstance(value, dict) and "reason" in value and "text" not in value:
            return {name: said for name, said in value.items() if name != "reason"} | {
                "text": value["reason"]
            }
        return value


class Reassign(ByPerson):
    """Who decides instead: users, roles, or both."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"decided_by": "ana@example.com", "to": ["bo@example.com"]}]
        },
    )

    to: list[Person] = Field(default_factory=list, max_length=50)
    roles: list[Person] = Field(default_factory=list, max_length=50)

    @model_validator(mode="after")
    def _names_somebody(self) -> "Reassign":
        if not self.to and not self.roles:
            raise ValueError("name the people or roles who shall decide instead")
        return self


class Delegate(ByPerson):
    """Who may decide on behalf of `decided_by`, and from when until when."""

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
        json_schema_extra={
            "examples": [
                {
                    "decided_by": "ana@example.com",
                    "to": "bo@example.com",
                    "until": "2099-01-04T00:00:00Z",
                    "reason": "on leave",
                }
            ]
        },
    )

    to: People
    since: At = Field(None, alias="from")
    until: At = None

    @model_validator(mode="after")
    def _lasts(self) -> "Delegate":
        if self.since and self.until and self.until <= self.since:
            raise ValueError("`until` must be after `from`")
        if self.until and self.until <= datetime.now(UTC):
            raise ValueError("`until` is over: name an instant to come")
        return self


async def _note(
    parts: Parts,
    kind: str,
    request_id: str,
    response: Response,
    wait: float,
    key: str | None,
    **said: Any,
) -> Row:
    approval = await find_approval(parts, request_id)
    value = note(kind, id_for(key, kind, request_id), approval["record"], **said)
    return await say(parts, value, response, wait, key, refusal_of_note(kind, approval))


@router.post(
    "/approvals/{request_id}/comments", status_code=202, response_model=None, responses=ANSWERED
)
async def comment(
    parts: PartsDep,
    request_id: Name,
    said: Comment,
    response: Response,
    wait: WaitSeconds = 0,
    idempotency_key: IdempotencyKey = None,
) -> Row:
    """Say something about a request, open or closed."""
    return await _note(
        parts,
        "comment",
        request_id,
        response,
        wait,
        idempotency_key,
        decided_by=said.decided_by,
        reason=said.text,
    )


@router.post(
    "/approvals/{request_id}/claim", status_code=202, response_model=None, responses=ANSWERED
)
async def claim(
    parts: PartsDep,
    request_id: Name,
    asked: ByPerson,
    response: Response,
    wait: WaitSeconds = 0,
    idempotency_key: IdempotencyKey = None,
) -> Row:
    """Tell the others that you see to a request."""
    said = asked.model_dump()
    return await _note(parts, "claim", request_id, response, wait, idempotency_key, **said)


@router.post(
    "/approvals/{request_id}/reassign", status_code=202, response_model=None, responses=ANSWERED
)
async def reassign(
    parts: PartsDep,
    request_id: Name,
    asked: Reassign,
    response: Response,
    wait: WaitSeconds = 0,
    idempotency_key: IdempotencyKey = None,
) -> Row:
    """Let others decide a request."""
    said = asked.model_dump()
    return await _note(parts, "reassign", request_id, response, wait, idempotency_key, **said)


async def _delegate(
    parts: Parts, asked: Delegate, response: Response, wait: float, key: str | None
) -> Row:
    decision_id = id_for(key, "delegate", asked.decided_by)
    value = delegation(
        decision_id, asked.decided_by, asked.to, asked.since, asked.until, asked.reason
    )
    return await say(parts, value, response, wait, key)


@router.post("/approvals/delegate", status_code=202, response_model=None, responses=ANSWERED)
async def delegate(
    parts: PartsDep,
    asked: Delegate,
    response: Response,
    wait: WaitSeconds = 0,
    idempotency_key: IdempotencyKey = None,
) -> Row:
    """Let somebody decide on your behalf, for a period, whatever the request."""
    return await _delegate(parts, asked, response, wait, idempotency_key)


@router.post(
    "/approvals/{request_id}/delegate", status_code=202, response_model=None, responses=ANSWERED
)
async def delegate_at(
    parts: PartsDep,
    request_id: Name,
    asked: Delegate,
    response: Response,
    wait: WaitSeconds = 0,
    idempotency_key: IdempotencyKey = None,
) -> Row:
    """Let somebody decide on your behalf, for a period: this request, and others as well."""
    await find_approval(parts, request_id)
    return await _delegate(parts, asked, response, wait, idempotency_key)
