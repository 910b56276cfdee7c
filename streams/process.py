"""A worker's process: Faust's own, with our loop and logging, and an end that always comes."""

import asyncio
import logging
import os
import signal
import threading
from typing import Any

import faust

from streams.transport import BatchApp

END_SECONDS = 9.0
"""How long an orderly end may take; what is unfinished then is taken over by others anyway."""

CODES = {signal.SIGINT: 130}

log = logging.getLogger("sluicegate.process")


class _Process(faust.Worker):  # type: ignore[misc]
    """Ends in time after a signal, even where a client or the group does not answer."""

    end_code = 0
    """How an orderly end is told (interfaces.md, exit codes)."""

    def _schedule_shutdown(self, signal: Any) -> None:
        self.end_code = CODES.get(signal, 0)
        super()._schedule_shutdown(signal)
        last = threading.Timer(END_SECONDS, self._end_now)
        last.daemon = True
        last.start()

    def _end_now(self) -> None:
        log.warning(
            "not all was given back within %g s: ending now, other workers take it over",
            END_SECONDS,
        )
        os._exit(self.end_code)


def run_process(app: BatchApp, loop: asyncio.AbstractEventLoop, log_level: str) -> int:
    """Run the application until a signal or a crash; return the exit code."""
    process: Any = _Process(
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
        code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
        return code or process.end_code
    return int(process.end_code)
