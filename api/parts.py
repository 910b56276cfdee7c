"""What routes need, taken from the application."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Annotated, Any
from urllib.parse import quote
from uuid import uuid4

from fastapi import Depends, Header, Path, Query, Request, Response
from pydantic import AfterValidator, BeforeValidator

from api.answers import Answers
from api.keyed import SentBodies
from api.problems import Problem
from config.settings import Settings
from storage.answering import Answering
from storage.reading import MAX_LIMIT, MAX_OFFSET, Page, Reading
from storage.store import PostgresStore
from streams.admin import Admin
from streams.cloud_events import media_type
from streams.definitions import Definitions
from streams.json_check import Undecodable, read_json
from streams.producer import KafkaOut
from streams.tail import Tail
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
    sent: SentBodies = field(init=False, default_factory=SentBodies)

    def __post_init__(self) -> None:
        answering = Answering(self.store)
        object.__setattr__(self, "answering", answering)
        object.__setattr__(self, "answers", Answers(answering))
        object.__setattr__(self, "definitions", Definitions(self.reading))

    def tail(self) -> Tail:
        """Return a reader of what changes."""
        settings = self.settings
        security, wait = settings.kafka_security(), settings.fetch_wait_ms
        return Tail(settings.kafka, security, self.topics, fetch_wait_ms=wait)


def parts_of(request: Request) -> Parts:
    """Return the parts of the application."""
    parts: Parts = request.app.state.parts
    return parts


PartsDep = Annotated[Parts, Depends(parts_of)]
STORABLE = r"^[^\x00]*$"
"""What a database can hold: any text without NUL."""


def written_out(value: object) -> object:
    """Return the text of an instant; raises ValueError for a number, whatever it may count."""
    if value is not None and not (isinstance(value, str) and value[:4].isdigit() and "-" in value):
        raise ValueError("write an instant such as 2026-11-28T09:00:00Z")
    return value


def as_utc(at: datetime | None) -> datetime | None:
    """Return an instant with its zone: UTC where none is named."""
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Most rows to return.")]
Cursor = Annotated[
    str | None, Query(max_length=500, description="`next_cursor` of the page before.")
]
Offset = Annotated[
    int, Query(ge=0, le=MAX_OFFSET, description="Rows to leave out; cursors reach any row.")
]
WaitSeconds = Annotated[
    float,
    Query(alias="wait", ge=0, le=30, description="How long to wait for the answer, in seconds."),
]
Text = Annotated[str | None, Query(max_length=500, pattern=STORABLE)]
Instant = Annotated[datetime | None, Query(), BeforeValidator(written_out), AfterValidator(as_utc)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        description="A key of yours: a repeated call with it does nothing again and is answered "
        "as the first one was.",
    ),
]
Name = Annotated[str, Path(min_length=1, max_length=255, pattern=STORABLE)]
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


def point_to_receipt(response: Response, id: str) -> None:
    """Tell in `Location` where the answer to what was sent is found."""
    response.headers["Location"] = f"/api/v1/receipts/{quote(id, safe='')}"


def page_body(page: Page) -> dict[str, Any]:
    """Return a page as clients see it."""
    return {"items": page.items, "next_cursor": page.next_cursor}


async def read_body(request: Request, kinds: tuple[str, ...], limit: int) -> bytes:
    """Return a body of one of these media types within the limit; raises a 413 or 415 problem."""
    kind = media_type(request.headers) if "content-type" in request.headers else "application/json"
    if kind not in kinds:
        raise Problem(415, "unsupported-media-type", f"send {' or '.join(kinds)}")
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding != "identity":
        raise Problem(415, "unsupported-media-type", f"send the body as it is, not as {encoding}")
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
