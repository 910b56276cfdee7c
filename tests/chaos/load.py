"""Load on a deployment: many records at once, workers that are started again, counts awaited."""

import json
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from engine.ids import ExecutionId, StepPath, execution_id, public_id, wait_id
from tests.chaos.figures import SCALE
from tests.world import Seen, World

PATIENCE_SECONDS = 120 + 900 * SCALE
TIMESTAMP = 1_790_000_000_000
"""Of events whose execution ids a test must know before they are processed (milliseconds)."""


@dataclass(frozen=True, slots=True)
class Request:
    """An approval request, known before it is opened."""

    execution_id: str
    wait_id: str


def expected_request(workflow: str, event_id: str, step: str, timestamp: int) -> Request:
    """Return the request that an event will open: all its ids are derived."""
    execution = execution_id(workflow, "/load", event_id, timestamp)
    request = wait_id(ExecutionId(execution), StepPath(step))
    return Request(public_id(execution), request)


def queue_event(
    world: World,
    type: str,
    data: Mapping[str, Any],
    *,
    id: str,
    key: str | None = None,
    partition: int = -1,
    timestamp: int = 0,
) -> None:
    """Hand an event to the producer without waiting for the broker."""
    headers = {"ce_specversion": "1.0", "ce_id": id, "ce_source": "/load", "ce_type": type}
    world.producer.produce(
        world.events_topic,
        json.dumps(data),
        key or id,
        partition,
        headers=list(headers.items()),
        timestamp=timestamp,
    )
    world.producer.poll(0)


def queue_decision(
    world: World, request: Request, outcome: str = "approved", **more: Any
) -> dict[str, Any]:
    """Hand a decision to the producer; return it."""
    on_delivery = more.pop("on_delivery", None)
    partition = more.pop("partition", -1)
    decision = {
        "decision_id": uuid4().hex,
        "execution_id": request.execution_id,
        "request_id": request.wait_id or None,
        "outcome": outcome,
        "decided_by": "ana@example.com",
        **more,
    }
    topic, value = world.topic("decisions"), json.dumps(decision)
    world.producer.produce(topic, value, request.execution_id, partition, on_delivery=on_delivery)
    world.producer.poll(0)
    return decision


def queue_command(world: World, kind: str, execution_id: str) -> str:
    """Hand a command to the producer; return its id."""
    command = {
        "command_id": uuid4().hex,
        "kind": kind,
        "execution_id": execution_id,
        "by": "ops@example.com",
        "reason": "a fault is produced",
    }
    world.producer.produce(world.topic("commands"), json.dumps(command), execution_id)
    world.producer.poll(0)
    return command["command_id"]


def register(world: World, **definitions: str) -> None:
    """Register definitions by their names."""
    for name, text in definitions.items():
        (world.definitions / f"{name}.yaml").write_text(text)
    done = world.command("apply", str(world.definitions))
    assert done.returncode == 0, done.stdout + done.stderr


def begin(world: World, name: str, number: int) -> dict[str, Request]:
    """Open so many requests by the events of a workflow; return them by the `n` of their events."""
    for n in range(number):
        queue_event(world, f"{name}.asked", {"n": n}, id=uuid4().hex)
    world.producer.flush(30)
    opened = (
        "approval_requests a join workflow_executions e on e.id = a.execution_id",
        f"e.workflow_name = '{name}'",
    )
    reach(world, number, *opened)
    return requests_of(world, name)


def requests_of(world: World, workflow: str) -> dict[str, Request]:
    """Return the open requests of a workflow by the `n` of their events."""
    rows = world.query(
        "select e.trigger_payload->>'n' as n, e.execution_id, a.request_id from approval_requests a"
        " join workflow_executions e on e.id = a.execution_id"
        " where e.workflow_name = %s and a.status = 'pending'",
        workflow,
    )
    return {row["n"]: Request(row["execution_id"], row["request_id"]) for row in rows}


def count(world: World, table: str, condition: str = "true", *parameters: Any) -> int:
    """Return how many rows hold."""
    return int(
        world.query(f"select count(*) as n from {table} where {condition}", *parameters)[0]["n"]
    )


def reach(
    world: World,
    number: int,
    table: str,
    condition: str = "true",
    seconds: float = PATIENCE_SECONDS,
) -> float:
    """Wait until so many rows hold; return the seconds it took."""
    begun = time.monotonic()
    found = -1
    while time.monotonic() < begun + seconds:
        found = count(world, table, condition)
        if found >= number:
            assert found == number, f"{found} rows of {table} where {condition}, not {number}"
            return time.monotonic() - begun
        world.closing.wait(0.05)
    raise AssertionError(
        f"{found} of {number} rows of {table} where {condition}\n{world.worker_logs()}"
    )


def settle(world: World, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until everything that was to be published is."""
    world.producer.flush(30)
    reach(world, 1, "(select where not exists (select from outbox)) as empty", seconds=seconds)


@dataclass(slots=True)
class Keeper:
    """Starts a worker again whenever one ends, as a supervisor does."""

    world: World
    envs: Iterator[Mapping[str, str]]
    """What each worker is started with; nothing of its own once they are used up."""
    codes: list[int] = field(default_factory=list)
    """With which codes workers ended."""
    stopping: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Start one worker."""
        self.world.start_worker(**next(self.envs, {}))

    def run(self) -> None:
        """Look after the workers until told to stop."""
        while not self.stopping.wait(0.05):
            for worker in list(self.world.workers):
                code = worker.poll()
                if code is not None:
                    self.codes.append(code)
                    self.world.workers.remove(worker)
                    self.start()


@contextmanager
def kept_alive(
    world: World, number: int, envs: Iterable[Mapping[str, str]] = ()
) -> Iterator[Keeper]:
    """Keep so many workers running while the block lasts."""
    keeper = Keeper(world, iter(envs))
    for _ in range(number):
        keeper.start()
    thread = threading.Thread(target=keeper.run, daemon=True)
    thread.start()
    try:
        yield keeper
    finally:
        keeper.stopping.set()
        thread.join(10)


def acts(world: World) -> Counter[str]:
    """Return how often each failpoint has acted, from the logs of the workers."""
    found: Counter[str] = Counter()
    for log in world.definitions.glob("worker-*.log"):
        found.update(re.findall(r"the failpoint (\S+) acts", log.read_text()))
    return found


@dataclass(frozen=True, slots=True)
class Told:
    """How the life cycles of executions were published."""

    messages: int
    repeats: int
    lost: int
    out_of_order: int


def life_cycles_told(world: World) -> Told:
    """Read how every execution's messages came: each once or again, none missing, in order."""
    sequences: dict[str, list[int]] = {}
    for record in world.all_seen(lambda r: r.topic == world.topic("executions")):
        sequences.setdefault(str(record.key), []).append(int(record.value["sequence"]))
    repeats = lost = out_of_order = 0
    for numbers in sequences.values():
        known = set(numbers)
        repeats += len(numbers) - len(known)
        lost += max(known) - len(known)
        first_seen = list(dict.fromkeys(numbers))
        out_of_order += first_seen != sorted(first_seen)
    return Told(sum(map(len, sequences.values())), repeats, lost, out_of_order)


def stop_workers(world: World, number: signal.Signals = signal.SIGTERM) -> Sequence[int]:
    """Stop all workers, frozen ones too."""
    for worker in world.workers:
        if worker.poll() is None:
            worker.send_signal(signal.SIGCONT)
    return world.stop_workers(number)


def wait_until_told(world: World, executions: int) -> Told:
    """Return how life cycles were told once each execution is told to have ended."""
    ended: set[str | None] = set()

    def all_ended(record: Seen) -> bool:
        if record.type == "sluicegate.execution.completed":
            ended.add(record.key)
        return len(ended) == executions

    world.wait_for(all_ended, "the end of every execution")
    return life_cycles_told(world)
