"""Bad configurations on the embedded stack: found, refused, and sound once mended as told."""

import json
import shlex
from collections.abc import Iterator
from itertools import pairwise

import psycopg
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType

from devstack.stack import EmbeddedStack
from tests.world import World, a_world

NOTHING = """
name: nothing
trigger: {event: nothing.happened}
steps:
  - {id: ok, allow: {}}
"""
WRONG = [
    ("decisions", "message.timestamp.type", "CreateTime"),
    ("decisions", "cleanup.policy", "compact"),
    ("commands", "retention.ms", "60000"),
    ("waiting", "cleanup.policy", "delete"),
    ("receipts", "max.message.bytes", "1000"),
    ("receipts", "min.insync.replicas", "2"),
]


@pytest.fixture(scope="module")
def bare(stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A deployment without a worker, whose settings tests spoil and mend."""
    folder = tmp_path_factory.mktemp("bare")
    with a_world(stack, folder, {"nothing.yaml": NOTHING}) as deployment:
        yield deployment


def configure(world: World, topic: str, key: str, value: str) -> None:
    """Set one setting of a topic."""
    admin = AdminClient({"bootstrap.servers": world.env["KAFKA_BOOTSTRAP_SERVERS"]})
    entry = ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    for future in admin.incremental_alter_configs([resource]).values():
        future.result(10)


def faults(world: World) -> list[dict[str, str]]:
    """Return what the doctor finds wrong."""
    done = world.command("doctor", "--json")
    found = [check for check in json.loads(done.stdout) if not check["ok"]]
    needs_migration = any(check["name"] == "schema" for check in found)
    assert done.returncode == (5 if needs_migration else 1 if found else 0)
    return found


def refusal(world: World) -> str:
    """Start a worker that must refuse; return what it says."""
    done = world.command("worker")
    assert done.returncode == 1, done.stderr
    return done.stderr


# F21
@pytest.mark.parametrize(("suffix", "key", "value"), WRONG)
def test_a_spoilt_topic_is_found_refused_and_mended_as_told(
    bare: World, suffix: str, key: str, value: str
) -> None:
    topic = bare.topic(suffix)
    configure(bare, topic, key, value)
    (fault,) = faults(bare)
    assert fault["name"] == f"{key} of {topic}"
    assert fault["remedy"] in refusal(bare)
    told = shlex.split(fault["remedy"])
    assert told[told.index("--entity-name") + 1] == topic
    name, _, good = told[told.index("--add-config") + 1].partition("=")
    configure(bare, topic, name, good.strip("[]"))
    assert faults(bare) == []


# F21
def test_a_missing_topic_is_found_refused_and_mended_as_told(bare: World) -> None:
    missing = f"{bare.name}-others"
    bare.env["SLUICEGATE_EVENT_TOPICS"] += f",{missing}"
    (fault,) = faults(bare)
    assert (fault["name"], fault["answer"]) == (f"topic {missing}", "does not exist")
    assert missing in refusal(bare)
    assert bare.command(*shlex.split(fault["remedy"])[1:]).returncode == 0
    assert faults(bare) == []


# F21
def test_a_database_that_may_forget_commits_is_found_refused_and_mended_as_told(
    bare: World,
) -> None:
    spoil = f"alter database {bare.name} set synchronous_commit = off"
    with psycopg.connect(bare.database_url, autocommit=True) as connection:
        connection.execute(spoil.encode())
    (fault,) = faults(bare)
    assert (fault["name"], fault["answer"]) == ("synchronous_commit", "off")
    assert fault["remedy"] in refusal(bare)
    told = shlex.split(fault["remedy"])
    with psycopg.connect(bare.database_url, autocommit=True) as connection:
        for flag, statement in pairwise(told):
            if flag == "-c":
                connection.execute(statement.encode())
    assert faults(bare) == []


# F19
def test_an_old_schema_is_found_with_its_command(bare: World) -> None:
    with psycopg.connect(bare.database_url, autocommit=True) as connection:
        newest = connection.execute(
            "delete from schema_migrations where version = (select max(version) from"
            " schema_migrations) returning version, name, checksum"
        ).fetchone()
        assert newest is not None
        try:
            (fault,) = faults(bare)
            assert (fault["name"], fault["remedy"]) == ("schema", "sluicegate migrate")
            assert bare.command("worker").returncode == 5
        finally:
            connection.execute(
                "insert into schema_migrations (version, name, checksum) values (%s, %s, %s)",
                newest,
            )
