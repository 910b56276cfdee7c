"""What chaos runs found on slow, cut and blocked lines between a worker and its database."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg

from devstack.proxy import Proxy
from devstack.stack import EmbeddedStack
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
        for n in range(40):
            world.publish("nap.asked", a_nap(6 + n * 0.05))
        world.until(
            "select 1 as x where (select count(*) from workflow_executions"
            " where status = 'completed') = 41"
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
