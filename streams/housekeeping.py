"""The housekeeping of a deployment, done by whichever worker finds it due."""

import asyncio
import logging

from storage.errors import DatabaseUnreachable
from storage.housekeeping import Housekeeping
from storage.store import TRANSIENT
from streams.driver import back_off

LONGEST_PAUSE_SECONDS = 60.0
log = logging.getLogger("sluicegate.housekeeping")


async def keep_house(housekeeping: Housekeeping, every_seconds: float) -> None:
    """Look for ever whether it is due; an outage only delays it."""
    pause, attempt = min(LONGEST_PAUSE_SECONDS, every_seconds / 4), 0
    while True:
        try:
            now = await housekeeping.claim(every_seconds)
            if now is not None:
                for what in await housekeeping.tidy(now):
                    log.info("%s", what)
            attempt = 0
        except (*TRANSIENT, DatabaseUnreachable) as error:
            attempt += 1
            await back_off(attempt, "housekeeping", error)
            continue
        await asyncio.sleep(pause)
