"""What `sluicegate migrate --topics` and `apply` do, in this process: most tests begin with it."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from actions.definitions import read_folder
from storage.migrate import migrate
from storage.store import PostgresStore
from streams.admin import Admin
from streams.catalog import register
from streams.topics import Topics, TopicSpec


def deploy(env: Mapping[str, str], folder: Path, partitions: int) -> None:
    """Make schema and topics of a deployment, and register a folder's definitions."""
    # A thread of its own: some tests run inside an event loop.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, _deploy(env, folder, partitions)).result()


async def _deploy(env: Mapping[str, str], folder: Path, partitions: int) -> None:
    found = read_folder(folder)
    assert not found.mistakes, found.mistakes
    store = PostgresStore(env["DATABASE_URL"], pool_size=2)
    await store.open()
    try:
        await migrate(store)
        await register(store, found.definitions, found.resources)
    finally:
        await store.close()
    specs = Topics(env["SLUICEGATE_TOPIC_PREFIX"]).specs(partitions, 1)
    names = [name for name in env["SLUICEGATE_EVENT_TOPICS"].split(",") if name[:1] != "~"]
    specs += [TopicSpec(name, partitions, 1, {}) for name in names]
    await Admin(env["KAFKA_BOOTSTRAP_SERVERS"]).create_topics(specs)
