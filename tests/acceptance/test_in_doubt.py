"""A worker dies in the middle of calls: what is repeated, what fails, what an operator is asked."""

import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from devstack.stack import EmbeddedStack
from tests.acceptance.following import begin, ended, obeyed, order, stands, steps_of
from tests.sink import Sink
from tests.world import World, a_world

DEFINITION = """
name: doubt-{name}
trigger: {{ event: doubt.{name} }}
context:
  load:
    rate: {{ resource: rates, id: "${{country}}" }}
  derive:
    dear: {{ rate.vat: {{ gt: 10 }} }}
steps:
  - id: before
    execute: [{{ webhook: {{ url: "${{secrets.SINK}}/before/${{id}}", json: {{}} }} }}]
  - id: call
    execute: [{{ webhook: {{ url: "${{secrets.SINK}}/{name}/${{id}}", json: {{}}{more} }} }}]
    retry: {{ max: 0 }}
    {doubt}
  - id: after
    execute: [{{ log: {{ message: "${{dear}} ${{steps.call.status}}" }} }}]
"""
HOWS = {
    "repeat": ("", ""),
    "ask": (", idempotent: false", ""),
    "fail": (", idempotent: false", "on_in_doubt: fail"),
}
RESOURCES = "rates: { kind: static, data: { DE: { vat: 19 } } }\n"


@dataclass(frozen=True, slots=True)
class Crash:
    """A deployment after a worker was killed during calls, and its executions by how they doubt."""

    world: World
    id: str
    executions: dict[str, str]
    left: dict[str, tuple[dict[str, Any], dict[str, str]]]
    """Rows and steps as the dead worker left them."""


@pytest.fixture(scope="module")
def crash(
    stack: EmbeddedStack, sink: Sink, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Crash]:
    """Kill the worker while one call of each kind, and a second one to ask about, are open."""
    files = {
        f"doubt-{name}.yaml": DEFINITION.format(name=name, more=more, doubt=doubt)
        for name, (more, doubt) in HOWS.items()
    }
    folder = tmp_path_factory.mktemp("doubt")
    with a_world(
        stack,
        folder,
        {**files, "resources.yaml": RESOURCES},
        SLUICEGATE_SECRET_SINK=sink.url,
    ) as world:
        worker = world.start_worker()
        id = uuid4().hex
        executions = {}
        gates = []
        for how in ("repeat", "ask", "fail", "skip"):
            kind, name = ("ask", f"{id}2") if how == "skip" else (how, id)
            gates.append(sink.hold.setdefault(f"/{kind}/{name}", threading.Event()))
            data = {"id": name, "country": "DE"}
            executions[how] = begin(world, f"doubt.{kind}", data)
            sink.wait_for_call(f"/{kind}/{name}")
        worker.send_signal(signal.SIGKILL)
        worker.wait(10)
        world.workers.remove(worker)
        for gate in gates:
            gate.set()
        left = {
            how: (stands(world, execution, "running"), steps_of(world, execution))
            for how, execution in executions.items()
        }
        # Whoever takes the partitions of the dead worker takes its calls as well.
        world.start_worker()
        yield Crash(world, id, executions, left)


# S15 S17 S20 S96
def test_what_was_known_before_the_crash_stands_in_the_database(crash: Crash) -> None:
    for row, steps in crash.left.values():
        assert row["context"]["rate"] == {"vat": 19}
        assert row["context"]["dear"] is True
        assert row["context"]["steps"]["before"]["status"] == "completed"
        assert steps == {"before": "completed", "call": "running"}


# S118 S104 S109
def test_a_call_that_may_be_repeated_is_made_again_under_its_key(crash: Crash, sink: Sink) -> None:
    assert ended(crash.world, crash.executions["repeat"])["status"] == "completed"
    calls = sink.calls_to(f"/repeat/{crash.id}")
    assert len(calls) == 2
    assert len({(call.headers["Idempotency-Key"], call.body) for call in calls}) == 1
    # One execution of each of three kinds passed here, each once.
    assert len(sink.calls_to(f"/before/{crash.id}")) == 3


# S118
def test_a_call_that_may_not_be_repeated_fails_its_step_where_that_is_asked(
    crash: Crash, sink: Sink
) -> None:
    row = ended(crash.world, crash.executions["fail"])
    assert (row["status"], row["error_code"]) == ("failed", "in_doubt")
    assert len(sink.calls_to(f"/fail/{crash.id}")) == 1


# S118 S99
def test_an_operator_is_asked_about_a_call_in_doubt_and_has_it_tried_again(
    crash: Crash, sink: Sink
) -> None:
    execution = crash.executions["ask"]
    row = stands(crash.world, execution, "paused")
    assert row["paused_reason"] == "incident:call"
    assert steps_of(crash.world, execution)["call"] == "waiting"
    obeyed(crash.world, order(crash.world, "retry", execution))
    assert ended(crash.world, execution)["status"] == "completed"
    calls = sink.calls_to(f"/ask/{crash.id}")
    assert len(calls) == 2
    assert len({call.headers["Idempotency-Key"] for call in calls}) == 1


# S118
def test_an_operator_who_knows_that_it_took_effect_skips_a_call_in_doubt(
    crash: Crash, sink: Sink
) -> None:
    execution = crash.executions["skip"]
    stands(crash.world, execution, "paused")
    obeyed(crash.world, order(crash.world, "skip", execution))
    assert ended(crash.world, execution)["status"] == "completed"
    assert len(sink.calls_to(f"/ask/{crash.id}2")) == 1
