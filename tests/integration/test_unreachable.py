"""Servers that do not answer, or were away: who asks is told in time, and later has an answer."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Awaitable
from pathlib import Path

import pytest
from confluent_kafka import Consumer
from confluent_kafka import Producer as Out

from devstack.proxy import Proxy
from devstack.stack import EmbeddedStack
from storage.errors import DatabaseUnreachable
from storage.store import PostgresStore
from streams.admin import Admin, BrokerUnreachable
from streams.topics import TopicSpec
from tests.conftest import broker_kind
from tests.integration.conftest import a_client
from tests.world import World, a_world

PLAIN = """
name: plain
trigger: { event: plain.asked }
steps:
  - { id: ok, allow: {} }
"""


def read_as_member(address: str, group: str) -> None:
    """Have the broker know a group, by reading a record in it."""
    out = Out({"bootstrap.servers": address, "log_level": 0})
    out.produce("some", b"{}")
    assert out.flush(10) == 0
    consumer = Consumer(
        {
            "bootstrap.servers": address,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": 6_000,
            "log_level": 0,
        }
    )
    consumer.subscribe(["some"])
    assert consumer.poll(20) is not None
    consumer.close()


def restart_broker(stack: EmbeddedStack) -> None:
    """Start the broker again once it has ended."""
    while "kafka" not in stack.restart_dead():
        pass


async def test_whoever_asks_of_a_group_has_an_answer_again_after_the_broker_was_restarted(
    tmp_path: Path,
) -> None:
    with EmbeddedStack(tmp_path, broker=broker_kind(), redis=False) as stack:
        admin = Admin(stack.addresses.kafka, seconds=1)
        await admin.create_topics([TopicSpec("some", 1, 1, {})])
        await asyncio.to_thread(read_as_member, stack.addresses.kafka, "readers")
        assert (await admin.group("readers")).state
        os.kill(stack.pids["kafka"], signal.SIGKILL)
        await asyncio.to_thread(restart_broker, stack)
        # The first question may be lost with the client that had the old connection.
        failures = [await failure_of(admin.group("readers")) for _ in range(4)]
        assert failures[2:] == [None, None], failures


async def failure_of(question: Awaitable[object]) -> BrokerUnreachable | None:
    """Return why a question had no answer, None if it had one."""
    try:
        await question
    except BrokerUnreachable as problem:
        return problem
    return None


async def test_a_broker_that_stands_still_is_unreachable_whatever_is_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as still:
        admin = Admin(f"127.0.0.1:{still.getsockname()[1]}", seconds=0.5)
        for question in (admin.ping(), admin.group("any"), admin.ends([("any", 0)])):
            with pytest.raises(BrokerUnreachable):
                await question


def test_lag_without_a_broker_ends_as_unreachable(quiet: World) -> None:
    done = quiet.command("lag", KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert done.returncode == 4, done.stderr
    assert done.stderr.startswith("sluicegate: Kafka at 127.0.0.1:1 is unreachable")
    assert "Traceback" not in done.stderr


async def test_a_database_that_stands_still_is_given_up_in_time(database_url: str) -> None:
    before, _, name = database_url.rpartition("/")
    port = before.rpartition(":")[2]
    with Proxy(int(port)) as proxy:
        url = f"{before.removesuffix(port)}{proxy.port}/{name}"
        store = PostgresStore(url, pool_size=2, answer_seconds=0.5)
        await store.open()
        await store.now()
        proxy.stall()
        begun = time.monotonic()
        with pytest.raises(DatabaseUnreachable, match=r"no answer within 0\.5 s"):
            await store.now()
        assert time.monotonic() - begun < 3
        proxy.heal()
        await store.now()
        await store.close()
        proxy.reset()


async def test_readiness_is_told_in_time_while_the_database_stands_still(
    quiet: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.health.CHECK_SECONDS", 1.0)
    before, _, name = quiet.database_url.rpartition("/")
    port = before.rpartition(":")[2]
    with Proxy(int(port)) as proxy:
        through = f"{before.removesuffix(port)}{proxy.port}/{name}"
        async with a_client(quiet, database_url=through) as client:
            assert (await client.get("/readyz")).json()["checks"]["database"] == "ok"
            proxy.stall()
            begun = time.monotonic()
            answer = await client.get("/readyz")
            assert time.monotonic() - begun < 3
            proxy.heal()
        proxy.reset()
        assert answer.status_code == 503
        assert answer.json()["checks"]["database"] == "no answer within 1 s"


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["SIGTERM", "Ctrl-C"]
)
def test_an_orphan_of_dev_ends_at_once_though_nothing_answers(
    stack: EmbeddedStack, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    # S213
    with a_world(stack, tmp_path, {"plain.yaml": PLAIN}) as world:
        before, _, name = world.database_url.rpartition("/")
        port = before.rpartition(":")[2]
        with Proxy(int(port)) as proxy:
            through = f"{before.removesuffix(port)}{proxy.port}/{name}"
            worker = world.start_worker(DATABASE_URL=through, SLUICEGATE_WORKER_PARENT="1")
            assert world.started_by(world.publish("plain.asked", {}))
            proxy.stall()
            worker.send_signal(number)
            assert worker.wait(5) == code
            world.workers.clear()
