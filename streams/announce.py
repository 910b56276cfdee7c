"""Open waits once more onto the waiting topic, after a broker lost its topics."""

from storage.rows import wait_from_row
from storage.store import PostgresStore
from streams.outbound import Outbound
from streams.outbox import rows_of

FIRST_ID = "00000000-0000-0000-0000-000000000000"


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
