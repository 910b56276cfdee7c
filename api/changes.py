"""`GET /stream`: what changes, as server-sent events, for pages and programs of any origin."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, suppress
from typing import Annotated, Any, Literal, Protocol

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse

from api.parts import STORABLE
from engine.ids import parse_execution_id, public_id
from streams.tail import Change

router = APIRouter(tags=["operations"])
KEEP_ALIVE_SECONDS = 15.0
MOST_BEHIND = 1_000
"""Changes that a slow reader may have open; one that has more is told that it missed some."""
Batch = tuple[Change, ...] | None
EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `approval` and `execution`, each with the ids of what is not as it "
        "was. `reread` comes first, and where some may have been missed: read your lists then.",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": 'event: approval\ndata: {"id": "w_...", "execution_id": "exec_..."}\n\n',
            }
        },
    }
}


class Source(Protocol):
    """Where changes come from."""

    def changes(self) -> AsyncGenerator[Batch]:
        """Yield changes for ever, now and then none; None: some may have been missed."""


class Feed:
    """Hands every change to all who listen; reads only while somebody does."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._readers: set[asyncio.Queue[Batch]] = set()
        self._reading: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._begun = False

    async def read(self) -> AsyncGenerator[Batch]:
        """Yield what changes from now on; an empty batch now and then keeps alive.

        None comes first: what changes after it is told.
        """
        queue: asyncio.Queue[Batch] = asyncio.Queue(MOST_BEHIND)
        self._readers.add(queue)
        if self._begun:
            queue.put_nowait(None)
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._spread())
        try:
            while not self._closing.is_set():
                try:
                    async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                        yield await queue.get()
                except TimeoutError:
                    yield ()
        finally:
            self._readers.discard(queue)

    async def _spread(self) -> None:
        try:
            async with aclosing(self._source.changes()) as batches:
                async for batch in batches:
                    if not self._readers:
                        return
                    self._begun = self._begun or batch is None
                    if batch is None or batch:
                        for queue in self._readers:
                            _hand(queue, batch)
        finally:
            self._begun = False

    async def close(self) -> None:
        """End all streams."""
        self._closing.set()
        for queue in self._readers:
            _hand(queue, ())
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])


def _hand(queue: "asyncio.Queue[Batch]", batch: Batch) -> None:
    """Give a reader a batch; one that is too far behind starts afresh, and is told so."""
    if queue.full():
        with suppress(asyncio.QueueEmpty):
            while True:
                queue.get_nowait()
        batch = None
    queue.put_nowait(batch)


def _written(change: Change) -> str:
    data = orjson.dumps({"id": change.id, "execution_id": change.execution_id}).decode()
    return f"event: {change.kind}\ndata: {data}\n\n"


@router.get("/stream", response_class=StreamingResponse, responses=EVENTS)
async def stream_changes(
    request: Request,
    kind: Literal["approval", "execution"] | None = None,
    execution: Annotated[
        str | None, Query(max_length=100, pattern=STORABLE, description="Only of this execution.")
    ] = None,
) -> StreamingResponse:
    """Stream what changes from now on: which approval or execution, never what it says."""
    feed: Feed = request.app.state.feed

    named = parse_execution_id(execution) if execution is not None else None
    only = public_id(named) if named is not None else execution

    def wanted(change: Change) -> bool:
        return kind in (None, change.kind) and only in (None, change.execution_id)

    async def messages() -> AsyncIterator[str]:
        yield "retry: 1000\n: here\n\n"
        async with aclosing(feed.read()) as batches:
            async for batch in batches:
                if batch is None:
                    yield "event: reread\ndata: {}\n\n"
                elif not batch:
                    yield ": still here\n\n"
                else:
                    yield "".join(map(_written, filter(wanted, batch)))

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(messages(), media_type="text/event-stream", headers=headers)
