"""ACLs that keep workers from their topics: found, refused, and mended by the printed commands."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from devstack.processes import end
from devstack.stack import EmbeddedStack
from tests.conftest import broker_kind
from tests.kafka.secured import SecuredKafka, client_properties, credentials
from tests.kafka.tools import run_tool
from tests.world import World, a_world

pytestmark = pytest.mark.kafka
NOTHING = """
name: nothing
trigger: {event: nothing.happened}
steps:
  - {id: ok, allow: {}}
"""


@pytest.fixture(scope="module")
def secured(stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A deployment whose topics stand on a broker of its own that knows ACLs."""
    if broker_kind() != "kafka":
        pytest.skip("needs Apache Kafka: SLUICEGATE_TEST_BROKER=kafka")
    folder = tmp_path_factory.mktemp("secured")
    broker = SecuredKafka(folder / "kafka")
    broker.prepare()
    process = broker.start()
    (folder / "definitions").mkdir()
    with a_world(stack, folder / "definitions", {"nothing.yaml": NOTHING}) as world:
        deadline = time.monotonic() + 60
        while not broker.answers() and time.monotonic() < deadline:
            world.closing.wait(0.1)
        world.env |= {"KAFKA_BOOTSTRAP_SERVERS": f"127.0.0.1:{broker.port}"}
        done = world.command("migrate", "--topics", "--partitions", "1", **credentials("admin"))
        assert done.returncode == 0, done.stderr
        yield world
    end(process, broker.stop_signal, 10)


def faults(world: World) -> dict[str, dict[str, str]]:
    done = world.command("doctor", "--json", **credentials("worker"))
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return {check["name"]: check for check in json.loads(done.stdout) if not check["ok"]}


# F21
def test_what_acls_forbid_is_found_refused_and_mended_as_told(
    secured: World, tmp_path: Path
) -> None:
    client_properties(tmp_path)
    found = faults(secured)
    topics = [secured.events_topic]
    topics += [secured.topic(name) for name in ("commands", "decisions", "waiting", "receipts")]
    topics += [secured.topic(name) for name in ("executions", "dead-letters")]
    groups = [f"access to group {secured.env['SLUICEGATE_GROUP_ID']}"]
    assert set(found) == {*(f"access to {topic}" for topic in topics), *groups}
    refused = secured.command("worker", **credentials("worker"))
    assert refused.returncode == 1
    # That workers may not emit is told; only what keeps them from their own work is refused.
    fatal = [fault for fault in found.values() if "emit" not in fault["answer"]]
    assert all(fault["remedy"] in refused.stderr for fault in fatal)
    while found:
        # A topic that is seen for the first time shows what else is missing.
        name, fault = next(iter(found.items()))
        run_tool(fault["remedy"], tmp_path)
        found, before = faults(secured), set(found)
        assert name not in found or set(found) != before
    assert found == {}
    secured.start_worker(**credentials("worker"))
    secured.command(
        "send", "nothing.happened", "--data", "{}", "--id", "n1", **credentials("admin")
    )
    secured.until("select 1 as x from workflow_executions where status = 'completed'")
    assert secured.stop_workers() == [0]
