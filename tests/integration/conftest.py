"""A migrated database of its own for a test module, and one small deployment."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import psycopg
import pytest

from devstack.stack import EmbeddedStack
from storage.migrate import migrate
from storage.store import PostgresStore
from tests.world import ROOT, World, a_world


@pytest.fixture(scope="module")
def database_url(stack: EmbeddedStack) -> str:
    """The URL of a migrated, empty database."""
    name = f"d{uuid4().hex[:10]}"
    url = stack.addresses.database_url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    url = url.rpartition("/")[0] + f"/{name}"

    async def prepare() -> None:
        store = PostgresStore(url, pool_size=2)
        await store.open()
        await migrate(store)
        await store.close()

    asyncio.run(prepare())
    return url


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[PostgresStore]:
    """The store on that database."""
    store = PostgresStore(database_url, pool_size=4)
    await store.open()
    yield store
    await store.close()


@pytest.fixture(scope="session")
def shop(stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A deployment with the examples and one worker."""
    folder = tmp_path_factory.mktemp("shop")
    texts = {path.name: path.read_text() for path in (ROOT / "examples").glob("*.yaml")}
    with a_world(stack, folder, texts) as running:
        running.start_worker()
        yield running
