"""Calls that block run beside the event loop, and never keep a process alive."""

import asyncio
import subprocess
import sys
import threading

import pytest

from actions.threads import Threads

HANGS = """
import asyncio, threading
from actions.threads import Threads

async def main():
    try:
        async with asyncio.timeout(0.05):
            await Threads("x", 1).run(threading.Event().wait)
    except TimeoutError:
        print("given up")

asyncio.run(main())
"""


async def test_a_call_returns_and_raises_as_if_it_were_awaited() -> None:
    threads = Threads("x", 2)
    assert await threads.run(lambda: threading.current_thread().name) == "x"
    with pytest.raises(ZeroDivisionError):
        await threads.run(lambda: 1 // 0)


async def test_what_would_end_a_thread_is_an_ordinary_error() -> None:
    threads = Threads("x", 1)
    for raised in (StopIteration, SystemExit):

        def ends(raised: type[BaseException] = raised) -> None:
            raise raised

        with pytest.raises(RuntimeError, match=raised.__name__):
            await threads.run(ends)


async def test_a_call_keeps_its_place_until_it_ends_though_nobody_waits_for_it() -> None:
    threads, gate = Threads("x", 1), threading.Event()
    hanging = asyncio.create_task(threads.run(gate.wait))
    await asyncio.sleep(0)
    hanging.cancel()
    second = asyncio.create_task(threads.run(lambda: "second"))
    done, _ = await asyncio.wait([second], timeout=0.05)
    assert not done
    gate.set()
    assert await second == "second"


def test_a_call_that_hangs_does_not_keep_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HANGS], capture_output=True, text=True, timeout=20, check=True
    )
    assert done.stdout == "given up\n"
