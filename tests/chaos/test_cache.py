"""Redis that is frozen, emptied, full of nonsense or gone: slower at most, never wrong."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from devstack.stack import EmbeddedStack
from tests.chaos.figures import figure, scaled
from tests.chaos.load import count, queue_event, reach
from tests.conftest import broker_kind
from tests.sink import Sink, a_sink
from tests.world import World, a_world

LOADING = """
name: loading
trigger: { event: loading.asked }
context: { load: { buyer: { resource: customers, id: "${customer}" } } }
steps:
  - id: kept
    execute: [{ update_record: { entity: loading, id: "${n}", set: { name: "${buyer.name}" } } }]
"""
RESOURCES = 'customers: { kind: http, url: "${secrets.SINK}/customers/${id}", cache: 1h }\n'
CUSTOMERS = 20


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    """Servers that only this module breaks."""
    folder = tmp_path_factory.mktemp("own")
    with EmbeddedStack(folder / "stack", broker=broker_kind()) as running:
        yield running


def work(world: World, sink: Sink, kind: str, number: int) -> float:
    """Run executions that load customers never seen before; return how many passed a second."""
    for n in range(CUSTOMERS):
        sink.bodies[f"/customers/{kind}{n}"] = f'{{"name": "{kind}"}}'.encode()
    for n in range(number):
        data = {"n": f"{kind}{n}", "customer": f"{kind}{n % CUSTOMERS}"}
        queue_event(world, "loading.asked", data, id=f"{kind}{n}")
    world.producer.flush(30)
    kept = f"entity_type = 'loading' and data->>'name' = '{kind}'"
    return number / reach(world, number, "records", kept)


# F14
def test_redis_in_trouble_fails_no_execution_and_changes_nothing(
    own_stack: EmbeddedStack, tmp_path: Path
) -> None:
    number, rates = scaled(5_000, 100), {}
    with (
        a_sink() as sink,
        a_world(
            own_stack,
            tmp_path,
            {"loading.yaml": LOADING, "resources.yaml": RESOURCES},
            SLUICEGATE_SECRET_SINK=sink.url,
        ) as world,
    ):
        world.start_worker()
        work(world, sink, "warm", 20)
        sound = work(world, sink, "sound", number)
        cache = redis.Redis.from_url(own_stack.addresses.redis_url)
        assert cache.exists("context:customers:sound0")
        for n in range(CUSTOMERS):
            cache.rpush(f"context:customers:odd{n}", "a list")
        rates["wrong_type"] = work(world, sink, "odd", number)
        for n in range(CUSTOMERS):
            cache.set(f"context:customers:mad{n}", b"\xff no JSON")
        rates["nonsense"] = work(world, sink, "mad", number)
        cache.flushall()
        rates["emptied"] = work(world, sink, "emptied", number)
        cache.close()
        os.kill(own_stack.pids["redis"], signal.SIGSTOP)
        rates["frozen"] = work(world, sink, "frozen", number)
        os.kill(own_stack.pids["redis"], signal.SIGKILL)
        rates["gone"] = work(world, sink, "gone", number)
        own_stack.restart_dead()
        failed = count(world, "workflow_executions", "status <> 'completed'")
    assert failed == 0
    figure(
        "F14",
        executions=number * (len(rates) + 1),
        failed=failed,
        per_second_sound=round(sound),
        **{f"per_second_{kind}": round(rate) for kind, rate in rates.items()},
    )
