"""Waiting until everything that ends by itself has ended, or nothing moves any more."""

import asyncio
import contextlib
import time
from collections.abc import Callable

from cli.chaos.definition import NAME, SOURCE
from cli.chaos.sent import Sent
from config.settings import Settings
from storage.errors import DatabaseUnreachable
from storage.invariants import Cohort, Invariants
from storage.store import TRANSIENT, PostgresStore

STILL_SECONDS = 60.0
LONGEST_SECONDS = 600.0
LOOK_SECONDS = 1.0


class Settling:
    """Asks a deployment how much is under way."""

    def __init__(
        self, settings: Settings, cohort: Cohort, sent: Sent, *, built_in: bool = True
    ) -> None:
        self._settings, self._cohort, self._sent = settings, cohort, sent
        self._built_in = built_in

    def wait(self, meanwhile: Callable[[], None]) -> bool:
        """Return whether all settled; gives up when nothing has moved for a minute."""
        with asyncio.Runner() as runner:
            begun = moved = looked = time.monotonic()
            last = (-1, -1)
            while time.monotonic() - moved < STILL_SECONDS:
                meanwhile()
                now = time.monotonic()
                if now - looked < LOOK_SECONDS:
                    continue
                looked = now
                left = runner.run(self._left())
                if left == (0, 0):
                    return True
                if left != last:
                    moved, last = now, left
                if now - begun > LONGEST_SECONDS:
                    break
        return False

    async def _left(self) -> tuple[int, int]:
        """Return what is under way, and how many executions or events are still to come."""
        with contextlib.suppress(*TRANSIENT, DatabaseUnreachable):
            store = PostgresStore(self._settings.database, pool_size=1, name="sluicegate chaos")
            await store.open(within=2)
            try:
                invariants = Invariants(store, self._cohort)
                unsettled = await invariants.unsettled()
                through = await self._through(invariants)
            finally:
                await store.close()
            return unsettled, max(0, self._sent.attempted() - through)
        return -1, -1

    async def _through(self, invariants: Invariants) -> int:
        if self._built_in:
            return (await invariants.progress([NAME]))["ended"]
        return (await invariants.event_progress(SOURCE))["known"]
