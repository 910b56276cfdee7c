"""Workers that die in the middle of a batch: their exit codes, and records that kill them."""

import json
from pathlib import Path

from devstack.stack import EmbeddedStack
from tests.world import World, a_world

DEFINITION = """\
name: survivor
trigger: { event: survive.asked }
steps:
  - id: noted
    execute: [{ create_record: { entity: survivor, id: "${n}", set: { n: "${n}" } } }]
"""
COUNT = 20


def publish_in_one_partition(world: World) -> None:
    """Publish events whose order is certain."""
    for n in range(COUNT):
        headers = {"ce_type": "survive.asked", "ce_specversion": "1.0", "ce_id": f"e{n}"}
        headers["ce_source"] = "/tests"
        world.produce(world.events_topic, json.dumps({"n": n}), headers=headers, partition=0)


def die(world: World, failpoint: str) -> int:
    """Run a worker until its failpoint ends it; return its exit code."""
    return world.start_worker(FAILPOINT=failpoint).wait(30)


# F2
def test_an_exception_that_nobody_foresaw_ends_the_worker_and_loses_nothing(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    with a_world(stack, tmp_path, {"survivor.yaml": DEFINITION}) as world:
        publish_in_one_partition(world)
        assert die(world, "batch.mid:1:raise") == 70
        world.start_worker()
        done = "select count(*) from workflow_executions where status = 'completed'"
        world.until(f"select 1 as x where ({done}) = {COUNT}")
        assert world.query("select count(*) as n from dead_letters") == [{"n": 0}]


# F18
def test_a_record_on_which_workers_keep_dying_becomes_a_dead_letter_alone(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    with a_world(stack, tmp_path, {"survivor.yaml": DEFINITION}) as world:
        publish_in_one_partition(world)
        # Two deaths show that the place is deadly, three more which record it is.
        for _ in range(5):
            assert die(world, "batch.mid:1:exit") == 70
        tries = world.query(
            "select tries, tried_offset, probation_until > 0 as careful from positions "
            "where topic = %s and partition = 0",
            world.events_topic,
        )
        assert tries == [{"tries": 3, "tried_offset": 0, "careful": True}]
        world.start_worker()
        done = "select count(*) from workflow_executions where status = 'completed'"
        world.until(f"select 1 as x where ({done}) = {COUNT - 1}")
        letters = world.query("select record_offset, error_type, value from dead_letters")
        assert letters == [{"record_offset": 0, "error_type": "worker_died", "value": b'{"n": 0}'}]


def test_workers_that_end_in_order_leave_no_suspicion(stack: EmbeddedStack, tmp_path: Path) -> None:
    with a_world(stack, tmp_path, {"survivor.yaml": DEFINITION}) as world:
        world.start_worker()
        event = world.publish("survive.asked", {"n": 1})
        world.started_by(event)
        held = world.query("select count(*) as n from positions where holder is not null")
        assert held[0]["n"] > 0
        assert world.stop_workers() == [0]
        held = world.query("select count(*) as n from positions where holder is not null")
        assert held == [{"n": 0}]
