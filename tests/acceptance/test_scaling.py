"""A consumer group grows and shrinks under load: nothing is lost, nothing is doubled (S220)."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count as numbers
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from devstack.stack import EmbeddedStack
from tests.conftest import broker_kind
from tests.world import World, a_world

ROUNDS, EVENTS = 4, 150
DEFINITION = """
name: scaled
trigger: { event: scaled.asked }
steps:
  - id: kept
    execute: [{ create_record: { entity: scaled, id: "${id}", set: { n: 1 } } }]
  - id: boss
    approval: { title: "${id}", roles: [boss] }
"""
RELAYS = """
select 1 where (
    select count(*) from pg_stat_activity
    where application_name = 'sluicegate relay' and datname = %s
) = %s
"""
"""Whether so many workers run: each keeps one connection for its relay."""
OTHER = DEFINITION.replace("scaled", "other")


@pytest.fixture(scope="module")
def scaled(stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A deployment with two event topics."""
    folder = tmp_path_factory.mktemp("scaled")
    topics = ",".join(f"scaled-{part}-{uuid4().hex[:8]}" for part in ("a", "b"))
    texts = {"scaled.yaml": DEFINITION, "other.yaml": OTHER}
    with a_world(stack, folder, texts, SLUICEGATE_EVENT_TOPICS=topics) as running:
        yield running


# S215 S220 S116
def test_one_worker_three_and_one_again_do_each_event_and_decision_once(scaled: World) -> None:
    second_topic = scaled.env["SLUICEGATE_EVENT_TOPICS"].split(",")[1]
    scaled.start_worker()
    for number in range(ROUNDS):
        for n in range(EVENTS):
            scaled.publish("scaled.asked", {"id": f"{number}-{n}"}, key=f"k{n}")
        headers = {
            "ce_specversion": "1.0",
            "ce_id": f"other-{number}",
            "ce_source": "/tests",
            "ce_type": "other.asked",
        }
        scaled.produce(second_topic, f'{{"id": "o-{number}"}}', headers=headers)
        if number == 0:
            scaled.start_worker()
            scaled.start_worker()
            scaled.until(RELAYS, scaled.name, 3)
        if number == 2:
            for worker in scaled.workers[1:]:
                worker.send_signal(signal.SIGTERM)
            assert [worker.wait(20) for worker in scaled.workers[1:]] == [0, 0]
    total = ROUNDS * EVENTS
    counted = "select count(*) as n from workflow_executions where status = 'paused'"
    scaled.until(f"select 1 where ({counted}) = %s", total + ROUNDS)
    [kept] = scaled.query("select count(*) as n from records where entity_type = 'scaled'")
    [executions] = scaled.query(
        "select count(*) as n, count(distinct trigger_payload->>'id') as ids "
        "from workflow_executions where workflow_name = 'scaled'"
    )
    assert (kept["n"], executions["n"], executions["ids"]) == (total, total, total)
    rows = scaled.query(
        "select e.execution_id, a.request_id from approval_requests a "
        "join workflow_executions e on e.id = a.execution_id limit 20"
    )
    for row in rows:
        waiting = {"execution_id": row["execution_id"], "wait_id": row["request_id"]}
        assert scaled.receipt(scaled.decide(waiting))["result"] == "applied"


@contextmanager
def under_load(world: World, per_second: float = 50) -> Iterator[set[str]]:
    """Publish events steadily while the block lasts; yields their ids as they come."""
    sent: set[str] = set()
    stop = threading.Event()

    def run() -> None:
        for n in numbers():
            if stop.wait(1 / per_second):
                return
            id = f"load-{n}"
            world.publish("scaled.asked", {"id": id}, key=id)
            sent.add(id)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield sent
    finally:
        stop.set()
        thread.join(10)


def started(world: World, ids: set[str]) -> None:
    """Wait until each of these events has started one execution, and no more."""
    sql = (
        "select count(*) as n, count(distinct trigger_payload->>'id') as ids"
        " from workflow_executions where trigger_payload->>'id' = any(%s)"
    )
    world.until(f"select 1 from ({sql}) counted where ids = %s", list(ids), len(ids))
    assert world.query(sql, list(ids)) == [{"n": len(ids), "ids": len(ids)}]


def longest_stall(world: World, since: float) -> float:
    """Return the longest time in which no execution was started."""
    rows = world.query(
        "select extract(epoch from started_at)::float8 as at from workflow_executions"
        " where started_at > to_timestamp(%s) order by started_at",
        since,
    )
    return max((after["at"] - before["at"] for before, after in pairwise(rows)), default=0.0)


# S215 S220
# F8
def test_members_that_come_go_and_die_under_load_lose_and_double_nothing(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    with a_world(stack, tmp_path, {"scaled.yaml": DEFINITION}) as world:
        first = world.start_worker()
        began = time.time()
        with under_load(world) as sent:
            world.until(RELAYS, world.name, 1)
            second, third = world.start_worker(), world.start_worker()
            world.until(RELAYS, world.name, 3)
            asked = time.monotonic()
            second.send_signal(signal.SIGTERM)
            assert second.wait(20) == 0
            drained = time.monotonic() - asked
            first.send_signal(signal.SIGKILL)
            first.wait(10)
            world.workers.remove(first)
            world.workers.remove(second)
            world.until(RELAYS, world.name, 1)
            marks = len(sent) + 50
            while len(sent) < marks:
                world.closing.wait(0.05)
        started(world, sent)
        print(  # noqa: T201
            f"{len(sent)} events, 1 -> 3 -> 1 workers: drained in {drained:.1f} s,"
            f" longest stall {longest_stall(world, began):.1f} s"
        )
        assert drained < 10
        assert third.poll() is None


# S215
def test_a_worker_without_partitions_takes_over_when_an_owner_dies(
    stack: EmbeddedStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.world.PARTITIONS", 1)
    with a_world(stack, tmp_path, {"scaled.yaml": DEFINITION}) as world:
        owner = world.start_worker()
        event = world.publish("scaled.asked", {"id": "before"})
        world.started_by(event)
        world.start_worker()
        world.until(RELAYS, world.name, 2)
        with under_load(world) as sent:
            while len(sent) < 20:
                world.closing.wait(0.05)
            owner.send_signal(signal.SIGKILL)
            owner.wait(10)
            world.workers.remove(owner)
            while len(sent) < 40:
                world.closing.wait(0.05)
        started(world, sent)


# S215
@pytest.mark.skipif(broker_kind() != "kafka", reason="the embedded broker cannot add partitions")
def test_partitions_added_at_run_time_are_read_from_their_start(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    with a_world(stack, tmp_path, {"scaled.yaml": DEFINITION}) as world:
        world.start_worker()
        event = world.publish("scaled.asked", {"id": "before"})
        world.started_by(event)
        admin = AdminClient({"bootstrap.servers": world.env["KAFKA_BOOTSTRAP_SERVERS"]})
        for future in admin.create_partitions([NewPartitions(world.events_topic, 6)]).values():
            future.result(10)
        topic = world.events_topic
        while len(world.producer.list_topics(topic).topics[topic].partitions) < 6:
            world.closing.wait(0.1)
        sent = set()
        for n in range(20):
            id = f"added-{n}"
            headers = {"ce_specversion": "1.0", "ce_source": "/tests", "ce_type": "scaled.asked"}
            world.produce(
                world.events_topic,
                f'{{"id": "{id}"}}',
                headers={**headers, "ce_id": id},
                partition=4 + n % 2,
            )
            sent.add(id)
        started(world, sent)
