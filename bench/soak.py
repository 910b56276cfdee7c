"""Half an hour of moderate load: what grows, and how fast (reliability.md, proof programme L5)."""

import argparse
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

from bench.run import PARTITIONS, ROOT, Bench, machine
from bench.steady import DEFINITION, Load, Sink
from bench.usage import resident_mb
from devstack.stack import EmbeddedStack

WARM_UP = 0.15
"""Share of a run whose samples count for nothing: caches fill, pools open."""
QUEUES = ("outbox", "timers", "positions", "trigger_keys")
"""Tables whose rows come and go: they must not grow."""
HISTORY = (
    "workflow_executions", "step_executions", "waits", "approval_requests", "events", "effects",
    "event_ids", "decisions",
)  # fmt: skip
"""Tables that grow with the executions; only what is dead in them may not pile up."""
TABLES = """
select
    coalesce(p.relname, c.relname) as name,
    sum(pg_total_relation_size(c.oid))::float8 / 1e6 as mb,
    sum(coalesce(s.n_live_tup, 0))::float8 as live, sum(coalesce(s.n_dead_tup, 0))::float8 as dead
from pg_class c
left join pg_inherits i on i.inhrelid = c.oid
left join pg_class p on p.oid = i.inhparent
left join pg_stat_all_tables s on s.relid = c.oid
where c.relkind = 'r' and coalesce(p.relname, c.relname) = any(%s)
group by 1
"""
STATE = """
select
    (select count(*) from outbox)::float8 as outbox_rows,
    coalesce(
        (select extract(epoch from clock_timestamp() - min(created_at)) from outbox), 0
    )::float8 as outbox_age_s,
    (select sum(next_offset) from positions where topic = 'events')::float8 as events,
    (select sum(next_offset) from positions where topic = 'sluicegate.decisions')::float8
        as decisions,
    (select count(*) from timers where due_at < clock_timestamp())::float8 as overdue_timers
"""
Sample = dict[str, float]


def take_sample(bench: Bench, load: Load, begun: float) -> Sample:
    """Return every figure at this instant."""
    pid = bench.worker.pid if bench.worker else 0
    row = bench.db.execute(STATE).fetchone() or ()
    names = ("outbox_rows", "outbox_age_s", "events", "decisions", "overdue_timers")
    state = dict(zip(names, (float(cell or 0) for cell in row), strict=True))
    sample = {
        "minute": (time.monotonic() - begun) / 60,
        "worker_mb": resident_mb([pid]),
        "worker_fds": float(len(os.listdir(f"/proc/{pid}/fd"))),
        "lag_events": load.end("events") - state["events"],
        "lag_decisions": load.end("sluicegate.decisions") - state["decisions"],
        **state,
    }
    for name, mb, live, dead in bench.db.execute(TABLES, ([*QUEUES, *HISTORY],)).fetchall():
        sample[f"{name}_mb"], sample[f"{name}_dead"] = mb, dead
        sample[f"{name}_dead_share"] = dead / max(live + dead, 1.0)
    return sample


def slope(samples: Sequence[Sample], name: str) -> float:
    """Return how much a figure changes per hour, by least squares."""
    times = [sample["minute"] / 60 for sample in samples]
    return statistics.linear_regression(times, [sample[name] for sample in samples]).slope


@dataclass(frozen=True, slots=True)
class Bound:
    """What a figure may gain over the run, by its slope or by its peaks, and how high it may be."""

    gain: float = float("inf")
    peak: float = float("inf")
    """By how much the last third may be above the first: for what vacuum empties now and then."""
    most: float = float("inf")

    def holds(self, values: Sequence[float], per_hour: float, hours: float) -> bool:
        """Tell whether a figure is bounded; `values` are its samples in their order."""
        third = max(len(values) // 3, 1)
        risen = max(values[-third:]) - max(values[:third])
        gained = per_hour * hours
        return gained <= self.gain and risen <= self.peak and max(values) <= self.most


def bounds(rate: float) -> dict[str, Bound]:
    """Return what must hold of each figure; a second of load is what one sample may see."""
    return {
        "worker_mb": Bound(gain=10),
        "worker_fds": Bound(gain=3),
        "outbox_rows": Bound(gain=rate),
        "outbox_age_s": Bound(gain=1, most=10),
        "lag_events": Bound(gain=rate),
        "lag_decisions": Bound(gain=rate),
        "overdue_timers": Bound(gain=rate),
        **{f"{name}_mb": Bound(peak=2) for name in QUEUES},
        **{f"{name}_dead_share": Bound(most=0.5) for name in HISTORY},
    }


def judge(samples: Sequence[Sample], rate: float) -> dict[str, dict[str, Any]]:
    """Return each figure's slope and course, and whether it is bounded."""
    settled = [one for one in samples if one["minute"] >= samples[-1]["minute"] * WARM_UP]
    hours = (settled[-1]["minute"] - settled[0]["minute"]) / 60
    found = {}
    for name, bound in bounds(rate).items():
        if all(name in one for one in settled):
            values, per_hour = [one[name] for one in settled], slope(settled, name)
            found[name] = {
                "slope_per_hour": round(per_hour, 3),
                "median": round(statistics.median(values), 3),
                "most": round(max(values), 3),
                "bounded": bound.holds(values, per_hour, hours),
            }
    return found


def soak(minutes: float, rate: float, every: float, broker: Literal["tansu", "kafka"]) -> Any:
    """Run the load and return the samples with what they say."""
    sink = ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    with (
        tempfile.TemporaryDirectory(prefix="sluicegate-soak-") as folder,
        EmbeddedStack(Path(folder) / "stack", broker=broker) as stack,
    ):
        bench = prepare(stack, Path(folder), sink.server_port)
        load, samples = Load(bench, rate), []
        begun = time.monotonic()
        load.start()
        while time.monotonic() - begun < minutes * 60:
            time.sleep(every)
            samples.append(take_sample(bench, load, begun))
            print(describe(samples[-1]), flush=True)
        load.stop()
        statuses = {status: bench.count(status) for status in ("completed", "paused", "failed")}
        bench.stop_worker()
    sink.shutdown()
    return {
        **machine(),
        "minutes": minutes,
        "rate_per_s": rate,
        "broker": broker,
        "load_average": os.getloadavg(),
        "published": load.published,
        "decided": load.decided,
        **statuses,
        "figures": judge(samples, rate),
        "samples": [{name: round(v, 3) for name, v in one.items()} for one in samples],
    }


def prepare(stack: EmbeddedStack, folder: Path, port: int) -> Bench:
    """Return a deployment with one worker; its webhooks go to a port of this machine."""
    work = folder / "work"
    work.mkdir()
    bench = Bench(stack, work, 20)
    bench.env["SLUICEGATE_WEBHOOK_ALLOW"] = "127.0.0.0/8"
    (work / "soak.yaml").write_text(DEFINITION.format(port=port))
    bench.command("migrate", "--topics", "--partitions", str(PARTITIONS))
    bench.command("apply", str(work))
    bench.start_worker()
    return bench


def describe(sample: Sample) -> str:
    """Return one line of progress."""
    names = ("worker_mb", "worker_fds", "outbox_rows", "outbox_age_s", "lag_events", "outbox_mb")
    parts = [f"{name} {sample.get(name, 0):.1f}" for name in names]
    return f"{sample['minute']:6.1f} min  {'  '.join(parts)}"


def main() -> None:
    """Run the soak from the command line; ends with 1 if something grows without bound."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=float, default=100)
    parser.add_argument("--every", type=float, default=10, help="seconds between samples")
    parser.add_argument("--broker", choices=("tansu", "kafka"), default="tansu")
    parser.add_argument("--note", default="", help="what else ran on the machine")
    options = parser.parse_args()
    report = soak(options.minutes, options.rate, options.every, options.broker)
    report["note"] = options.note
    target = ROOT / "bench" / "results" / f"soak-{options.broker}-{datetime.now(UTC):%Y-%m-%d}.json"
    target.write_text(json.dumps(report, indent=1) + "\n")
    print(f"\n{'figure':<34}{'per hour':>12}{'median':>12}{'most':>12}")
    for name, figure in report["figures"].items():
        numbers = (figure["slope_per_hour"], figure["median"], figure["most"])
        cells = "".join(f"{number:>12}" for number in numbers)
        print(f"{name:<34}{cells}  {'bounded' if figure['bounded'] else 'GROWS'}")
    print(f"\n{report['completed']} executions; written to {target.relative_to(ROOT)}")
    raise SystemExit(any(not figure["bounded"] for figure in report["figures"].values()))


if __name__ == "__main__":
    main()
