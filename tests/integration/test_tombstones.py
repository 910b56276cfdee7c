"""Closed waits leave the compacted waiting topic (requirements.md S217)."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from devstack.stack import EmbeddedStack
from tests.world import Seen, World, a_world

DEFINITION = """
name: pass
trigger: { event: pass.asked }
steps:
  - id: gate
    approval: { title: "May ${id} pass?", anyone: true }
"""


@pytest.fixture
def shop(stack: EmbeddedStack, tmp_path: Path) -> Iterator[World]:
    with a_world(stack, tmp_path, {"pass.yaml": DEFINITION}) as running:
        running.start_worker(SLUICEGATE_TOMBSTONE_SECONDS="1")
        yield running


# S217
def test_a_closed_wait_is_followed_by_its_tombstone(shop: World) -> None:
    id = uuid4().hex
    shop.publish("pass.asked", {"id": id})
    waiting = shop.waiting(id=id)
    shop.decide(waiting)
    shop.life_cycle(waiting["execution_id"], "execution.completed")
    topic = shop.topic("waiting")

    def is_tombstone(record: Seen) -> bool:
        return record.topic == topic and record.key == waiting["wait_id"] and record.value is None

    shop.wait_for(is_tombstone, "a tombstone")
    of_wait = shop.all_seen(lambda r: r.topic == topic and r.key == waiting["wait_id"])
    assert [record.value and record.value["status"] for record in of_wait] == [
        "open",
        "closed",
        None,
    ]
