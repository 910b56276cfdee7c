"""Records that retention deleted before anybody read them: told, never passed over in silence."""

import re
import signal
import time
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from devstack.stack import EmbeddedStack
from tests.chaos.figures import figure
from tests.chaos.load import count, queue_event, reach
from tests.conftest import broker_kind
from tests.world import World, a_world

pytestmark = pytest.mark.skipif(
    broker_kind() != "kafka",
    reason="deleting records needs Apache Kafka: SLUICEGATE_TEST_BROKER=kafka",
)
LOST, LEFT = 1_000, 10
QUIET = """
name: plain
trigger: { event: plain.asked }
steps:
  - id: noted
    execute: [{ log: { level: debug, message: "${n}" } }]
"""
"""It emits nothing: offsets of the event topic are the numbers of our events."""


def publish(world: World, prefix: str, number: int) -> None:
    """Publish numbered events in one partition."""
    for n in range(number):
        id = f"{prefix}{n}"
        queue_event(world, "plain.asked", {"n": id}, id=id, partition=0)
    world.producer.flush(30)


def delete_before(world: World, offset: int) -> None:
    """Let retention delete the partition's records up to an offset."""
    admin = AdminClient({"bootstrap.servers": world.env["KAFKA_BOOTSTRAP_SERVERS"]})
    asked = admin.delete_records([TopicPartition(world.events_topic, 0, offset)])
    for future in asked.values():
        future.result(10)


def wait_for_log(world: World, pattern: str) -> float:
    """Wait until a worker says so; return the seconds."""
    begun = time.monotonic()
    while not re.search(pattern, logs(world)):
        assert time.monotonic() < begun + 60, world.worker_logs()
        world.closing.wait(0.05)
    return time.monotonic() - begun


# F24
def test_a_worker_refuses_to_pass_over_records_that_were_deleted_unread(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    with a_world(stack, tmp_path, {"plain.yaml": QUIET}) as world:
        world.start_worker()
        publish(world, "read", LEFT)
        reach(world, LEFT, "workflow_executions")
        assert world.stop_workers() == [0]
        publish(world, "lost", LOST)
        publish(world, "kept", LEFT)
        delete_before(world, LEFT + LOST)
        halted = world.start_worker()
        said = f"{LOST} records were deleted unread"
        seconds = wait_for_log(world, said)
        assert halted.wait(60) != 0
        world.workers.clear()
        assert count(world, "workflow_executions") == LEFT
        world.start_worker(SLUICEGATE_ON_GAP="accept")
        reach(world, 2 * LEFT, "workflow_executions")
        assert len(re.findall(said, logs(world))) >= 2
    figure("F24", deleted_unread=LOST, told=LOST, seconds_to_the_alert=round(seconds, 1))


# F24
def test_records_deleted_before_a_slow_worker_came_to_them_are_told(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    with a_world(stack, tmp_path, {"plain.yaml": QUIET}, SLUICEGATE_SESSION_TIMEOUT="30") as world:
        slow = world.start_worker()
        publish(world, "read", LEFT)
        reach(world, LEFT, "workflow_executions")
        slow.send_signal(signal.SIGSTOP)
        publish(world, "lost", LOST)
        delete_before(world, LEFT + LOST)
        publish(world, "kept", LEFT)
        slow.send_signal(signal.SIGCONT)
        # What one fetch had under way is still read; then the log begins further on.
        seconds = wait_for_log(world, r"\d+ records were deleted unread")
        assert slow.wait(60) != 0
        world.workers.clear()
        told = sum(map(int, re.findall(r"(\d+) records were deleted unread", logs(world))[:1]))
        read = count(world, "workflow_executions") - LEFT
        assert told + read == LOST
        world.start_worker(SLUICEGATE_ON_GAP="accept")
        reach(world, 2 * LEFT + read, "workflow_executions")
    figure("F24", deleted_unread=told, told=told, seconds_to_the_alert=round(seconds, 1))


def logs(world: World) -> str:
    """Return all that workers said."""
    return "".join(log.read_text() for log in sorted(world.definitions.glob("worker-*.log")))
