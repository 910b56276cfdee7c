"""A deployment whose workers nobody disturbs: the faults come in as records."""

from collections.abc import Iterator

import pytest

from devstack.stack import EmbeddedStack
from tests.world import World, a_world

PLAIN = """
name: plain
trigger: { event: plain.asked }
steps:
  - id: kept
    execute: [{ update_record: { entity: plain, id: "${n}", set: { n: "${n}" } } }]
"""


@pytest.fixture(scope="package")
def steady(stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two workers; tests register their own definitions."""
    folder = tmp_path_factory.mktemp("steady")
    early = {"SLUICEGATE_EARLY_DECISION_SECONDS": "3"}
    with a_world(stack, folder, {"plain.yaml": PLAIN}, **early) as world:
        for _ in range(2):
            world.start_worker()
        yield world
