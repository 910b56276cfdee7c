"""Live pages: one reader of changes per process, one drawing per view, any number of windows."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Protocol

from fastapi import Request
from fastapi.responses import StreamingResponse

from streams.tail import Change

PAUSE_SECONDS = 0.4
"""Least time between two drawings of one view."""
RETRY_SECONDS = 1.0
KEEP_ALIVE_SECONDS = 15.0
IDLE_SECONDS = 30.0
"""How long changes are still read after the last window has closed."""
ANSWER_SECONDS = 2.0
"""How often is looked for an answer that has not come."""
PROBE_SECONDS = 5.0
"""How often is asked whether there is still a database, though nothing changes."""
STALE = (
    '<div id="notice" hx-swap-oob="innerHTML"><p class="note bad" role="alert">'
    "The database cannot be reached; what you see may be old.</p></div>"
)
FRESH = '<div id="notice" hx-swap-oob="innerHTML"></div>'

Render = Callable[[], Awaitable[str]]
Concerns = Callable[[Change], bool]
Probe = Callable[[], Awaitable[object]]
log = logging.getLogger("sluicegate.live")

__all__ = ["ANSWER_SECONDS", "Change", "Live", "stream"]


class Source(Protocol):
    """Where changes come from."""

    def changes(self) -> AsyncGenerator[tuple[Change, ...] | None]:
        """Yield changes for ever, now and then none; None: some may have been missed."""


@dataclass(eq=False, slots=True)
class View:
    """What several windows look at: drawn once for all of them."""

    concerns: Concerns
    render: Render
    every: float | None
    readers: "set[asyncio.Queue[str]]" = field(default_factory=set)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    shown: str = ""
    stale: bool = False
    drawing: "asyncio.Task[None] | None" = None

    async def draw(self) -> None:
        """Draw when something has changed, and tell all readers what is new."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.every):
                    await self.changed.wait()
            self.changed.clear()
            pause = PAUSE_SECONDS if await self._draw_once() else RETRY_SECONDS
            await asyncio.sleep(pause)

    async def _draw_once(self) -> bool:
        try:
            html = await self.render()
        except Exception as problem:
            if not self.stale:
                log.warning("a live page cannot be drawn: %s", problem)
            self._tell(STALE)
            self.stale = True
            self.changed.set()
            return False
        if html != self.shown or self.stale:
            self._tell(FRESH + html if self.stale else html)
        self.shown, self.stale = html, False
        return True

    def _tell(self, html: str) -> None:
        for reader in self.readers:
            # A reader that has not taken the last one gets only the newest.
            with suppress(asyncio.QueueEmpty):
                reader.get_nowait()
            reader.put_nowait(html)


class Live:
    """Windows by what they look at; listens only while there are any."""

    def __init__(self, source: Source, probe: Probe) -> None:
        self._source, self._probe = source, probe
        self._views: dict[Hashable, View] = {}
        self._listening: asyncio.Task[None] | None = None
        self._probing: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def read(
        self, key: Hashable, concerns: Concerns, render: Render, every: float | None = None
    ) -> AsyncGenerator[str]:
        """Yield a view whenever it has changed, at first as it is; an empty text keeps alive."""
        view = self._views.get(key)
        if view is None:
            view = self._views[key] = View(concerns, render, every)
            view.drawing = asyncio.create_task(view.draw())
        reader: asyncio.Queue[str] = asyncio.Queue(1)
        view.readers.add(reader)
        if view.shown and not view.changed.is_set():
            reader.put_nowait(view.shown)
        else:
            view.changed.set()
        self._listen()
        try:
            while not self._closing.is_set():
                yield await self._next(reader)
        finally:
            view.readers.discard(reader)
            if not view.readers:
                self._drop(key, view)

    async def _next(self, reader: "asyncio.Queue[str]") -> str:
        try:
            async with asyncio.timeout(KEEP_ALIVE_SECONDS):
                return await reader.get()
        except TimeoutError:
            return ""

    def _drop(self, key: Hashable, view: View) -> None:
        if self._views.get(key) is view:
            del self._views[key]
        if view.drawing is not None:
            view.drawing.cancel()

    def _listen(self) -> None:
        if self._listening is None or self._listening.done():
            self._listening = asyncio.create_task(self._follow())
        if self._probing is None or self._probing.done():
            self._probing = asyncio.create_task(self._watch())

    async def _watch(self) -> None:
        """Draw all views when there is no database: each says so, until it can be drawn again."""
        while self._views:
            try:
                async with asyncio.timeout(PROBE_SECONDS):
                    await self._probe()
            except Exception:
                log.info("open pages are told that the database does not answer")
                for view in self._views.values():
                    view.changed.set()
            await asyncio.sleep(PROBE_SECONDS)

    async def _follow(self) -> None:
        """Mark the views that changes are about, until nobody has looked for a while."""
        loop = asyncio.get_running_loop()
        looked_at = loop.time()
        async with aclosing(self._source.changes()) as batches:
            async for changes in batches:
                for view in self._views.values():
                    if changes is None or any(map(view.concerns, changes)):
                        view.changed.set()
                if self._views:
                    looked_at = loop.time()
                elif loop.time() - looked_at > IDLE_SECONDS:
                    return

    async def close(self) -> None:
        """End all streams."""
        self._closing.set()
        for view in self._views.values():
            for reader in view.readers:
                if reader.empty():
                    reader.put_nowait("")
        tasks = [task for task in (self._listening, self._probing) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def _message(html: str) -> str:
    if not html:
        return ": still here\n\n"
    return "".join(f"data: {line}\n" for line in html.splitlines()) + "\n"


def stream(
    request: Request,
    key: Hashable,
    concerns: Concerns,
    render: Render,
    every: float | None = None,
) -> StreamingResponse:
    """Return a stream of server-sent events, one for each change of a view."""
    live: Live = request.app.state.live

    async def messages() -> AsyncIterator[str]:
        yield ": here\n\n"
        async with aclosing(live.read(key, concerns, render, every)) as drawn:
            async for html in drawn:
                yield _message(html)

    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(messages(), media_type="text/event-stream", headers=headers)
