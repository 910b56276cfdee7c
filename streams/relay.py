"""The outbox to Kafka: in row order per shard, deleted after the acknowledgement (rule 5)."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

import psycopg

from storage.errors import DatabaseUnreachable
from storage.store import TRANSIENT, Connection, PostgresStore, connection_settings
from streams.codecs import Outgoing
from streams.driver import back_off
from streams.failpoints import reach
from streams.outbox import SHARDS, unpack
from streams.producer import Failure, KafkaOut, PublishFailed
from streams.unpublished import Unpublished
from streams.work import Work

POLL_SECONDS = 0.1
"""How long a row of another worker waits at most before it is seen."""
ROWS, BYTES = 256, 1024 * 1024
"""Most that is published at once: a transaction leaves up to a row per shard, small or large."""
ROWS_AT_HAND = 32
"""Most rows whose messages are kept in memory; older ones are read from their table."""

log = logging.getLogger("sluicegate.relay")


class Relay:
    """Publishes the shards whose lock this process holds."""

    def __init__(self, store: PostgresStore, out: KafkaOut, unpublished: Unpublished) -> None:
        self._store, self._out, self._unpublished = store, out, unpublished
        self._wake = asyncio.Event()
        self._at_hand: dict[int, list[Outgoing]] = {}
        """Messages of this process's latest rows, so that they need not be read back."""

    def committed(self, work: Work) -> None:
        """Wake up if a transaction left messages, and keep them at hand for a while."""
        if work.outbox:
            self._at_hand.update(work.outbox)
            while len(self._at_hand) > ROWS_AT_HAND:
                del self._at_hand[next(iter(self._at_hand))]
            self._wake.set()

    async def run(self) -> None:
        """Publish for ever; an outage of either side only delays."""
        attempt = 0
        while True:
            try:
                await self._run_connected()
            except (*TRANSIENT, DatabaseUnreachable, PublishFailed) as error:
                attempt += 1
                await back_off(attempt, "outbox relay", error)

    async def _run_connected(self) -> None:
        """Hold the shards' locks on one connection; losing it gives them up."""
        async with await psycopg.AsyncConnection[dict[str, Any]].connect(
            self._store.url, autocommit=True, **connection_settings("sluicegate relay")
        ) as connection:
            owned: set[int] = set()
            while True:
                await self._take_shards(connection, owned)
                self._wake.clear()
                if not owned or not await self._publish(owned):
                    await self._pause()

    async def _take_shards(self, connection: Connection, owned: set[int]) -> None:
        for shard in range(SHARDS):
            if shard in owned:
                continue
            cursor = await connection.execute(
                "select pg_try_advisory_lock(hashtext('sluicegate.outbox'), %s) as taken", (shard,)
            )
            row = await cursor.fetchone()
            if row is not None and row["taken"]:
                owned.add(shard)
        if len(owned) == SHARDS:
            await connection.execute("select 1")

    async def _publish(self, shards: set[int]) -> bool:
        """Publish the oldest rows of our shards; tell whether there were any."""
        # A copy: commits during the query may push out rows whose messages it leaves unread.
        at_hand = dict(self._at_hand)
        rows = await self._store.fetch(
            "read_outbox", shards=sorted(shards), limit=ROWS, bytes=BYTES, known=list(at_hand)
        )
        if not rows:
            return False
        messages: list[Outgoing] = []
        for row in rows:
            known = at_hand.get(row["id"])
            messages.extend(unpack(row["messages"]) if known is None else known)
        # Delete only after the acknowledgement: a crash in between repeats, never loses.
        reach("relay.before_produce")
        failures = await self._send(messages)
        reach("relay.after_flush")
        async with self._store.transaction() as transaction:
            await self._unpublished.keep(transaction, failures)
            await transaction.run("delete_outbox", ids=[row["id"] for row in rows])
        for row in rows:
            self._at_hand.pop(row["id"], None)
        return True

    async def _send(self, messages: Sequence[Outgoing]) -> Sequence[Failure]:
        """Send; return what can never be sent. Raises PublishFailed while trying again helps."""
        try:
            await self._out.send(messages)
        except PublishFailed as problem:
            if failures := self._unpublished.lasting(problem):
                return failures
            raise
        return ()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._wake.wait()
        except TimeoutError:
            return
