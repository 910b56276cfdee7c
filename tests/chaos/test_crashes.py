"""Workers die by exceptions and at every instruction that matters: the next one goes on."""

from pathlib import Path
from uuid import uuid4

from devstack.stack import EmbeddedStack
from streams.failpoints import POINTS
from tests.chaos.figures import figure, scaled
from tests.chaos.load import (
    acts,
    count,
    kept_alive,
    life_cycles_told,
    queue_decision,
    queue_event,
    reach,
    requests_of,
    settle,
    wait_until_told,
)
from tests.sink import Sink, a_sink
from tests.world import World, a_world

DEFINITION = """
name: fragile
trigger: { event: fragile.asked }
steps:
  - id: nap
    wait: { for: 1s }
  - id: call
    execute: [{ webhook: { url: "${secrets.SINK}/${n}", json: { n: "${n}" } } }]
    timeout: 1s
  - id: ask
    approval: { title: "${n}", roles: [any] }
  - id: kept
    execute: [{ update_record: { entity: fragile, id: "${n}", set: { n: "${n}" } } }]
"""
PLAIN = """
name: plain
trigger: { event: plain.asked }
steps:
  - id: kept
    execute: [{ update_record: { entity: plain, id: "${n}", set: { n: "${n}" } } }]
"""
IN_WORKERS = sorted(POINTS - {"migrate.mid"})
FEW = [
    "assign.before_seek",
    "batch.before_commit",
    "batch.after_commit",
    "effect.after_call",
    "relay.after_flush",
]
"""Where a short run lets workers die."""
AT_ONCE = 1
"""Of several, one that holds no shard of the outbox would never come to the points of the relay."""


def decide_open(world: World, decided: set[str]) -> None:
    """Approve every request that was not answered yet."""
    for n, request in requests_of(world, "fragile").items():
        if n not in decided:
            queue_decision(world, request)
            decided.add(n)
    world.producer.flush(10)


def calls_with_other_keys(sink: Sink, number: int) -> tuple[int, int]:
    """Return how many calls were repeated, and how many not exactly as they were first made."""
    repeated = different = 0
    for n in range(number):
        calls = sink.calls_to(f"/{n}")
        repeated += len(calls) - 1
        different += len({(c.headers["Idempotency-Key"], c.body) for c in calls}) != 1
    return repeated, different


# F1
def test_a_worker_that_dies_at_any_failpoint_loses_and_doubles_nothing(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    times = scaled(20, 1)
    points = FEW if times == 1 else IN_WORKERS
    envs = [{"FAILPOINT": f"{point}:1:exit"} for point in points] * times
    with (
        a_sink() as sink,
        a_world(
            stack, tmp_path, {"fragile.yaml": DEFINITION}, SLUICEGATE_SECRET_SINK=sink.url
        ) as world,
        kept_alive(world, AT_ONCE, envs) as keeper,
    ):
        published, decided = 0, set[str]()
        while len(keeper.codes) < len(envs):
            for _ in range(5):
                queue_event(world, "fragile.asked", {"n": published}, id=uuid4().hex)
                published += 1
            decide_open(world, decided)
            world.closing.wait(0.2)
        happened = acts(world)
        while len(decided) < published:
            decide_open(world, decided)
            world.closing.wait(0.1)
        reach(world, published, "workflow_executions", "status = 'completed'")
        settle(world)
        assert set(keeper.codes) == {70}
        assert happened.keys() == set(points)
        assert count(world, "workflow_executions") == published
        assert count(world, "records", "entity_type = 'fragile' and version = 1") == published
        repeated, different = calls_with_other_keys(sink, published)
        told = life_cycles_told(world)
        assert (different, told.lost, told.out_of_order) == (0, 0, 0)
    figure(
        "F1",
        deaths=len(keeper.codes),
        failpoints=len(happened),
        executions=published,
        lost=0,
        doubly_resumed=0,
        messages_repeated=told.repeats,
        calls_repeated=repeated,
        repeats_under_another_key=different,
    )


# F2
def test_an_exception_that_nobody_foresaw_loses_no_event(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    events = scaled(4_000, 400)
    armed = {"FAILPOINT": "batch.mid:0.05:raise,batch.after_commit:0.05:raise"}
    with a_world(stack, tmp_path, {"plain.yaml": PLAIN}, SLUICEGATE_BATCH_SIZE="20") as world:
        for n in range(events):
            queue_event(world, "plain.asked", {"n": n}, id=str(n))
        world.producer.flush(30)
        with kept_alive(world, 1, [armed, armed]) as keeper:
            reach(world, events, "records", "entity_type = 'plain'", seconds=120)
            settle(world)
        assert keeper.codes
        assert set(keeper.codes) != {0}
        assert count(world, "workflow_executions", "status = 'completed'") == events
        assert count(world, "records", "version <> 1") == 0
    figure("F2", events=events, deaths=len(keeper.codes), lost=0, doubled=0)


# F20
def test_a_relay_that_dies_before_it_deletes_repeats_messages_in_order(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    deaths, published = scaled(100, 3), 0
    envs = [{"FAILPOINT": "relay.after_flush:0.2:exit"}] * deaths
    with (
        a_world(stack, tmp_path, {"plain.yaml": PLAIN}) as world,
        kept_alive(world, 1, envs) as keeper,
    ):
        while len(keeper.codes) < deaths:
            queue_event(world, "plain.asked", {"n": published}, id=uuid4().hex)
            published += 1
            world.closing.wait(0.1)
        reach(world, published, "workflow_executions", "status = 'completed'")
        settle(world)
        told = wait_until_told(world, published)
        assert set(keeper.codes) == {70}
    assert (told.lost, told.out_of_order) == (0, 0)
    assert told.repeats > 0
    figure(
        "F20",
        deaths_before_the_delete=deaths,
        messages=told.messages,
        repeats=told.repeats,
        lost=told.lost,
        order_violations=told.out_of_order,
    )
