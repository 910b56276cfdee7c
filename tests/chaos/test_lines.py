"""What chaos runs found on slow, cut and blocked lines between a worker and its database."""

import json
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from devstack.proxy import Proxy
from devstack.stack import EmbeddedStack
from storage.store import PostgresStore
from streams.admin import Admin
from streams.watermark import NEVER, Watermark
from tests.world import World, a_world

NAPS = """\
name: naps
trigger: { event: nap.asked }
steps:
  - id: sleep
    wait: { until: "${until}" }
"""


def a_nap(seconds: float) -> dict[str, str]:
    return {"until": (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()}


def by_proxy(world: World, proxy: Proxy) -> str:
    """Return the database's address behind a proxy."""
    before, _, database = world.database_url.rpartition("/")
    return f"{before.rpartition(':')[0]}:{proxy.port}/{database}"


def port_of(stack: EmbeddedStack) -> int:
    return int(stack.addresses.database_url.rpartition(":")[2].partition("/")[0])


def until_logged(world: World, text: str) -> None:
    deadline = time.monotonic() + 20
    while text not in world.worker_logs():
        assert time.monotonic() < deadline, world.worker_logs()
        world.closing.wait(0.05)


# S50 F10
def test_no_wait_ends_before_its_time_over_a_slow_line(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    with (
        a_world(stack, tmp_path, {"naps.yaml": NAPS}) as world,
        Proxy(port_of(stack)) as proxy,
    ):
        world.start_worker(DATABASE_URL=by_proxy(world, proxy))
        world.started_by(world.publish("nap.asked", a_nap(0)))
        proxy.delay(0.1)
        for n in range(20):
            world.publish("nap.asked", a_nap(6 + n * 0.1))
        world.until(
            "select 1 as x where (select count(*) from workflow_executions"
            " where status = 'completed') = 21"
        )
        early = world.query("select wait_id from waits where closed_at < due_at")
        proxy.heal()
    assert early == []


# S11 F8 F11
def test_a_worker_outlives_a_database_that_does_not_answer_at_its_assignment(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    with a_world(stack, tmp_path, {"naps.yaml": NAPS}) as world:
        with psycopg.connect(world.database_url) as blocker:
            blocker.execute("lock table positions in access exclusive mode")
            worker = world.start_worker()
            until_logged(world, "positions: try 1 failed, trying again")
        event = world.publish("nap.asked", a_nap(0))
        assert world.started_by(event)
        assert worker.poll() is None


# F8
def test_an_assignment_does_not_wait_for_the_open_batch_of_a_frozen_worker(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    with a_world(stack, tmp_path, {"naps.yaml": NAPS}) as world:
        world.start_worker()
        world.started_by(world.publish("nap.asked", a_nap(0)))
        world.stop_workers()
        with psycopg.connect(world.database_url) as frozen:
            frozen.execute("update positions set updated_at = now() where topic like '%.commands'")
            world.start_worker()
            assert world.started_by(world.publish("nap.asked", a_nap(0)))
        assert "positions: try" not in world.worker_logs()


# S11 F8
def test_a_rebalance_in_the_middle_of_a_batch_does_not_end_the_worker(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    with a_world(stack, tmp_path, {"naps.yaml": NAPS}) as world:
        first = world.start_worker()
        world.started_by(world.publish("nap.asked", a_nap(0)))
        with psycopg.connect(world.database_url) as blocker:
            blocker.execute("select 1 from positions for update")
            events = [world.publish("nap.asked", a_nap(0), key=f"k{n}") for n in range(20)]
            until_logged(world, "-events[")
            world.start_worker()
            until_logged(world, "Stopping actor for revoked partition")
        for event in events:
            world.started_by(event)
        assert first.poll() is None


# F7 F11
async def test_how_far_decisions_are_read_is_unknown_while_the_database_is_lost(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    with (
        a_world(stack, tmp_path, {"naps.yaml": NAPS}) as world,
        Proxy(port_of(stack)) as proxy,
    ):
        store = PostgresStore(by_proxy(world, proxy), pool_size=2)
        await store.open()
        admin = Admin(world.env["KAFKA_BOOTSTRAP_SERVERS"])
        watermark = Watermark(store, admin, world.topic("decisions"), f"{world.name}-worker")
        try:
            before = await watermark.read()
            proxy.cut(60)
            lost = await watermark.read()
        finally:
            proxy.heal()
            await store.close()
    assert (before > NEVER, lost) == (True, NEVER)


# S11 F8
def test_workers_that_join_and_leave_while_events_stream_in_lose_none(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    with a_world(stack, tmp_path, {"naps.yaml": NAPS}) as world:
        world.start_worker()
        world.started_by(world.publish("nap.asked", a_nap(0)))
        published = 0
        for number in range(2):
            ready = tmp_path / f"ready-{number}"
            world.start_worker(SLUICEGATE_WORKER_READY_FILE=str(ready))
            published = stream_until(world, ready, published)
            worker = world.workers.pop()
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(30) == 0
        world.producer.flush(30)
        world.until(f"select 1 as x where (select count(*) from events) = {published + 1}")
        assert "hold no records" not in world.worker_logs()


def stream_until(world: World, ready: Path, published: int) -> int:
    """Publish events until a worker is ready, and a little longer; return how many in all."""
    headers = {"ce_type": "nap.asked", "ce_specversion": "1.0", "ce_source": "/tests"}
    after = 500
    while after:
        published, after = published + 1, after - ready.exists()
        named: Any = {**headers, "ce_id": f"s{published}"}
        value = json.dumps(a_nap(0))
        world.producer.produce(world.events_topic, value, f"k{published}", headers=named)
        world.producer.poll(0.002)
    return published
