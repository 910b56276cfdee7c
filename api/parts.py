"""What routes need, taken from the application."""

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Annotated, Any
from uuid import uuid4

from fastapi import Depends, Header, Query, Request

from api.answers import Answers
from api.problems import Problem
from config.settings import Settings
from storage.answering import Answering
from storage.reading import MAX_LIMIT, Page, Reading
from storage.store import PostgresStore
from streams.admin import Admin
from streams.definitions import Definitions
from streams.json_check import Undecodable, read_json
from streams.producer import KafkaOut
from streams.topics import Topics


@dataclass(frozen=True, slots=True)
class Parts:
    """One API process: what it reads from and produces to."""

    settings: Settings
    topics: Topics
    store: PostgresStore
    reading: Reading
    out: KafkaOut
    admin: Admin
    answering: Answering = field(init=False)
    answers: Answers = field(init=False)
    definitions: Definitions = field(init=False)

    def __post_init__(self) -> None:
        answering = Answering(self.store)
        object.__setattr__(self, "answering", answering)
        object.__setattr__(self, "answers", Answers(answering))
        object.__setattr__(self, "definitions", Definitions(self.reading))


def parts_of(request: Request) -> Parts:
    """Return the parts of the application."""
    parts: Parts = request.app.state.parts
    return parts


PartsDep = Annotated[Parts, Depends(parts_of)]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=500)]
WaitSeconds = Annotated[float, Query(alias="wait", ge=0, le=30)]
Text = Annotated[str | None, Query(max_length=500)]
IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=255)]
KEYED_SECONDS = 5.0
"""How long a call with an Idempotency-Key waits, so that its repetitions answer the same."""


def id_for(key: str | None, *scope: str) -> str:
    """Return the id that an Idempotency-Key has for one purpose; a new one without a key."""
    if key is None:
        return uuid4().hex
    return sha256("\x1f".join((*scope, key)).encode()).hexdigest()[:32]


def patience(wait: float, key: str | None) -> float:
    """Return how long to wait for an answer."""
    return wait if key is None else max(wait, KEYED_SECONDS)


def page_body(page: Page) -> dict[str, Any]:
    """Return a page as clients see it."""
    return {"items": page.items, "next_cursor": page.next_cursor}


async def read_body(request: Request, kinds: tuple[str, ...], limit: int) -> bytes:
    """Return a body of one of these media types within the limit; raises a 413 or 415 problem."""
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip()
    if kind not in kinds:
        raise Problem(415, "unsupported-media-type", f"send {' or '.join(kinds)}")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise Problem(413, "too-large", f"at most {limit} bytes are taken")
    return bytes(body)


async def read_json_body(request: Request, kinds: tuple[str, ...], limit: int) -> object:
    """Return a JSON body that can be stored; raises a 400, 413 or 415 problem."""
    body = await read_body(request, kinds, limit)
    try:
        return read_json(body, limit)
    except Undecodable as problem:
        raise Problem(400, "malformed", problem.message, problem.error_type) from None
