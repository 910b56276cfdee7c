"""Open waits once more onto the waiting topic, after a broker lost its topics."""

import logging

from storage.rows import wait_from_row
from storage.store import PostgresStore
from streams.admin import Admin
from streams.outbound import Outbound
from streams.outbox import rows_of

log = logging.getLogger("sluicegate.announce")
FIRST_ID = "00000000-0000-0000-0000-000000000000"


class Announcer:
    """Fills the waiting topic again when it was made anew, which its id tells."""

    def __init__(self, store: PostgresStore, admin: Admin, outbound: Outbound, topic: str) -> None:
        self._store, self._admin = store, admin
        self._outbound, self._topic = outbound, topic
        self._known: str | None = None

    async def look(self, *, anew: bool = False) -> None:
        """Announce what is open if the topic is another one than before.

        `anew` tells that the broker has lost topics, for where none was noted before.
        """
        id = (await self._admin.topic_ids([self._topic])).get(self._topic)
        if id is None or id == self._known:
            return
        before = [row["id"] for row in await self._store.fetch("find_waiting_topic")]
        if id not in before:
            # First: told twice after a crash is better than never.
            if before or anew:
                count = await announce_open_waits(self._store, self._outbound)
                log.warning("%s was re-created: announced %d open waits again", self._topic, count)
            async with self._store.transaction() as transaction:
                await transaction.run("forget_waiting_topic")
                await transaction.run("note_waiting_topic", id=id)
        self._known = id


async def announce_open_waits(store: PostgresStore, outbound: Outbound) -> int:
    """Put every open wait into the outbox; return how many there were."""
    after, count = FIRST_ID, 0
    while True:
        async with store.transaction() as transaction:
            rows = await transaction.fetch("announce_open_waits", after=after)
            again = (outbound.announced_again(wait_from_row(row)) for row in rows)
            for shard, cell in rows_of(again):
                await transaction.run("insert_outbox", shard=shard, messages=cell)
        if not rows:
            return count
        after, count = rows[-1]["id"], count + len(rows)
