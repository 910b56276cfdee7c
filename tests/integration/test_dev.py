"""`sluicegate dev` and `demo` as a newcomer meets them (interfaces.md, Command line)."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.world import ROOT

PATIENCE_SECONDS = 40.0
PAUSE = threading.Event()


def until(what: str, is_so: Callable[[], Any]) -> Any:
    """Return the first true answer; fails after a while."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = is_so()
        if found:
            return found
        PAUSE.wait(0.05)
    raise AssertionError(f"{what} did not happen")


def alive(pid: int) -> bool:
    """Tell whether a process runs and is no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def all_pids(ready: dict[str, Any]) -> list[int]:
    pids = ready["pids"]
    return [*pids["worker"], pids["api"], pids["kafka"], pids["postgres"], pids["redis"]]


def all_pids_of(ready: dict[str, Any], name: str) -> list[int]:
    pids = ready["pids"][name]
    return pids if isinstance(pids, list) else [pids]


@contextmanager
def running(
    folder: Path, *arguments: str, meanwhile: Callable[[int], None] = lambda _pid: None
) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[], dict[str, Any]]]]:
    """Run `dev` until the block ends; gives the process and a reader of its ready file.

    `meanwhile` is called with its pid until it is ready.
    """
    ready_file = folder / "ready.json"
    ready_file.unlink(missing_ok=True)
    with (folder / "dev.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", "dev", "--data-dir", str(folder / "data"), "--port", "0",
             "--ready-file", str(ready_file), *arguments],
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )  # fmt: skip

    def ready() -> dict[str, Any]:
        assert process.poll() is None, (folder / "dev.log").read_text()
        return dict(json.loads(ready_file.read_text())) if ready_file.exists() else {}

    def is_ready() -> bool:
        meanwhile(process.pid)
        return bool(ready())

    try:
        try:
            until("dev being ready", is_ready)
        except AssertionError as problem:
            logs = [folder / "dev.log", *(folder / "data").glob("*.log")]
            texts = (f"== {log.name}\n{log.read_text()[-2000:]}" for log in logs)
            raise AssertionError("\n".join((str(problem), *texts))) from None
        yield process, ready
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(20)


def query(ready: dict[str, Any], sql: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(ready["database_url"]) as connection:
        return connection.execute(sql.encode()).fetchall()


OPEN = "select request_id from approval_requests where status = 'pending'"
OF = "select execution_id from approval_requests where status = 'pending'"


def test_dev_restarts_what_dies_and_keeps_its_data(tmp_path: Path) -> None:
    with running(tmp_path) as (process, ready):
        first = ready()
        (request,) = until("the example order waiting", lambda: query(first, OPEN))
        with urllib.request.urlopen(f"{first['api']}/api/v1/approvals") as answer:
            assert request[0] in answer.read().decode()
        # The broker first: by a worker that has published, and again by one that has not.
        for name in ("kafka", "worker", "api", "kafka"):
            [kill] = all_pids_of(ready(), name)
            os.kill(kill, signal.SIGKILL)
            until("the pids being rewritten", lambda kill=kill: kill not in all_pids(ready()))  # type: ignore[misc]
            if name == "kafka":
                announced_again(ready())
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        until("all being ended", lambda: not any(map(alive, all_pids(first))))

    with running(tmp_path, "--no-example") as (process, ready):
        again = ready()
        assert query(again, OPEN) == [request]
        announced_again(again)
        [execution] = query(
            again, f"select execution_id from workflow_executions where id = ({OF})"
        )
        assert records_of(again) == [(request[0], execution[0])]
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130


def announced_again(ready: dict[str, Any]) -> None:
    """Wait until a new broker has the open waits, all of them."""
    until("the open wait being announced again", lambda: records_of(ready))
    until("all being published", lambda: not query(ready, "select from outbox"))


def records_of(ready: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the records on the waiting topic: the wait id, and the execution it is about."""
    consumer = Consumer({"bootstrap.servers": ready["kafka"], "group.id": "look", "log_level": 0})
    try:
        topics = consumer.list_topics("sluicegate.waiting", timeout=5).topics
        partitions = topics["sluicegate.waiting"].partitions
        consumer.assign([TopicPartition("sluicegate.waiting", n, 0) for n in partitions])
        messages = consumer.consume(100, timeout=1)
        found = []
        for message in messages:
            key, about = message.key(), dict(message.headers() or ())["ce_correlationid"]
            assert isinstance(key, bytes)
            assert isinstance(about, bytes)
            found.append((key.decode(), about.decode()))
        return found
    finally:
        consumer.close()


# S12
def test_topics_made_anew_under_a_running_worker_are_read_from_their_start(tmp_path: Path) -> None:
    with running(tmp_path) as (_, ready):
        known = ready()
        until("the example order waiting", lambda: query(known, OPEN))
        started = 0
        for life, number in enumerate((5, 3, 4)):
            if life:
                make_anew(known, "events")
            count_stock(known, life, number)
            started += 4 * number
            until("all being taken", lambda n=started: len(query(known, STOCK)) == n)  # type: ignore[misc]
        make_anew(known, "sluicegate.waiting", **{"cleanup.policy": "compact"})
        announced_again(known)


STOCK = "select 1 from workflow_executions where workflow_name = 'stock-alert'"


def make_anew(ready: dict[str, Any], topic: str, **config: str) -> None:
    """Delete a topic and create it again."""
    admin = AdminClient({"bootstrap.servers": ready["kafka"], "log_level": 0})
    admin.delete_topics([topic])[topic].result(10)
    admin.create_topics([NewTopic(topic, 4, 1, config=config)])[topic].result(10)


def count_stock(ready: dict[str, Any], life: int, number: int) -> None:
    """Publish events without ids: each is known by its place alone."""
    producer = Producer({"bootstrap.servers": ready["kafka"], "log_level": 0})
    for partition in range(4):
        for n in range(number):
            text = json.dumps({"type": "stock.counted", "sku": f"{life}-{n}", "level": 1})
            producer.produce("events", text, partition=partition)
    assert producer.flush(20) == 0


def workers_of(dev: int) -> list[int]:
    """Return the pids of the workers that a `dev` has started so far."""
    children = Path(f"/proc/{dev}/task/{dev}/children").read_text().split()
    end = b"\0cli\0worker\0"
    return [int(n) for n in children if Path(f"/proc/{n}/cmdline").read_bytes().endswith(end)]


def test_a_worker_that_dies_early_is_replaced_and_none_is_left_when_dev_is_killed(
    tmp_path: Path,
) -> None:
    killed: list[int] = []

    def kill_one(dev: int) -> None:
        for pid in workers_of(dev)[: not killed]:
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    with running(tmp_path, "--no-example", meanwhile=kill_one) as (process, ready):
        pids = all_pids(ready())
        assert killed
        assert killed[0] not in pids
        process.kill()
        process.wait(10)
        begun = time.monotonic()
        until("all being ended", lambda: not any(map(alive, pids)))
        assert time.monotonic() - begun < 5


def test_a_saved_definition_is_registered_at_once_and_a_broken_one_is_not(tmp_path: Path) -> None:
    workflows = tmp_path / "workflows"
    workflows.mkdir()
    text = "name: mine\ntrigger: { event: mine.asked }\nsteps:\n  - id: a\n    allow: {}\n"
    (workflows / "mine.yaml").write_text(text)
    with running(tmp_path, str(workflows)) as (_, ready):
        first = ready()
        assert query(first, "select name, version from workflows") == [("mine", 1)]
        (workflows / "mine.yaml").write_text(text.replace("allow", "alow"))
        until(
            "the mistake being told",
            lambda: "a step needs one of" in (tmp_path / "dev.log").read_text(),
        )
        (workflows / "mine.yaml").write_text(text.replace("id: a", "id: b"))
        until("version 2", lambda: query(first, "select 1 from workflows where version = 2"))


# S223
def test_the_demo_tells_its_story_and_ends_well(tmp_path: Path) -> None:
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "cli", "demo", "--once"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "first execution paused" in done.stdout
    assert "waits for  sales-manager" in done.stdout
    assert "completed (allowed)" in done.stdout
    assert time.monotonic() - begun < PATIENCE_SECONDS
    assert list(tmp_path.iterdir()) == []
