"""The stack that tests run on: embedded by default; Apache Kafka or containers on demand."""

import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import settings

from devstack.stack import EmbeddedStack
from tests.containers import ContainerStack, a_container_stack

# Started in the background, a shell has its children ignore Ctrl-C, and they hand that on.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Every run of CI plays the same examples; HYPOTHESIS_SEARCH=1 looks for new ones.
settings.register_profile("ci", derandomize=True, database=None)
if not os.environ.get("HYPOTHESIS_SEARCH"):
    settings.load_profile("ci")


def broker_kind() -> Literal["tansu", "kafka"]:
    """Return `tansu`, or `kafka` for Apache Kafka from Maven's jars."""
    return "kafka" if os.environ.get("SLUICEGATE_TEST_BROKER") == "kafka" else "tansu"


@pytest.fixture(scope="session")
def stack() -> Iterator[EmbeddedStack | ContainerStack]:
    """One broker, database and cache for the whole run."""
    if os.environ.get("SLUICEGATE_TEST_BROKER") == "container":
        with a_container_stack() as containers:
            yield containers
        return
    with (
        tempfile.TemporaryDirectory(prefix="sluicegate-test-") as folder,
        EmbeddedStack(Path(folder), broker=broker_kind()) as running,
    ):
        yield running
