"""Closed waits off the compacted waiting topic, a day after they closed (requirements.md S217)."""

import asyncio

from storage.errors import DatabaseUnreachable
from storage.store import TRANSIENT, PostgresStore
from streams.codecs import Outgoing
from streams.driver import back_off
from streams.outbox import rows_of

FULL = 1000
"""As many closed waits as one transaction takes, and those that closed at the same instant."""
LONGEST_PAUSE_SECONDS = 60.0


class Tombstones:
    """Puts a tombstone under the key of each wait that has been closed for long enough."""

    def __init__(self, store: PostgresStore, topic: str, *, after_seconds: float) -> None:
        self._store, self._topic, self._after_seconds = store, topic, after_seconds

    async def run(self) -> None:
        """Look for ever; one worker at a time does it, and an outage only delays."""
        pause, attempt = min(LONGEST_PAUSE_SECONDS, self._after_seconds / 4), 0
        while True:
            try:
                count, attempt = await self.put(), 0
            except (*TRANSIENT, DatabaseUnreachable) as error:
                attempt += 1
                await back_off(attempt, "tombstones", error)
                continue
            if count < FULL:
                await asyncio.sleep(pause)

    async def put(self) -> int:
        """Write the next tombstones into the outbox; return how many."""
        async with self._store.transaction() as transaction:
            claimed = await transaction.fetch("claim_tombstones", after_seconds=self._after_seconds)
            if not claimed or claimed[0]["due_until"] <= claimed[0]["done_until"]:
                return 0
            rows = await transaction.fetch("waits_closed_between", **claimed[0])
            for shard, cell in rows_of(self._tombstone(row) for row in rows):
                await transaction.run("insert_outbox", shard=shard, messages=cell)
            done_until = rows[-1]["closed_at"] if rows else claimed[0]["due_until"]
            await transaction.run("note_tombstones", done_until=done_until)
        return len(rows)

    def _tombstone(self, row: dict[str, str]) -> Outgoing:
        headers = {"ce_correlationid": row["execution_id"]}
        return Outgoing(self._topic, row["wait_id"], None, headers)
