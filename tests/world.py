"""A deployment under test: database, topics and workers of its own, watched from outside."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from confluent_kafka import Consumer, Producer, TopicPartition
from psycopg.rows import dict_row

from devstack.stack import EmbeddedStack
from tests.deploying import deploy

ROOT = Path(__file__).parent.parent
PARTITIONS = 4
PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Seen:
    """A record that the deployment published."""

    topic: str
    key: str | None
    value: Any
    headers: dict[str, bytes]
    raw: bytes | None
    at: float

    @property
    def type(self) -> str:
        """CloudEvents type."""
        return self.headers.get("ce_type", b"").decode()


@dataclass(slots=True)
class World:
    """What a publisher, an approver and an operator can do from outside."""

    stack: EmbeddedStack
    name: str
    definitions: Path
    env: dict[str, str]
    producer: Producer
    seen: list[Seen] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)
    code: Path = ROOT
    """The source tree whose commands run."""

    @property
    def database_url(self) -> str:
        return self.env["DATABASE_URL"]

    def topic(self, suffix: str) -> str:
        return f"{self.name}.{suffix}"

    @property
    def events_topic(self) -> str:
        return self.env["SLUICEGATE_EVENT_TOPICS"].split(",")[0]

    def command(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """Run the command line and return what it printed."""
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            env={**self.env, **env},
            cwd=self.code,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def start_worker(self, **env: str) -> subprocess.Popen[bytes]:
        """Start a worker process."""
        with (self.definitions / f"worker-{time.monotonic_ns()}.log").open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "cli", "worker"],
                env={**self.env, **env},
                cwd=self.code,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.workers.append(worker)
        return worker

    def worker_logs(self) -> str:
        """Return the end of all workers' logs."""
        logs = sorted(self.definitions.glob("worker-*.log"))
        return "\n".join(f"== {log.name}\n{log.read_text()[-3000:]}" for log in logs)

    def publish(
        self,
        type: str,
        data: Mapping[str, Any],
        *,
        key: str | None = None,
        id: str | None = None,
        source: str = "/tests",
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Publish a CloudEvent in binary mode; return its id."""
        id = id or uuid4().hex
        named = {"ce_specversion": "1.0", "ce_id": id, "ce_source": source, "ce_type": type}
        self.produce(
            self.events_topic, json.dumps(data), key=key, headers={**named, **(headers or {})}
        )
        return id

    def decide(self, waiting: Mapping[str, Any], outcome: str = "approved", **more: Any) -> str:
        """Answer a waiting record as an approval UI does; return the decision id."""
        decision = {
            "decision_id": uuid4().hex,
            "execution_id": waiting["execution_id"],
            "request_id": waiting["wait_id"],
            "outcome": outcome,
            "decided_by": "ana@example.com",
            **more,
        }
        self.produce(
            self.topic("decisions"), json.dumps(decision), key=str(decision["execution_id"])
        )
        return str(decision["decision_id"])

    def produce(
        self,
        topic: str,
        value: str | bytes | None,
        *,
        key: str | bytes | None = None,
        headers: Mapping[str, str | bytes] | None = None,
        partition: int = -1,
    ) -> None:
        """Produce any record and wait until the broker has it."""
        named: Any = list(headers.items()) if headers else None
        self.producer.produce(topic, value, key, partition, headers=named)
        self.producer.flush(10)

    def wait_for(self, matches: Callable[[Seen], bool], what: str = "a record") -> Seen:
        """Return the first record seen that matches; fails after a while."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with self.changed:
            number = 0
            while True:
                while number < len(self.seen):
                    if matches(self.seen[number]):
                        return self.seen[number]
                    number += 1
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self.changed.wait(left)
        raise AssertionError(f"{what} did not come\n{self.worker_logs()}")

    def all_seen(self, matches: Callable[[Seen], bool]) -> list[Seen]:
        """Return the records seen so far that match."""
        with self.changed:
            return [record for record in self.seen if matches(record)]

    def waiting(self, **fields: Any) -> dict[str, Any]:
        """Return the open waiting record whose view or fields match."""

        def fits(record: Seen) -> bool:
            value = record.value
            if record.topic != self.topic("waiting") or not value or value["status"] != "open":
                return False
            data = {**(value.get("view") or {}), **value}
            return all(data.get(name) == wanted for name, wanted in fields.items())

        return dict(self.wait_for(fits, f"a waiting record with {fields}").value)

    def receipt(self, decision_id: str) -> dict[str, Any]:
        """Return the receipt of a decision."""
        topic = self.topic("receipts")
        found = self.wait_for(
            lambda r: r.topic == topic and r.value.get("decision_id") == decision_id,
            f"the receipt of {decision_id}",
        )
        return dict(found.value)

    def command_sent(self, command_id: str) -> Seen:
        """Return the record of a command."""
        topic = self.topic("commands")
        return self.wait_for(
            lambda r: r.topic == topic and r.value["command_id"] == command_id,
            f"the command {command_id}",
        )

    def life_cycle(self, execution_id: str, kind: str) -> dict[str, Any]:
        """Return a life-cycle record of an execution (`execution.completed`, ...)."""
        found = self.wait_for(
            lambda r: r.key == execution_id and r.type == f"sluicegate.{kind}",
            f"{kind} of {execution_id}",
        )
        return dict(found.value)

    def dead_letter(self, value: bytes | None) -> Seen:
        """Return the dead letter with these bytes."""
        topic = self.topic("dead-letters")
        return self.wait_for(
            lambda r: r.topic == topic and r.raw == value, f"the dead letter {value!r}"
        )

    def started_by(self, event_id: str) -> list[str]:
        """Return the public ids of the executions that an event started, once it is stored."""
        rows = self.until("select triggered_workflows from events where event_id = %s", event_id)
        return list(rows[0]["triggered_workflows"])

    def query(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        """Read the database as a report does."""
        with psycopg.connect(self.database_url, row_factory=dict_row) as connection:
            return connection.execute(sql, parameters).fetchall()

    def until(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        """Return the rows of a query as soon as there are any."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        with psycopg.connect(
            self.database_url, row_factory=dict_row, autocommit=True
        ) as connection:
            while time.monotonic() < deadline:
                rows = connection.execute(sql, parameters).fetchall()
                if rows:
                    return rows
                self.closing.wait(0.02)
        raise AssertionError(f"no rows: {sql} {parameters}\n{self.worker_logs()}")

    def stop_workers(self, number: signal.Signals = signal.SIGTERM) -> list[int]:
        """Stop all workers; return their exit codes."""
        for worker in self.workers:
            if worker.poll() is None:
                worker.send_signal(number)
        codes = [worker.wait(20) for worker in self.workers]
        self.workers.clear()
        return codes

    def watch(self) -> None:
        """Collect what the deployment publishes, until closed."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.env["KAFKA_BOOTSTRAP_SERVERS"],
                "group.id": f"{self.name}-watch",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 20,
                "log_level": 0,
            }
        )
        suffixes = (
            "waiting",
            "receipts",
            "executions",
            "dead-letters",
            "commands",
            "decisions",
        )
        topics = [*map(self.topic, suffixes), self.events_topic]
        known = consumer.list_topics(timeout=10).topics
        consumer.assign(
            [TopicPartition(topic, n, 0) for topic in topics for n in known[topic].partitions]
        )
        while not self.closing.is_set():
            message = consumer.poll(0.05)
            if message is not None and not message.error():
                self._note(message)
        consumer.close()

    def _note(self, message: Any) -> None:
        raw = message.value()
        try:
            value = json.loads(raw) if raw is not None else None
        except (ValueError, RecursionError):
            value = None
        headers = {name: data or b"" for name, data in message.headers() or ()}
        key = message.key().decode("utf-8", "replace") if message.key() is not None else None
        record = Seen(message.topic(), key, value, headers, raw, time.monotonic())
        with self.changed:
            self.seen.append(record)
            self.changed.notify_all()


@contextmanager
def a_world(
    stack: EmbeddedStack, folder: Path, definitions: Mapping[str, str], **env: str
) -> Iterator[World]:
    """Make a deployment: database, schema, topics, definitions; no worker yet."""
    with a_world_of(ROOT, stack, folder, definitions, env) as world:
        yield world


def _deploy_by_command(world: World, folder: Path) -> None:
    for arguments in (
        ("migrate", "--topics", "--partitions", str(PARTITIONS)),
        ("apply", str(folder)),
    ):
        done = world.command(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def a_world_of(
    code: Path,
    stack: EmbeddedStack,
    folder: Path,
    definitions: Mapping[str, str],
    env: Mapping[str, str],
) -> Iterator[World]:
    """Make a deployment; of another source tree, or with packages of its own, by commands."""
    name = f"t{uuid4().hex[:10]}"
    addresses = stack.addresses
    with psycopg.connect(addresses.database_url, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    for file, text in definitions.items():
        (folder / file).write_text(text)
    settings = {
        "KAFKA_BOOTSTRAP_SERVERS": addresses.kafka,
        "DATABASE_URL": addresses.database_url.rpartition("/")[0] + f"/{name}",
        "REDIS_URL": addresses.redis_url,
        "SLUICEGATE_TOPIC_PREFIX": f"{name}.",
        "SLUICEGATE_GROUP_ID": f"{name}-worker",
        "SLUICEGATE_EVENT_TOPICS": f"{name}-events",
        "SLUICEGATE_AUTH": "none",
        "SLUICEGATE_DECISION_AUTH": "acl",
        "SLUICEGATE_SESSION_TIMEOUT": "2",
        "SLUICEGATE_FETCH_WAIT_MS": "20",
        "SLUICEGATE_WEBHOOK_ALLOW": "127.0.0.0/8",
        "LOG_FORMAT": "console",
        **env,
    }
    producer = Producer({"bootstrap.servers": addresses.kafka, "linger.ms": 0, "log_level": 0})
    world = World(stack, name, folder, {**os.environ, **settings}, producer, code=code)
    if code == ROOT and "PYTHONPATH" not in env:
        deploy(world.env, folder, PARTITIONS)
    else:
        _deploy_by_command(world, folder)
    thread = threading.Thread(target=world.watch, daemon=True)
    thread.start()
    try:
        yield world
    finally:
        world.stop_workers(signal.SIGTERM)
        world.closing.set()
        thread.join(10)
