"""One deployment with one worker for the acceptance suite; tests keep apart by their ids."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.stack import EmbeddedStack
from tests.sink import Sink, a_sink
from tests.world import ROOT, World, a_world

DEFINITIONS = Path(__file__).parent / "definitions"


@pytest.fixture(scope="package")
def sink() -> Iterator[Sink]:
    """A receiver of webhooks and a source of resources."""
    with a_sink() as receiver:
        yield receiver


@pytest.fixture(scope="package")
def world(
    stack: EmbeddedStack, sink: Sink, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """The deployment under test, with the examples and the suite's own definitions."""
    folder = tmp_path_factory.mktemp("definitions")
    examples = [
        f
        for f in (ROOT / "examples").glob("*.yaml")
        if f.name != "resources.yaml" and ".test." not in f.name
    ]
    files = [*examples, *DEFINITIONS.glob("*.yaml")]
    texts = {path.name: path.read_text() for path in files}
    with a_world(stack, folder, texts, SLUICEGATE_SECRET_SINK=sink.url) as running:
        running.start_worker()
        yield running
