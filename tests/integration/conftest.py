"""A migrated database of its own for a test module, and one small deployment."""

import asyncio
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import psycopg
import pytest

from api.app import create_api
from api.parts import Parts
from config.settings import load_settings
from devstack.processes import free_port
from devstack.stack import EmbeddedStack
from storage.migrate import migrate
from storage.reading import Reading
from storage.store import PostgresStore
from streams.admin import Admin
from streams.producer import KafkaOut
from streams.topics import Topics
from tests.world import PATIENCE_SECONDS, ROOT, World, a_world

PAUSE = threading.Event()


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


@pytest.fixture(scope="package")
def shop(stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A deployment with the examples and one worker."""
    folder = tmp_path_factory.mktemp("shop")
    texts = {path.name: path.read_text() for path in (ROOT / "examples").glob("*.yaml")}
    with a_world(stack, folder, texts) as running:
        running.start_worker()
        yield running


@pytest.fixture(scope="package")
def quiet(stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A deployment without a worker: what is produced stays as it is, the test answers."""
    folder = tmp_path_factory.mktemp("quiet")
    texts = {path.name: path.read_text() for path in (ROOT / "examples").glob("*.yaml")}
    with a_world(stack, folder, texts) as deployment:
        yield deployment


@contextmanager
def a_server(world: World) -> Iterator[str]:
    """Run `sluicegate serve` for a deployment; gives its address."""
    with a_serving_process(world) as (url, _):
        yield url


@contextmanager
def a_serving_process(world: World) -> "Iterator[tuple[str, subprocess.Popen[bytes]]]":
    """Run `sluicegate serve` for a deployment; gives its address and the process."""
    port = free_port()
    with (world.definitions / f"api-{port}.log").open("wb") as log:
        serving = subprocess.Popen(
            [sys.executable, "-m", "cli", "serve"],
            env={**world.env, "PORT": str(port)},
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + PATIENCE_SECONDS
    try:
        while True:
            try:
                with urllib.request.urlopen(f"{url}/livez"):
                    break
            except urllib.error.URLError:
                assert time.monotonic() < deadline, "the API does not serve"
                PAUSE.wait(0.05)
        yield url, serving
    finally:
        serving.terminate()
        serving.wait(20)


@pytest.fixture(scope="package")
def shop_url(shop: World) -> Iterator[str]:
    """Where the API of the deployment with a worker is served, as in production."""
    with a_server(shop) as url:
        yield url


@asynccontextmanager
async def a_client(world: World, **more: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Run the HTTP application of a deployment in this process."""
    settings = load_settings(
        **{
            "kafka_bootstrap_servers": world.env["KAFKA_BOOTSTRAP_SERVERS"],
            "database_url": world.database_url,
            "topic_prefix": f"{world.name}.",
            "event_topics": (world.events_topic,),
            "group_id": world.env["SLUICEGATE_GROUP_ID"],
            **more,
        }
    )
    store = PostgresStore(settings.database, pool_size=4)
    parts = Parts(
        settings,
        Topics(settings.topic_prefix),
        store,
        Reading(store),
        KafkaOut(settings.kafka, linger_ms=0),
        Admin(settings.kafka),
    )
    app = create_api(parts)
    transport = httpx.ASGITransport(app=app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://test", timeout=40) as client,
    ):
        yield client


@pytest.fixture
async def client(shop: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application of the deployment with a worker."""
    async with a_client(shop) as found:
        yield found


@pytest.fixture
async def quiet_client(quiet: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application of the deployment without one."""
    async with a_client(quiet) as found:
        yield found
