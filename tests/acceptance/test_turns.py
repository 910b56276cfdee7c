"""More calls than a worker makes at once: those that wait are kept, dropped and handed over."""

import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from actions.client import AT_ONCE
from devstack.stack import EmbeddedStack
from tests.acceptance.following import begin, ended, obeyed, order, stands
from tests.sink import Sink
from tests.world import World, a_world

DEFINITION = """
name: crowd
trigger: { event: crowd.asked }
steps:
  - id: call
    execute:
      - webhook: { url: "${secrets.SINK}/${n}", json: {}, idempotent: false }
    timeout: 30s
    on_in_doubt: ask
"""
WAITING = 16
"""Calls beyond those that a worker makes at once."""
MINE = """
    from effects f join workflow_executions e on e.id = f.execution_id
    where f.status = 'pending' and e.trigger_payload ->> 'n' like %s
"""


@dataclass(frozen=True, slots=True)
class Crowd:
    """Executions whose calls are held by their target, and those whose call waits for its turn."""

    world: World
    worker: "subprocess.Popen[bytes]"
    gate: threading.Event
    executions: dict[str, str]
    waiting: list[str]
    """Paths of the calls that wait."""


def crowd_in(world: World, sink: Sink) -> Crowd:
    """Ask for more calls than a worker makes at once, and hold all that it makes."""
    (worker,) = world.workers
    id, gate = uuid4().hex, threading.Event()
    executions = {}
    for number in range(AT_ONCE + WAITING):
        path = f"/{id}-{number}"
        sink.hold[path] = gate
        world.publish("crowd.asked", {"n": path[1:]})
    mine = f"{id}-%"
    world.until(f"select 1 as x {MINE} having count(*) = {AT_ONCE + WAITING}", mine)
    world.until(f"select 1 as x {MINE} and f.begun having count(*) = {AT_ONCE}", mine)
    for row in world.query(f"select e.execution_id, e.trigger_payload ->> 'n' as n {MINE}", mine):
        executions["/" + row["n"]] = row["execution_id"]
    rows = world.query(
        f"select e.trigger_payload ->> 'n' as n {MINE} and not f.begun order by f.id", mine
    )
    waiting = ["/" + row["n"] for row in rows]
    for path in executions.keys() - set(waiting):
        sink.wait_for_call(path)
    return Crowd(world, worker, gate, executions, waiting)


def changed(crowd: Crowd, paths: list[str], cells: str) -> None:
    """Change rows of effects, as time or another worker would."""
    rows = crowd.world.query(
        f"update effects f set {cells} from workflow_executions e where e.id = f.execution_id "
        "and '/' || (e.trigger_payload ->> 'n') = any(%s) and f.status = 'pending' returning f.id",
        paths,
    )
    assert len(rows) == len(paths)


@pytest.fixture(scope="module")
def deployment(
    stack: EmbeddedStack, sink: Sink, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("crowd")
    with a_world(
        stack, folder, {"crowd.yaml": DEFINITION}, SLUICEGATE_SECRET_SINK=sink.url
    ) as running:
        running.start_worker()
        yield running


@pytest.fixture(scope="module")
def crowd(deployment: World, sink: Sink) -> Crowd:
    """Let the first that waits be cancelled, the second be taken over, the others run out."""
    found = crowd_in(deployment, sink)
    cancelled, taken, *others = found.waiting
    changed(found, [taken], "lease_token = 'another', lease_until = now() + interval '1 h'")
    changed(found, others, "lease_until = now() - interval '1 s'")
    obeyed(deployment, order(deployment, "cancel", found.executions[cancelled]))
    deployment.until(
        "select 1 as x from effects f join workflow_executions e on e.id = f.execution_id "
        "where '/' || (e.trigger_payload ->> 'n') = any(%s) and f.lease_until > now() "
        f"having count(*) = {len(others)}",
        others,
    )
    found.gate.set()
    for path in found.executions.keys() - {cancelled, taken}:
        ended(deployment, found.executions[path])
    return found


# S118
def test_a_call_that_only_waits_for_its_turn_keeps_its_lease_and_is_made_once(
    crowd: Crowd, sink: Sink
) -> None:
    _, _, *others = crowd.waiting
    for path in others:
        assert ended(crowd.world, crowd.executions[path])["status"] == "completed"
        assert len(sink.calls_to(path)) == 1


# S118
def test_a_healthy_worker_leaves_no_call_in_doubt(crowd: Crowd, sink: Sink) -> None:
    begun = crowd.executions.keys() - set(crowd.waiting)
    assert len(begun) == AT_ONCE
    assert {len(sink.calls_to(path)) for path in begun} == {1}
    assert not crowd.world.query("select 1 from effects where error_code = 'in_doubt'")


# S118
def test_a_call_that_is_withdrawn_before_its_turn_is_not_made(crowd: Crowd, sink: Sink) -> None:
    assert ended(crowd.world, crowd.executions[crowd.waiting[0]])["status"] == "cancelled"
    assert sink.calls_to(crowd.waiting[0]) == []


# S118
def test_a_call_that_another_worker_took_over_is_not_made(crowd: Crowd, sink: Sink) -> None:
    stands(crowd.world, crowd.executions[crowd.waiting[1]], "running")
    assert sink.calls_to(crowd.waiting[1]) == []


# S118
def test_what_a_dead_worker_had_not_begun_is_no_doubt_to_the_next_one(
    crowd: Crowd, deployment: World, sink: Sink
) -> None:
    assert crowd.gate.is_set()
    found = crowd_in(deployment, sink)
    found.worker.send_signal(signal.SIGKILL)
    found.worker.wait(10)
    deployment.workers.remove(found.worker)
    found.gate.set()
    deployment.start_worker()
    for path, execution in found.executions.items():
        if path in found.waiting:
            assert ended(deployment, execution)["status"] == "completed"
        else:
            assert stands(deployment, execution, "paused")["paused_reason"] == "incident:call"
        assert len(sink.calls_to(path)) == 1


# S213 S118
def test_an_orderly_stop_records_what_has_come_and_hands_over_what_waits(
    crowd: Crowd, deployment: World, sink: Sink
) -> None:
    assert crowd.gate.is_set()
    found = crowd_in(deployment, sink)
    found.worker.send_signal(signal.SIGTERM)
    found.gate.set()
    assert found.worker.wait(20) == 0
    deployment.workers.remove(found.worker)
    deployment.start_worker()
    for path, execution in found.executions.items():
        assert ended(deployment, execution)["status"] == "completed"
        assert len(sink.calls_to(path)) == 1


# S213 S118
def test_an_orderly_stop_waits_for_a_result_that_is_being_recorded(
    crowd: Crowd, deployment: World, sink: Sink
) -> None:
    assert crowd.gate.is_set()
    (worker,) = deployment.workers
    path = f"/{uuid4().hex}"
    gate = sink.hold[path] = threading.Event()
    execution = begin(deployment, "crowd.asked", {"n": path[1:]})
    sink.wait_for_call(path)
    worker.send_signal(signal.SIGTERM)
    with psycopg.connect(deployment.database_url) as connection:
        connection.execute(
            "select 1 from workflow_executions where execution_id = %s for update", (execution,)
        )
        gate.set()
        # The result has come, and the transaction that records it has begun.
        deployment.until(
            "select 1 as x from pg_stat_activity "
            "where datname = current_database() and wait_event_type = 'Lock'"
        )
    assert worker.wait(20) == 0
    deployment.workers.remove(worker)
    assert ended(deployment, execution)["status"] == "completed"
    assert len(sink.calls_to(path)) == 1


BROKEN = """
name: broken
trigger: { event: broken.asked }
steps:
  - id: call
    execute: [{ webhook: { url: "${secrets.SINK}/${n}", json: {} } }]
    timeout: 1s
"""


# S118
def test_a_call_that_broke_off_unforeseen_is_not_held_and_is_made_by_another(
    stack: EmbeddedStack, sink: Sink, tmp_path: Path
) -> None:
    with a_world(
        stack, tmp_path, {"broken.yaml": BROKEN}, SLUICEGATE_SECRET_SINK=sink.url
    ) as world:
        broken = world.start_worker(FAILPOINT="effect.after_claim:1:raise")
        path = f"/{uuid4().hex}"
        execution = begin(world, "broken.asked", {"n": path[1:]})
        world.until("select 1 as x from effects where lease_until < now()")
        broken.send_signal(signal.SIGKILL)
        broken.wait(10)
        world.workers.remove(broken)
        assert sink.calls_to(path) == []
        world.start_worker()
        assert ended(world, execution)["status"] == "completed"
