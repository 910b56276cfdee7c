"""Workers that die in the middle of a batch: their exit codes, and records that kill them."""

import json
import signal
import time
from pathlib import Path
from urllib.parse import urlsplit

from devstack.proxy import Proxy
from devstack.stack import EmbeddedStack
from streams.process import END_SECONDS
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
        # Two deaths show that the place is deadly, one that a few records are, three which one is.
        for _ in range(6):
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


# S213
# F11
def test_a_worker_that_is_asked_to_stop_while_the_database_hangs_ends_in_time(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    with a_world(stack, tmp_path, {"survivor.yaml": DEFINITION}) as world:
        address = urlsplit(world.database_url)
        with Proxy(address.port or 5432) as database:
            place = address.netloc.rpartition(":")[0] + f":{database.port}"
            worker = world.start_worker(DATABASE_URL=address._replace(netloc=place).geturl())
            world.started_by(world.publish("survive.asked", {"n": 1}))
            database.stall()
            world.publish("survive.asked", {"n": 2})
            worker.send_signal(signal.SIGTERM)
            begun = time.monotonic()
            assert worker.wait(30) == 0
            assert time.monotonic() - begun < END_SECONDS + 3
        world.start_worker()
        world.until("select 1 as x from records where entity_type = 'survivor' and entity_id = '2'")
