"""A worker's process: Faust's own, with our loop and logging."""

import asyncio
from typing import Any

import faust

from streams.transport import BatchApp


def run_process(app: BatchApp, loop: asyncio.AbstractEventLoop, log_level: str) -> int:
    """Run the application until a signal or a crash; return the exit code."""
    process: Any = faust.Worker(
        app,
        loop=loop,
        loglevel=log_level,
        override_logging=False,
        redirect_stdouts=False,
        console_port=0,
    )
    process.spinner = None
    try:
        process.execute_from_commandline()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    return 0
