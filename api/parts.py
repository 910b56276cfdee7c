"""What routes need, taken from the application."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Query, Request

from config.settings import Settings
from storage.reading import MAX_LIMIT, Page, Reading
from storage.store import PostgresStore
from streams.admin import Admin
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


def parts_of(request: Request) -> Parts:
    """Return the parts of the application."""
    parts: Parts = request.app.state.parts
    return parts


PartsDep = Annotated[Parts, Depends(parts_of)]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]
Cursor = Annotated[str | None, Query(max_length=500)]
WaitSeconds = Annotated[float, Query(alias="wait", ge=0, le=30)]


def page_body(page: Page) -> dict[str, Any]:
    """Return a page as clients see it."""
    return {"items": page.items, "next_cursor": page.next_cursor}
