"""The housekeeping of a deployment, done by whichever worker finds it due."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime

from storage.errors import DatabaseUnreachable, HousekeepingFailed
from storage.housekeeping import Chore, Housekeeping
from storage.store import TRANSIENT
from streams.driver import back_off

LONGEST_PAUSE_SECONDS = 60.0
VACUUM_SECONDS = 10.0
log = logging.getLogger("sluicegate.housekeeping")


async def keep_house(housekeeping: Housekeeping, every_seconds: float) -> None:
    """Make months ahead and drop old ones, for ever."""

    async def tidy(now: datetime) -> None:
        try:
            for what in await housekeeping.tidy(now):
                log.info("%s", what)
        except HousekeepingFailed as problem:
            log.warning("%s", problem)

    await _whenever_due(housekeeping, "housekeeping", every_seconds, tidy)


async def keep_queues_small(housekeeping: Housekeeping) -> None:
    """Vacuum the tables whose rows come and go, for ever."""

    async def vacuum(now: datetime) -> None:
        del now
        await housekeeping.vacuum()

    await _whenever_due(housekeeping, "vacuum", VACUUM_SECONDS, vacuum)


async def _whenever_due(
    housekeeping: Housekeeping,
    chore: Chore,
    every_seconds: float,
    do: Callable[[datetime], Awaitable[None]],
) -> None:
    """Look for ever whether a chore is due; an outage only delays it."""
    pause, attempt = min(LONGEST_PAUSE_SECONDS, every_seconds / 4), 0
    while True:
        try:
            now = await housekeeping.claim(chore, every_seconds)
            if now is not None:
                await do(now)
            attempt = 0
        except (*TRANSIENT, DatabaseUnreachable) as error:
            attempt += 1
            await back_off(attempt, chore, error)
            continue
        await asyncio.sleep(pause)
