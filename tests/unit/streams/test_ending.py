"""A worker that is asked to stop ends its loops, whatever they make of it."""

import asyncio
import contextlib

from streams.worker import end_all


async def deaf(times: int) -> None:
    """Go on for ever, losing a cancellation as often as told."""
    for _ in range(times):
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
    await asyncio.Event().wait()


# S213
async def test_loops_end_even_if_they_lose_a_cancellation() -> None:
    tasks = [asyncio.create_task(deaf(times)) for times in (0, 1, 2)]
    await asyncio.sleep(0)
    await asyncio.wait_for(end_all(tasks), 10)
    assert all(task.cancelled() for task in tasks)


async def test_ending_nothing_returns_at_once() -> None:
    await asyncio.wait_for(end_all(()), 1)
