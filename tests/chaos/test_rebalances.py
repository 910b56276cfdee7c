"""Members that come and go all the time: no record between two owners is passed over."""

import random
import signal
from pathlib import Path

from devstack.stack import EmbeddedStack
from tests.chaos.conftest import PLAIN
from tests.chaos.figures import figure, scaled
from tests.chaos.load import count, queue_event, reach, stop_workers
from tests.world import World, a_world


# F8
def test_a_group_that_rebalances_all_the_time_passes_over_no_record(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    rounds, each, chance = scaled(40, 2), 1_000, random.Random(8)
    small = {"SLUICEGATE_BATCH_SIZE": "10", "SLUICEGATE_SESSION_TIMEOUT": "1"}
    with a_world(stack, tmp_path, {"plain.yaml": PLAIN}, **small) as world:
        for _ in range(2):
            world.start_worker()
        for number in range(rounds):
            for n in range(number * each, (number + 1) * each):
                queue_event(world, "plain.asked", {"n": n}, id=str(n))
            world.producer.flush(30)
            # Longer than its session: it is thrown out, and comes back in the middle of a batch.
            frozen = chance.choice(world.workers)
            reach_more(world)
            frozen.send_signal(signal.SIGSTOP)
            world.closing.wait(2.5)
            frozen.send_signal(signal.SIGCONT)
        total = rounds * each
        reach(world, total, "records", "entity_type = 'plain'")
        assert count(world, "records", "version <> 1") == 0
        assert count(world, "workflow_executions") == total
        stop_workers(world)
    figure("F8", rebalances_at_least=2 * rounds, events=total, passed_over=0, committed_twice=0)


def reach_more(world: World) -> None:
    """Wait until more events have been processed than now."""
    before = count(world, "records")
    reach(world, 1, f"(select where (select count(*) from records) > {before}) as more")
