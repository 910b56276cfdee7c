"""What faults cost: poison, a storm of timers, a death, a backlog with a slow database."""

import argparse
import json
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from bench.run import DECISIONS, PARTITIONS, ROOT, Bench, machine, print_table
from bench.usage import resident_mb
from bench.workload import a_decision
from devstack.proxy import Proxy
from devstack.stack import EmbeddedStack

SLEEPING = """\
name: sleeping
trigger: { event: sleeping.asked }
steps:
  - id: nap
    wait: { for: 1h }
  - id: woken
    execute: [{ log: { level: debug, message: woken } }]
"""
HEADERS = {"ce_specversion": "1.0", "ce_source": "/bench"}
SESSION_SECONDS = 2
DELAY_SECONDS = 0.3
WATCHED_SECONDS = 60


@contextmanager
def workers(bench: Bench, number: int, **env: str) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run so many workers while the block lasts."""
    with (bench.folder / "workers.log").open("ab") as log:
        running = [
            subprocess.Popen(
                [sys.executable, "-m", "cli", "worker"],
                env={**bench.env, **env},
                cwd=ROOT,
                stderr=log,
            )
            for _ in range(number)
        ]
    try:
        yield running
    finally:
        for worker in running:
            worker.send_signal(signal.SIGTERM)
        for worker in running:
            try:
                worker.wait(30)
            except subprocess.TimeoutExpired:
                worker.kill()


def publish(bench: Bench, type: str, number: int, poison_every: int = 0) -> None:
    """Publish events, some of them unreadable where that is asked."""
    headers = {**HEADERS, "ce_type": type}
    for n in range(number):
        poisoned = poison_every and n % poison_every == 0
        value = b"{" if poisoned else json.dumps({"order_id": str(n), "amount": 500}).encode()
        id = f"{type}-{time.monotonic_ns()}"
        bench.producer.produce("events", value, id, headers={**headers, "ce_id": id})
        if n % 1000 == 0:
            bench.producer.poll(0)
        if n % 50_000 == 0:
            bench.producer.flush(60)
    bench.producer.flush(60)


def drain(bench: Bench, number: int, poison_every: int) -> float:
    """Return how many waiting records a second one worker processes."""
    processed = bench.position("events")
    publish(bench, "bench.asked", number, poison_every)
    with workers(bench, 1):
        first = bench.wait_until("events", processed + 1)
        last = bench.wait_until("events", processed + number, 600)
    return number / (last - first)


def poison(bench: Bench, number: int, rounds: int) -> dict[str, Any]:
    """Compare full topics without poison and with one per cent, in turn."""
    clean, poisoned = [], []
    for _ in range(rounds):
        clean.append(drain(bench, number, 0))
        poisoned.append(drain(bench, number, 100))
    kept = [bad / good for good, bad in zip(clean, poisoned, strict=True)]
    return {
        "clean_per_s": round(statistics.median(clean)),
        "poisoned_per_s": round(statistics.median(poisoned)),
        "kept_share": round(statistics.median(kept), 2),
    }


def timers(bench: Bench, number: int) -> dict[str, Any]:
    """Let many timers be due at once, and decide meanwhile."""
    processed = bench.position("events")
    with workers(bench, 2):
        publish(bench, "sleeping.asked", number)
        publish(bench, "bench.asked", 1_000)
        bench.wait_until("events", processed + number + 1_000, 900)
        requests = bench.open_requests(1_000)
        quiet = [decide(bench, *requests.pop()) for _ in range(100)]
        bench.db.execute("update timers set due_at = clock_timestamp()")
        begun = time.monotonic()
        samples = []
        while requests and bench.db.execute("select 1 from timers limit 1").fetchone():
            samples.append(decide(bench, *requests.pop()))
        seconds = wait_for(lambda: not bench.db.execute("select 1 from timers limit 1").fetchone())
        drained = seconds - begun
    samples.sort()
    return {
        "timers_due_at_once": number,
        "drained_in_s": round(drained, 1),
        "decisions_meanwhile": len(samples),
        "decision_p50_ms": round(statistics.median(samples) * 1000, 1),
        "decision_p99_ms": round(samples[int(len(samples) * 0.99)] * 1000, 1),
        "decision_p50_ms_without_timers": round(statistics.median(quiet) * 1000, 1),
    }


def decide(bench: Bench, execution_id: str, request_id: str) -> float:
    """Approve a request; return the seconds until its execution has ended."""
    begun = time.monotonic()
    bench.producer.produce(DECISIONS, a_decision(execution_id, request_id), execution_id)
    bench.producer.flush(10)
    sql = "select 1 from workflow_executions where id = %s and status = 'completed'"
    digits = execution_id.removeprefix("exec_")
    return wait_for(lambda: bench.db.execute(sql, (digits,)).fetchone(), 0.001) - begun


def wait_for(holds: Callable[[], object], pause: float = 0.02, seconds: float = 600) -> float:
    """Return the instant from which something holds."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise SystemExit("what was waited for did not come")
        time.sleep(pause)
    return time.monotonic()


def recovery(bench: Bench, rounds: int) -> dict[str, Any]:
    """Kill one of two workers; return how long its partitions stood still."""
    stalls = []
    for _ in range(rounds):
        with workers(bench, 2) as running:
            wait_for(lambda: relays(bench) == 2)
            touch_every_partition(bench)
            running[0].kill()
            begun = time.monotonic()
            stalls.append(touch_every_partition(bench) - begun)
            running.pop(0).wait(10)
    return {
        "session_timeout_s": SESSION_SECONDS,
        "recovery_median_s": round(statistics.median(stalls), 2),
        "recovery_longest_s": round(max(stalls), 2),
    }


def relays(bench: Bench) -> int:
    """Return how many workers run: each keeps one connection for its relay."""
    row = bench.db.execute(
        "select count(*) from pg_stat_activity where application_name = 'sluicegate relay'"
    ).fetchone()
    return int(row[0]) if row else 0


def touch_every_partition(bench: Bench) -> float:
    """Publish one event to each partition; return the instant when all are processed."""
    processed = bench.position("events")
    headers = {**HEADERS, "ce_type": "bench.asked"}
    for partition in range(PARTITIONS):
        id = f"touch-{time.monotonic_ns()}"
        bench.producer.produce(
            "events", b'{"amount": 1}', id, partition, headers={**headers, "ce_id": id}
        )
    bench.producer.flush(10)
    return bench.wait_until("events", processed + PARTITIONS)


def backlog(bench: Bench, number: int) -> dict[str, Any]:
    """Watch a worker's memory while it works on a backlog through a slow line to the database."""
    url = bench.env["DATABASE_URL"]
    port = int(url.rpartition("/")[0].rpartition(":")[2])
    publish(bench, "bench.asked", number)
    processed = bench.position("events")
    with Proxy(port) as proxy:
        with workers(bench, 1, DATABASE_URL=url.replace(f":{port}/", f":{proxy.port}/")) as running:
            bench.wait_until("events", processed + 1)
            proxy.delay(DELAY_SECONDS, "to_client")
            most = 0.0
            deadline = time.monotonic() + WATCHED_SECONDS
            while time.monotonic() < deadline:
                most = max(most, resident_mb([running[0].pid]))
                time.sleep(0.1)
            proxy.heal()
        return {
            "backlog": number,
            "database_delayed_ms": round(DELAY_SECONDS * 1000),
            "watched_s": WATCHED_SECONDS,
            "processed_meanwhile": bench.position("events") - processed,
            "worker_mb_most": round(most, 1),
        }


def run(broker: Literal["tansu", "kafka"], options: argparse.Namespace) -> dict[str, Any]:
    """Measure everything on one broker."""
    with (
        tempfile.TemporaryDirectory(prefix="sluicegate-faults-") as folder,
        EmbeddedStack(Path(folder) / "stack", broker=broker) as stack,
    ):
        work = Path(folder) / "work"
        work.mkdir()
        (work / "sleeping.yaml").write_text(SLEEPING)
        bench = Bench(stack, work, 500 if broker == "kafka" else 10)
        bench.prepare()
        return {
            **recovery(bench, options.rounds),
            **poison(bench, options.events, options.rounds),
            **timers(bench, options.timers),
            **backlog(bench, options.backlog),
        }


def main() -> None:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", choices=("tansu", "kafka"), default="tansu")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--timers", type=int, default=100_000)
    parser.add_argument("--backlog", type=int, default=1_000_000)
    options = parser.parse_args()
    report: dict[str, Any] = machine()
    report["command"] = " ".join(["python -m bench.faults", *sys.argv[1:]])
    report[options.broker] = run(options.broker, options)
    print_table(f"Faults on {options.broker}", report[options.broker])
    day = f"{datetime.now(UTC):%Y-%m-%d}"
    target = ROOT / "bench" / "results" / f"faults-{options.broker}-{day}.json"
    target.write_text(json.dumps(report, indent=2) + "\n")
    print(f"\nwritten to {target.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
