"""Waiting for answers: one loop per process asks the database for all requests that wait."""

import asyncio
from collections.abc import Collection
from typing import Any, Protocol

from storage.answering import Question

Row = dict[str, Any]
POLL_SECONDS = 0.02


class Source(Protocol):
    """Where answers come from."""

    async def answers(self, questions: Collection[Question]) -> dict[Question, Row]:
        """Return the answers that there are."""


class Answers:
    """Answers questions as soon as the database can; asks it only while somebody waits."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._waiting: dict[Question, set[asyncio.Future[Row]]] = {}
        self._loop: asyncio.Task[None] | None = None

    async def wait(self, question: Question, seconds: float) -> Row | None:
        """Return the answer, None if it has not come in time; raises what the database raises."""
        future: asyncio.Future[Row] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(question, set()).add(future)
        if self._loop is None or self._loop.done():
            self._loop = asyncio.create_task(self._poll())
        try:
            async with asyncio.timeout(seconds):
                return await future
        except TimeoutError:
            return None
        finally:
            self._forget(question, future)

    def _forget(self, question: Question, future: asyncio.Future[Row]) -> None:
        askers = self._waiting.get(question, set())
        askers.discard(future)
        if not askers:
            self._waiting.pop(question, None)

    async def _poll(self) -> None:
        while self._waiting:
            try:
                found = await self._source.answers(list(self._waiting))
            except Exception as problem:
                self._fail(problem)
                return
            for question, answer in found.items():
                for future in self._waiting.pop(question, set()):
                    if not future.done():
                        future.set_result(answer)
            await asyncio.sleep(POLL_SECONDS)

    def _fail(self, problem: Exception) -> None:
        for futures in self._waiting.values():
            for future in futures:
                if not future.done():
                    future.set_exception(problem)
        self._waiting.clear()

    async def close(self) -> None:
        """Stop asking."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.wait([self._loop])
