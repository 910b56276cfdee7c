"""Events whose worker died between taking them and bringing them to what waits for them."""

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest

from devstack.stack import EmbeddedStack
from tests.acceptance.following import ended
from tests.world import World, a_world

WAITING = """
name: waiting
trigger: { event: pair.opened }
steps:
  - id: other_half
    wait: { event: pair.closed, match: { id: "${id}" }, timeout: 1h }
"""
WATCHING = """
name: watching
trigger: { event: pair.opened, cancel_on: { event: pair.dropped, match: { id: "${id}" } } }
steps:
  - id: ask
    approval: { title: "${id}", roles: [any] }
"""


@pytest.fixture(scope="module")
def fragile(stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    files = {"waiting.yaml": WAITING, "watching.yaml": WATCHING}
    with a_world(stack, tmp_path_factory.mktemp("fragile"), files) as running:
        yield running


# S11 S47 S126
def test_events_that_a_crash_kept_apart_from_what_waits_for_them_meet_after_it(
    fragile: World,
) -> None:
    id = uuid4().hex
    for type in ("pair.opened", "pair.closed", "pair.dropped"):
        fragile.producer.produce(
            fragile.events_topic,
            json.dumps({"id": id}),
            partition=0,
            headers={"ce_type": type, "event-id": f"{id}{type}"},
        )
    fragile.producer.flush(10)
    # The worker dies as soon as all three are committed, before anything else can run.
    dying = fragile.start_worker(FAILPOINT="batch.after_commit:1:exit")
    assert dying.wait(20) == 70
    fragile.workers.remove(dying)
    rows = fragile.query("select status from workflow_executions")
    assert [row["status"] for row in rows] == ["paused", "paused"]
    fragile.start_worker()
    names = {}
    for execution in fragile.started_by(f"{id}pair.opened"):
        row = ended(fragile, execution)
        names[row["workflow_name"]] = row["status"]
    assert names == {"waiting": "completed", "watching": "cancelled"}
