"""The stack that tests run on: embedded by default, Apache Kafka on demand."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.stack import EmbeddedStack


def broker_kind() -> str:
    """Return `tansu`, or `kafka` for Apache Kafka from Maven's jars."""
    return os.environ.get("SLUICEGATE_TEST_BROKER", "tansu")


@pytest.fixture(scope="session")
def stack() -> Iterator[EmbeddedStack]:
    """One broker, database and cache for the whole run."""
    broker = "kafka" if broker_kind() == "kafka" else "tansu"
    with (
        tempfile.TemporaryDirectory(prefix="sluicegate-test-") as folder,
        EmbeddedStack(Path(folder), broker=broker) as running,
    ):
        yield running
