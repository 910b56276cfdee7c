"""Calls that block, beside the event loop."""

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from threading import Thread
from typing import TypeVar

T = TypeVar("T")


class Threads:
    """Runs calls in threads that never keep the process alive, so many at once and no more.

    Nobody can stop a thread: one that hangs keeps its place, also when nobody waits for it.
    """

    def __init__(self, name: str, most: int) -> None:
        self._name, self._places = name, asyncio.Semaphore(most)

    async def run(self, call: Callable[[], T]) -> T:
        """Return what the call returns, or raise what it raises."""
        await self._places.acquire()
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def finish(settle: Callable[[], None]) -> None:
            self._places.release()
            if not done.cancelled():
                settle()

        def work() -> None:
            try:
                settle = partial(done.set_result, call())
            except BaseException as raised:
                settle = partial(done.set_exception, _ordinary(raised))
            # The loop may be closed when a call comes to its end at last.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(finish, settle)

        Thread(target=work, name=self._name, daemon=True).start()
        return await done


def _ordinary(raised: BaseException) -> Exception:
    """Return what was raised as an error that a future can hold."""
    if isinstance(raised, Exception) and not isinstance(raised, StopIteration):
        return raised
    return RuntimeError(repr(raised))
