"""Servers that die, hang, fill up or come back older: everything goes on where it stood."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from bench.usage import resident_mb
from devstack.proxy import Proxy
from devstack.stack import EmbeddedStack
from tests.chaos.figures import figure, scaled
from tests.chaos.load import (
    count,
    kept_alive,
    life_cycles_told,
    queue_event,
    reach,
    settle,
    wait_until_told,
)
from tests.conftest import broker_kind
from tests.world import World, a_world

PLAIN = """
name: plain
trigger: { event: plain.asked }
steps:
  - id: kept
    execute: [{ update_record: { entity: plain, id: "${n}", set: { n: "${n}" } } }]
"""
NAP = """
name: nap
trigger: { event: nap.asked }
steps:
  - id: sleep
    wait: { for: 4s }
  - id: kept
    execute: [{ update_record: { entity: nap, id: "${n}", set: { n: "${n}" } } }]
"""
LOADING = """
name: loading
trigger: { event: loading.asked }
context: { load: { customer: { resource: customers, id: "${customer}" } } }
steps:
  - id: kept
    execute: [{ update_record: { entity: loading, id: "${n}", set: { name: "${customer.name}" } } }]
"""
RESOURCES = """
customers: { kind: http, url: "${secrets.SINK}/customers/${id}", cache: 1h }
"""


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    """Servers that only this module breaks."""
    folder = tmp_path_factory.mktemp("own")
    with EmbeddedStack(folder / "stack", broker=broker_kind()) as running:
        yield running


def publish(world: World, first: int, number: int) -> None:
    """Publish numbered events."""
    for n in range(first, first + number):
        queue_event(world, "plain.asked", {"n": n}, id=f"e{n}")
    world.producer.flush(60)


def assert_each_once(world: World, number: int) -> None:
    """Check that every event was processed, once."""
    reach(world, number, "workflow_executions", "status = 'completed'")
    assert count(world, "records", "entity_type = 'plain' and version = 1") == number
    assert count(world, "dead_letters") == 0


def restart(world: World, name: str) -> None:
    """Start a server again once it has ended."""
    stack = world.stack
    while name not in stack.restart_dead():
        world.closing.wait(0.02)


def crash(world: World, name: str, number: signal.Signals = signal.SIGKILL) -> None:
    """End a server at once and start it again."""
    os.kill(world.stack.pids[name], number)
    restart(world, name)


def at_least(world: World, number: int) -> None:
    """Wait until at least so many executions are there."""
    sql = f"(select where (select count(*) from workflow_executions) >= {number}) as enough"
    reach(world, 1, sql)


# F11
def test_a_database_that_restarts_in_mid_batch_loses_and_doubles_nothing(
    own_stack: EmbeddedStack, tmp_path: Path
) -> None:
    restarts, each = scaled(20, 2), 200
    with a_world(own_stack, tmp_path, {"plain.yaml": PLAIN}, SLUICEGATE_BATCH_SIZE="10") as world:
        for _ in range(2):
            world.start_worker()
        for number in range(restarts):
            publish(world, number * each, each)
            at_least(world, number * each + each // 4)
            crash(world, "postgres", signal.SIGQUIT)
        assert_each_once(world, restarts * each)
        settle(world)
        told = life_cycles_told(world)
        assert (told.lost, told.out_of_order) == (0, 0)
    figure("F11", restarts=restarts, events=restarts * each, lost=0, doubled=0)


# F11
@pytest.mark.parametrize("applied", [True, False], ids=["applied", "not_applied"])
def test_a_commit_whose_answer_is_lost_is_neither_repeated_nor_forgotten(
    own_stack: EmbeddedStack, tmp_path: Path, applied: bool
) -> None:
    losses, published = scaled(250, 10), 0
    port = int(own_stack.addresses.database_url.rpartition("/")[0].rpartition(":")[2])
    with (
        a_world(own_stack, tmp_path, {"plain.yaml": PLAIN}) as world,
        Proxy(port) as proxy,
    ):
        through = world.database_url.replace(f":{port}/", f":{proxy.port}/")
        world.start_worker(DATABASE_URL=through)
        publish(world, 0, 10)
        at_least(world, 10)
        published = 10
        while proxy.lost_commits < losses:
            proxy.lose_commits(1, applied=applied)
            publish(world, published, 5)
            published += 5
            world.closing.wait(0.2)
        assert_each_once(world, published)
        settle(world)
        assert world.stop_workers() == [0]
    figure("F11", commits_without_answer=losses, events=published, lost=0, doubled=0)


# F12
def test_a_database_restored_from_before_gets_the_same_executions_again(
    own_stack: EmbeddedStack, tmp_path: Path
) -> None:
    each = scaled(2_000, 100)
    data = own_stack.data_dir / "postgres" / "data"
    backup = tmp_path / "backup"
    (tmp_path / "world").mkdir()
    with (
        a_world(own_stack, tmp_path / "world", {"plain.yaml": PLAIN}) as world,
        kept_alive(world, 2),
    ):
        publish(world, 0, each)
        assert_each_once(world, each)
        os.kill(own_stack.pids["postgres"], signal.SIGINT)
        wait_for_end(world, "postgres")
        subprocess.run(["cp", "-a", str(data), str(backup)], check=True)
        restart(world, "postgres")
        publish(world, each, each)
        assert_each_once(world, 2 * each)
        before = executions(world)
        os.kill(own_stack.pids["postgres"], signal.SIGQUIT)
        wait_for_end(world, "postgres")
        shutil.rmtree(data)
        subprocess.run(["cp", "-a", str(backup), str(data)], check=True)
        restart(world, "postgres")
        # What comes next tells the workers that their positions are ahead.
        publish(world, 2 * each, each)
        assert_each_once(world, 3 * each)
        after = executions(world)
        assert before.items() <= after.items()
        settle(world)
    figure("F12", executions_forgotten=each, lost=0, made_again_under_the_same_id=each)


def wait_for_end(world: World, name: str) -> None:
    """Wait until a server has ended."""
    stat = Path(f"/proc/{world.stack.pids[name]}/stat")
    while stat.exists() and ") Z" not in stat.read_text():
        world.closing.wait(0.02)


def executions(world: World) -> dict[str, str]:
    """Return the public id of each event's execution."""
    rows = world.query("select trigger_payload->>'n' as n, execution_id from workflow_executions")
    return {row["n"]: row["execution_id"] for row in rows}


# F13
def test_a_broker_that_is_away_for_a_while_holds_up_messages_and_loses_none(
    own_stack: EmbeddedStack, tmp_path: Path
) -> None:
    outages, number, drained = scaled(10, 1), 50, 0.0
    with (
        a_world(own_stack, tmp_path, {"plain.yaml": PLAIN, "nap.yaml": NAP}) as world,
        kept_alive(world, 2),
    ):
        for outage in range(outages):
            for n in range(number):
                queue_event(world, "nap.asked", {"n": f"{outage}.{n}"}, id=uuid4().hex)
            world.producer.flush(30)
            at_least(world, (outage + 1) * number)
            be_away(world, broker_kind() == "kafka")
            kept = "entity_type = 'nap' and version = 1"
            reach(world, (outage + 1) * number, "records", kept)
            begun = time.monotonic()
            settle(world, seconds=120)
            drained = max(drained, time.monotonic() - begun)
        publish(world, 0, number)
        done = "workflow_name = 'plain' and status = 'completed'"
        reach(world, number, "workflow_executions", done)
        told = wait_until_told(world, (outages + 1) * number)
        assert (told.lost, told.out_of_order) == (0, 0)
    figure(
        "F13",
        outages=outages,
        messages=told.messages,
        lost=0,
        repeats=told.repeats,
        seconds_to_drain=round(drained, 1),
    )


def be_away(world: World, durable: bool) -> None:
    """Kill a broker that keeps its log, or freeze one that has it in memory; timers come due."""
    pid = world.stack.pids["kafka"]
    os.kill(pid, signal.SIGKILL if durable else signal.SIGSTOP)
    reach(world, 1, "(select where not exists (select from timers)) as fired")
    if durable:
        restart(world, "kafka")
    else:
        os.kill(pid, signal.SIGCONT)


# F16
def test_a_slow_database_throws_no_worker_out_of_its_group(
    own_stack: EmbeddedStack, tmp_path: Path
) -> None:
    events = scaled(20_000, 400)
    port = int(own_stack.addresses.database_url.rpartition("/")[0].rpartition(":")[2])
    with (
        a_world(own_stack, tmp_path, {"plain.yaml": PLAIN}, SLUICEGATE_BATCH_SIZE="1000") as world,
        Proxy(port) as proxy,
    ):
        through = world.database_url.replace(f":{port}/", f":{proxy.port}/")
        worker = world.start_worker(DATABASE_URL=through)
        publish(world, 0, 1)
        at_least(world, 1)
        proxy.delay(0.3, "to_client")
        publish(world, 1, events)
        assert_each_once(world, events + 1)
        memory = resident_mb([worker.pid])
        proxy.heal()
        assigned = sum(
            log.read_text().count("Executing _on_partitions_assigned")
            for log in world.definitions.glob("worker-*.log")
        )
        assert world.stop_workers() == [0]
        assert assigned == 1
        assert memory < 300
    figure(
        "F16",
        events=events,
        answer_delayed_ms=300,
        rebalances=assigned - 1,
        worker_mb=round(memory),
    )
