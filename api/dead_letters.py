"""Dead letters: looked at, replayed, discarded."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Path
from pydantic import BaseModel, ConfigDict, Field

from api.parts import (
    STORABLE,
    Cursor,
    IdempotencyKey,
    Instant,
    Limit,
    Parts,
    PartsDep,
    Text,
    page_body,
)
from api.problems import Problem, not_found
from api.shapes.common import shown
from api.shapes.operations import DeadLetterPage, WholeDeadLetter
from storage.dead_letters import (
    LAST_ID,
    Asked,
    DeadLetterFilter,
    DeadLetterRows,
    NoDeadLetter,
    NotOpen,
    NotWhole,
    Settlement,
)
from streams.redrive import discard, readable_letter, replay

router = APIRouter(tags=["operations"])
Row = dict[str, Any]
Id = Annotated[int, Path(ge=1, le=LAST_ID)]
CALLER = "api"
"""Who asks where nobody is named."""


class Settling(BaseModel):
    """Who asks, and why."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"by": "ops@example.com", "reason": "mended"}]},
    )

    by: str = Field(CALLER, min_length=1, max_length=255, pattern=STORABLE)
    reason: str | None = Field(None, max_length=2_000, pattern=STORABLE)


@router.get("/dead-letters", response_model=None, responses=shown(DeadLetterPage))
async def list_dead_letters(
    parts: PartsDep,
    topic: Text = None,
    error_type: Text = None,
    since: Instant = None,
    status: Literal["open", "replayed", "discarded", "any"] = "any",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Row:
    """Return dead letters, newest first."""
    wanted = DeadLetterFilter(topic, error_type, since)
    page = await DeadLetterRows(parts.store).page(
        wanted, None if status == "any" else status, limit, cursor
    )
    return page_body(page)


@router.get("/dead-letters/{id}", response_model=None, responses=shown(WholeDeadLetter))
async def get_dead_letter(parts: PartsDep, id: Id) -> Row:
    """Return one with its bytes, its reason, and what was done about it."""
    try:
        return readable_letter(await DeadLetterRows(parts.store).find(id))
    except NoDeadLetter:
        raise not_found(f"the dead letter {id}") from None


async def _settle(
    parts: Parts, id: int, how: Settlement, settling: Settling | None, key: str | None
) -> Row:
    settling = settling or Settling.model_validate({})
    asked = Asked(settling.by, settling.reason, key)
    rows = DeadLetterRows(parts.store)
    try:
        if how == "replay":
            await replay(rows, parts.out, id, asked)
        else:
            await discard(rows, id, asked)
    except NoDeadLetter:
        raise not_found(f"the dead letter {id}") from None
    except NotOpen as problem:
        raise Problem(409, "dead-letter-settled", str(problem), problem.status) from None
    except NotWhole as problem:
        raise Problem(409, "dead-letter-cut", str(problem)) from None
    return readable_letter(await rows.find(id))


@router.post(
    "/dead-letters/{id}/replay",
    status_code=202,
    response_model=None,
    responses=shown(WholeDeadLetter, 202, "Produced again"),
)
async def replay_dead_letter(
    parts: PartsDep,
    id: Id,
    settling: Annotated[Settling | None, Body()] = None,
    idempotency_key: IdempotencyKey = None,
) -> Row:
    """Produce the original record to its topic again; 409 if that was done, or it was discarded."""
    return await _settle(parts, id, "replay", settling, idempotency_key)


@router.post(
    "/dead-letters/{id}/discard",
    response_model=None,
    responses=shown(WholeDeadLetter, text="Given up"),
)
async def discard_dead_letter(
    parts: PartsDep,
    id: Id,
    settling: Annotated[Settling | None, Body()] = None,
    idempotency_key: IdempotencyKey = None,
) -> Row:
    """Give a dead letter up; 409 if it was replayed or discarded before."""
    return await _settle(parts, id, "discard", settling, idempotency_key)
