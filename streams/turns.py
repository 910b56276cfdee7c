"""Effects that wait for their turn: kept under our lease, begun by one statement for many."""

import asyncio
import logging
from collections.abc import Collection
from dataclasses import dataclass
from itertools import islice
from typing import Any

from actions.client import AT_ONCE
from engine.effects import Perform
from engine.ids import ChildId, ExecutionId
from storage.errors import DatabaseUnreachable
from storage.store import TRANSIENT, PostgresStore
from streams.driver import back_off
from streams.work import LEASE_GRACE_SECONDS

RENEW_SECONDS = 1.0
"""How often leases are looked at; the shortest ends after `LEASE_GRACE_SECONDS`."""
FEW = AT_ONCE // 8
GATHER_SECONDS = 0.01
"""How long more than a few places become free while more calls wait than there is room for."""

log = logging.getLogger("sluicegate.turns")


@dataclass(frozen=True, slots=True)
class Held:
    """An effect whose lease is ours; `begun` tells whether a worker that died had begun it."""

    execution_id: ExecutionId
    effect: Perform
    begun: bool = False


class Turns:
    """What this worker holds: effects that wait, and those begun whose result is not recorded.

    An effect that has waited begins when the database says so under our lease. One that was
    dropped, or that another worker took over meanwhile, does not; one that waits is not in doubt.
    """

    def __init__(self, store: PostgresStore, worker: str, places: int = AT_ONCE) -> None:
        self._store, self._worker, self._free = store, worker, places
        self._waiting: dict[ChildId, Held] = {}
        self._begun: set[ChildId] = set()
        self._changed = asyncio.Event()
        self._beginning = asyncio.Lock()
        self._closed = False

    @property
    def held(self) -> set[ChildId]:
        """Effects that nobody else needs to look after."""
        return self._begun | self._waiting.keys()

    @property
    def untouched(self) -> list[ChildId]:
        """Effects that wait here and that certainly nobody has begun."""
        return sorted(id for id, held in self._waiting.items() if not held.begun)

    def begins_now(self, held: Held) -> bool:
        """Begin an effect that was committed this instant and that may be repeated, given room.

        Nobody else can have it yet, and it is never in doubt: the database need not be asked.
        """
        if self._closed or self._waiting or not self._free:
            return False
        self._begun.add(held.effect.id)
        self._free -= 1
        return True

    def wait(self, held: Held) -> None:
        """Let an effect wait for its turn, unless nothing more may begin."""
        if not self._closed:
            self._waiting[held.effect.id] = held
            self._changed.set()

    async def next(self) -> list[Held]:
        """Return effects that begin now, as soon as there are any and there is room."""
        while self._closed or not self._waiting or not self._free:
            self._changed.clear()
            await self._changed.wait()
        if self._free < min(FEW, len(self._waiting)):
            await asyncio.sleep(GATHER_SECONDS)
        async with self._beginning:
            return [] if self._closed else await self._begin()

    async def _begin(self) -> list[Held]:
        wanted = list(islice(self._waiting, self._free))
        rows = await self._fetch("begin_effects", ids=wanted)
        ours = {row["id"] for row in rows}
        begun = []
        for id in wanted:
            held = self._waiting.pop(id)
            if id in ours:
                begun.append(held)
            else:
                log.info("effect %s is not ours any more", id)
        self._begun.update(held.effect.id for held in begun)
        self._free -= len(begun)
        return begun

    def ended(self) -> None:
        """Note that a call has ended: another one may begin."""
        self._free += 1
        self._changed.set()

    def let_go(self, ids: Collection[ChildId]) -> None:
        """Hold effects no longer: their results are recorded, or there will be none."""
        self._begun.difference_update(ids)

    async def renew(self) -> None:
        """Renew the leases of all that is held for longer, well before they end."""
        before = self.held
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            now = self.held
            if lasting := before & now:
                await self._fetch("renew_effects", ids=sorted(lasting))
            before = now

    async def close(self) -> None:
        """Begin nothing more; return when what is beginning has begun."""
        self._closed = True
        async with self._beginning:
            return

    async def _fetch(self, name: str, ids: Collection[ChildId]) -> list[dict[str, Any]]:
        """Run a statement about effects of ours, again and again over outages."""
        attempt = 0
        while True:
            try:
                async with self._store.transaction() as transaction:
                    return await transaction.fetch(
                        name,
                        ids=ids,
                        lease_token=self._worker,
                        grace_seconds=LEASE_GRACE_SECONDS,
                    )
            except (*TRANSIENT, DatabaseUnreachable) as error:
                attempt += 1
                await back_off(attempt, name, error)
