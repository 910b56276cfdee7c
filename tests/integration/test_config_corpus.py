"""Bad configurations (tests/corpus/config): each found, refused or told, and mended by its command.

`cases.tsv` holds what `doctor` and a worker end with, and the one fault with its remedy.
"""

import csv
import json
import shlex
import time
import tomllib
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewPartitions, NewTopic

from devstack import postgres
from devstack.processes import end
from devstack.stack import EmbeddedStack
from streams.topics import Topics
from tests.chaos.figures import figure
from tests.conftest import broker_kind
from tests.kafka.tools import run_tool
from tests.world import ROOT, World, a_world

CORPUS = ROOT / "tests" / "corpus" / "config"
NOTHING = """
name: nothing
trigger: {event: nothing.happened}
steps:
  - {id: ok, allow: {}}
"""
with (CORPUS / "cases.tsv").open(newline="") as table:
    CASES = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
JUDGED: dict[str, str] = {}
"""What a worker made of each configuration: its exit code, or `starts`."""


@pytest.fixture(scope="module")
def bare(stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A deployment without a worker, whose configuration tests spoil and mend."""
    with a_world(stack, tmp_path_factory.mktemp("bare"), {"nothing.yaml": NOTHING}) as deployment:
        yield deployment


def named(text: str, world: World) -> str:
    """Return a text of the corpus with the names of a deployment."""
    for name, value in {
        "{kafka}": world.stack.addresses.kafka,
        "{prefix}": world.env["SLUICEGATE_TOPIC_PREFIX"],
        "{events}": f"{world.name}-events",
        "{database}": world.name,
    }.items():
        text = text.replace(name, value)
    return text


def admin(world: World) -> AdminClient:
    return AdminClient({"bootstrap.servers": world.stack.addresses.kafka})


def configure(world: World, topic: str, key: str, value: str) -> None:
    entry = ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    client = admin(world)
    for future in client.incremental_alter_configs([resource]).values():
        future.result(10)


def grow(world: World, topic: str, partitions: int) -> None:
    client = admin(world)
    for future in client.create_partitions([NewPartitions(topic, partitions)]).values():
        future.result(10)


def create_all_but(world: World, missing: str) -> None:
    """Give a deployment new topics under another prefix, without one of them."""
    world.env["SLUICEGATE_TOPIC_PREFIX"] = prefix = f"{world.name}-other."
    specs = [spec for spec in Topics(prefix).specs(4, 1) if not spec.name.endswith(missing)]
    client = admin(world)
    for future in client.create_topics(
        [NewTopic(spec.name, spec.partitions, 1, config=dict(spec.config)) for spec in specs]
    ).values():
        future.result(10)


def execute(world: World, statements: list[str]) -> None:
    with psycopg.connect(world.stack.addresses.database_url, autocommit=True) as server:
        at_server = [text for text in statements if "alter" in text or "reload" in text]
        since = server.execute("select clock_timestamp()").fetchone()
        for text in at_server:
            server.execute(named(text, world).encode())
    if any("reload" in text for text in at_server):
        world.until("select 1 as x where pg_conf_load_time() >= %s", *(since or ()))
    with psycopg.connect(world.database_url, autocommit=True) as database:
        for text in statements:
            if text not in at_server:
                database.execute(text.encode())


def topic_named(world: World, name: str) -> str:
    return f"{world.name}-events" if name == "events" else world.topic(name)


def spoil(world: World, case: Mapping[str, Any]) -> None:
    """Make a deployment what a case says."""
    for topic in case.get("topics", ()):
        configure(world, topic_named(world, topic["name"]), topic["key"], topic["value"])
    for name, number in case.get("partitions", {}).items():
        grow(world, topic_named(world, name), number)
    if "all_but" in case:
        create_all_but(world, case["all_but"])
    execute(world, case.get("database", []))
    world.env |= {name: named(value, world) for name, value in case.get("env", {}).items()}


def mend(world: World, remedy: str, folder: Path) -> None:
    """Do what is told; on Tansu, Kafka's tools are played."""
    program, *arguments = told = shlex.split(remedy)
    options = dict(pairwise(arguments))
    match program:
        case "sluicegate":
            assert world.command(*arguments).returncode == 0
        case "export":
            name, _, value = arguments[0].partition("=")
            world.env[name] = value
        case "psql":
            execute(world, [text for flag, text in pairwise(told) if flag == "-c"])
        case _ if program.startswith("kafka-") and broker_kind() == "kafka":
            run_tool(remedy, folder)
        case "kafka-configs.sh":
            key, _, value = options["--add-config"].partition("=")
            configure(world, options["--entity-name"], key, value.strip("[]"))
        case "kafka-topics.sh":
            grow(world, options["--topic"], int(options["--partitions"]))


def faults(world: World, code: int) -> list[dict[str, str]]:
    """Return what the doctor finds wrong."""
    done = world.command("doctor", "--json")
    assert done.returncode == code, done.stdout + done.stderr
    return [check for check in json.loads(done.stdout) if not check["ok"]]


def test_every_file_of_the_corpus_has_a_row_and_there_are_more_than_a_dozen() -> None:
    assert sorted(case["file"] for case in CASES) == sorted(f.name for f in CORPUS.glob("*.toml"))
    refused = [case for case in CASES if case["worker"] != "starts"]
    assert len(refused) >= 12


# F21
@pytest.mark.parametrize("row", CASES, ids=lambda row: row["file"])
def test_a_bad_configuration_is_found_refused_and_mended_as_told(
    bare: World, tmp_path: Path, row: Mapping[str, str]
) -> None:
    if row["broker"] == "kafka" and broker_kind() != "kafka":
        pytest.skip("Tansu cannot show it: SLUICEGATE_TEST_BROKER=kafka")
    case = tomllib.loads((CORPUS / row["file"]).read_text())
    before = dict(bare.env)
    spoil(bare, case)
    try:
        (fault,) = faults(bare, int(row["doctor"]))
        assert fault["name"] == named(row["check"], bare)
        assert fault["answer"].startswith(row["answer"])
        assert fault["remedy"] == named(row["remedy"], bare)
        if row["worker"] == "starts":
            tell_and_start(bare, fault["remedy"], tmp_path / "ready")
        else:
            refuse(bare, int(row["worker"]), fault)
        mend(bare, fault["remedy"], tmp_path)
        if not case.get("env") or "export" in fault["remedy"] or "migrate" in fault["remedy"]:
            execute(bare, case.get("afterwards", []))
            assert faults(bare, 0) == []
        JUDGED[row["file"]] = row["worker"]
    finally:
        bare.env.clear()
        bare.env.update(before)


# F21
def test_no_configuration_that_would_lose_work_was_started() -> None:
    wanted = [case for case in CASES if case["broker"] in ("any", broker_kind())]
    if len(JUDGED) < len(wanted):
        pytest.skip("only with all configurations before it")
    refused = [file for file, worker in JUDGED.items() if worker != "starts"]
    assert len(refused) >= 12
    told = len(JUDGED)
    figure("F21", Path(__file__), configurations=told, refused=len(refused), told_of=told)


def refuse(world: World, code: int, fault: Mapping[str, str]) -> None:
    """A worker must not start, and say what is wrong and what to do."""
    done = world.command("worker")
    assert done.returncode == code, done.stderr
    if code == 1:
        assert fault["remedy"] in done.stderr
    else:
        assert fault["name"] in done.stderr


def tell_and_start(world: World, remedy: str, ready: Path) -> None:
    """A worker must start all the same, and say what to do."""
    world.start_worker(SLUICEGATE_WORKER_READY_FILE=str(ready))
    deadline = time.monotonic() + 30
    while not ready.exists() and time.monotonic() < deadline:
        world.closing.wait(0.05)
    world.stop_workers()
    assert remedy in "".join(log.read_text() for log in world.definitions.glob("worker-*.log"))


# F21
def test_a_server_started_without_fsync_is_refused(
    bare: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(postgres.SETTINGS, "fsync", "off")
    server = postgres.Postgres(tmp_path)
    server.prepare()
    process = server.start()
    try:
        deadline = time.monotonic() + 30
        while not server.answers() and time.monotonic() < deadline:
            bare.closing.wait(0.05)
        assert bare.command("migrate", DATABASE_URL=server.url).returncode == 0
        done = bare.command("worker", DATABASE_URL=server.url)
        assert done.returncode == 1
        remedy = "take `-c fsync=off` off the server's command line, and start it again"
        assert f"fsync: off; {remedy}" in done.stderr
    finally:
        end(process, server.stop_signal, 10)
