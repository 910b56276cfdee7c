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

ORPHAN_SECONDS = 1.0
"""How long for a worker of `sluicegate dev` whose `dev` was killed (interfaces.md, ready file)."""
CODES = {signal.SIGINT: 130}

log = logging.getLogger("sluicegate.process")


class _Process(faust.Worker):  # type: ignore[misc]
    """Ends in time after a signal, even where a client or the group does not answer."""

    end_code = 0
    """How an orderly end is told (interfaces.md, exit codes)."""
    parent: int | None = None
    """The process without which this one has no purpose."""

    def _schedule_shutdown(self, signal: Any) -> None:
        self.end_code = CODES.get(signal, 0)
        super()._schedule_shutdown(signal)
        is_orphan = self.parent is not None and os.getppid() != self.parent
        seconds = ORPHAN_SECONDS if is_orphan else END_SECONDS
        last = threading.Timer(seconds, self._end_now, (seconds,))
        last.daemon = True
        last.start()

    def _end_now(self, seconds: float) -> None:
        log.warning(
            "not all was given back within %g s: ending now, other workers take it over", seconds
        )
        os._exit(self.end_code)


def run_process(
    app: BatchApp,
    loop: asyncio.AbstractEventLoop,
    log_level: str,
    parent: int | None = None,
) -> int:
    """Run the application until a signal or a crash; return the exit code."""
    process: Any = _Process(
        app,
        loop=loop,
        loglevel=log_level,
        override_logging=False,
        redirect_stdouts=False,
        console_port=0,
    )
    process.spinner, process.parent = None, parent
    try:
        process.execute_from_commandline()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
        return code or process.end_code
    return int(process.end_code)
