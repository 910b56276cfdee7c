"""A steady load on a deployment: events at a rate, each request approved as it is announced."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.world import World


@dataclass(slots=True)
class Load:
    """What has been published and decided so far."""

    world: World
    type: str
    rate: float
    published: int = 0
    decided: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    """Set when no more events shall come; requests are answered until the block ends."""
    left: threading.Event = field(default_factory=threading.Event)

    def publish(self) -> None:
        """Publish at the rate until it is over."""
        begun = time.monotonic()
        while not self.over.wait(0.02):
            due = int((time.monotonic() - begun) * self.rate)
            for n in range(self.published, due):
                headers = {"ce_type": self.type, "ce_source": "/load", "ce_id": f"n{n}"}
                self.world.producer.produce(
                    self.world.events_topic, f'{{"n": {n}}}', f"n{n}", headers=dict(headers)
                )
            self.published = max(due, self.published)
            self.world.producer.poll(0)

    def decide(self) -> None:
        """Approve what is announced until the block ends."""
        topic, number = self.world.topic("waiting"), 0
        while not self.left.wait(0.02):
            with self.world.changed:
                new = self.world.seen[number:]
            number += len(new)
            for record in new:
                value = record.value
                if record.topic == topic and value and value["status"] == "open":
                    self._approve(value["execution_id"], value["wait_id"])
            self.world.producer.poll(0)

    def _approve(self, execution_id: str, request_id: str) -> None:
        decision = {
            "decision_id": f"d-{request_id}",
            "execution_id": execution_id,
            "request_id": request_id,
            "outcome": "approved",
            "decided_by": "ana",
        }
        self.world.producer.produce(
            self.world.topic("decisions"), json.dumps(decision), execution_id
        )
        self.decided += 1


@contextmanager
def a_load(world: World, type: str, rate: float) -> Iterator[Load]:
    """Put a deployment under load for a block."""
    load = Load(world, type, rate)
    threads = [threading.Thread(target=run) for run in (load.publish, load.decide)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.over.set()
        load.left.set()
        for thread in threads:
            thread.join()
        world.producer.flush(10)
