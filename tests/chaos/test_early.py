"""Early events whose worker dies before it looks for them: the sweep of another one does."""

import json
import time
from pathlib import Path

import psycopg

from devstack.stack import EmbeddedStack
from tests.world import PARTITIONS, World, a_world

WAITING = """
name: waiting
trigger: { event: pair.opened, cancel_on: { event: pair.dropped, match: { n: "${n}" } } }
steps:
  - id: other_half
    wait: { event: pair.closed, match: { n: "${n}" }, timeout: 1h }
"""


def publish(world: World, type: str, n: int, at: float) -> None:
    """Publish an event with the broker's time of it, each number over a partition of its own."""
    world.producer.produce(
        world.events_topic,
        json.dumps({"n": n}),
        partition=n % PARTITIONS,
        headers={"ce_type": type, "event-id": f"{type}{n}"},
        timestamp=round(at * 1000),
    )
    world.producer.flush(10)


def let_a_minute_pass(world: World) -> None:
    """Make the next sweep due, as it would be in a minute."""
    with psycopg.connect(world.database_url) as connection:
        connection.execute(
            "update chores set done_until = done_until - interval '1 minute'"
            " where name in ('sweep', 'swept')"
        )


# F3
# F9
def test_a_worker_that_lives_on_brings_together_what_a_dead_one_opened(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    with a_world(stack, tmp_path, {"waiting.yaml": WAITING}) as world:
        steady = world.start_worker()
        now, count = time.time(), 2 * PARTITIONS
        for n in range(count):
            publish(world, "pair.closed" if n < PARTITIONS else "pair.dropped", n, now)
        kept = f"select 1 as x from signals having count(*) = {count}"
        world.until(kept)
        dying = world.start_worker(FAILPOINT="batch.after_commit:1:exit")
        shared = "select 1 as x from positions where topic = %s having count(distinct holder) = 2"
        world.until(shared, world.events_topic)
        # Their partitions lag: executions older than the events open their waits later.
        for n in range(count):
            publish(world, "pair.opened", n, now - 5)
        assert dying.wait(20) == 70
        world.workers.remove(dying)
        world.until(f"select 1 as x where (select count(*) from workflow_executions) = {count}")
        let_a_minute_pass(world)
        over = "select count(*) from workflow_executions where status in ('completed', 'cancelled')"
        world.until(f"select 1 as x where ({over}) = {count}")
        assert steady.poll() is None
