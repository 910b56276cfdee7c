"""A run against a deployment of its own, on this machine."""

import asyncio
import math
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cli.chaos.approver import Approver
from cli.chaos.card import Run, a_card
from cli.chaos.deployment import SESSION_SECONDS, Broker, Deployment
from cli.chaos.judge import Attempt, judge
from cli.chaos.load import Load
from cli.chaos.nemesis import Nemesis
from cli.chaos.plan import KINDS, Kind, plan_faults
from cli.chaos.sent import Sent
from cli.chaos.settling import Settling
from cli.chaos.sink import Sink, a_sink
from cli.chaos.watch import Watch
from cli.chaos.wire import Wire
from cli.chaos.workers import find_faketime
from storage.invariants import Cohort, cohort_of
from streams.topics import Topics
from streams.witness.feed import Feed
from streams.witness.reader import Reader

WORKERS = 2
BEFORE = timedelta(seconds=1)
LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run is asked for."""

    seed: int
    faults: int
    executions: int
    broker: Broker
    on_progress: Callable[[str], None]


def kinds_for(broker: Broker) -> tuple[list[Kind], list[str]]:
    """Return the kinds of faults that can be tried, and those that cannot with the reason."""
    left_out: dict[Kind, str] = {}
    if broker == "tansu":
        left_out["broker_restart"] = "Tansu keeps its topics in memory; use --broker kafka"
    if sys.platform != "linux" or find_faketime() is None:
        left_out["clock_shift"] = "libfaketime is not installed"
    kinds = [kind for kind in KINDS if kind not in left_out]
    return kinds, [f"{kind}: {reason}" for kind, reason in left_out.items()]


def run_own(asked: Asked) -> dict[str, Any]:
    """Run everything and return the score card."""
    with (
        tempfile.TemporaryDirectory(prefix="sluicegate-chaos-") as folder,
        a_sink() as sink,
        Deployment(Path(folder), asked.broker, sink.url) as deployment,
    ):
        asked.on_progress("starting the stack")
        deployment.start(WORKERS)
        return _Play(asked, deployment, sink).run()


class _Play:
    """The parts of one run."""

    def __init__(self, asked: Asked, deployment: Deployment, sink: Sink) -> None:
        self._asked, self._deployment, self._sink = asked, deployment, sink
        settings = self._settings = deployment.settings
        self._cohort: Cohort = cohort_of(datetime.now(UTC) - BEFORE)
        self._sent = Sent()
        events_topic = settings.event_topics[0]
        self._watch = Watch(settings.database, settings.group_id, events_topic)
        kinds, self._left_out = kinds_for(asked.broker)
        plan = plan_faults(asked.seed, asked.faults, kinds, WORKERS)
        self._nemesis = Nemesis(deployment, plan, self._watch, self._tell)
        wire = Wire(Topics(settings.topic_prefix), events_topic, f"s{asked.seed}")
        self._load = Load(
            Feed(settings.kafka),
            wire,
            self._sent,
            seed=asked.seed,
            executions=asked.executions,
            allowed=lambda: math.ceil(asked.executions * self._nemesis.progress()),
            with_calls=True,
        )
        self._reader = Reader(settings.kafka)
        self._approver = Approver(
            self._reader, Feed(settings.kafka), Feed(settings.kafka), wire, self._sent,
            self._load.case,
        )  # fmt: skip
        self._waiting = wire.topics.waiting
        self._begun = time.monotonic()

    def run(self) -> dict[str, Any]:
        """Play the run to its end, and judge it."""
        self._approver.start(dict.fromkeys(self._reader.partitions_of([self._waiting]), 0))
        self._watch.start()
        self._load.start()
        self._nemesis.run()
        self._deployment.heal()
        self._load.finish(self._tend)
        loaded = time.monotonic()
        Settling(self._settings, self._cohort, self._sent).wait(self._tend)
        settled = time.monotonic()
        self._approver.stop()
        self._watch.stop()
        told = self._stop_workers()
        attempt = Attempt(
            self._sent, self._watch.positions, self._asked.faults, self._nemesis.failed, {},
            sink=self._sink,
        )  # fmt: skip
        self._asked.on_progress("checking")
        verdict = asyncio.run(judge(self._settings, self._cohort, attempt))
        run = Run(
            self._asked.seed,
            self._asked.broker,
            WORKERS,
            SESSION_SECONDS,
            loaded - self._begun,
            settled - loaded,
            time.monotonic() - settled,
            self._left_out,
        )
        fired = {str(kind): count for kind, count in sorted(self._nemesis.fired.items())}
        return a_card(run, attempt, verdict, fired, told)

    def _stop_workers(self) -> dict[str, Any]:
        workers = self._deployment.workers
        final = workers.stop()
        exits = {f"exits with {code}": n for code, n in sorted(workers.exits.items())}
        stuck = {"did not end within 30 s of SIGTERM": workers.unstopped}
        return {**workers.told(), **stuck, **exits, "last exits": ", ".join(map(str, final))}

    def _tend(self) -> None:
        self._deployment.workers.tend()
        self._tell(self._nemesis)
        time.sleep(LOOK_SECONDS)

    def _tell(self, nemesis: Nemesis) -> None:
        what = nemesis.current.kind if nemesis.current else "settling"
        seconds = time.monotonic() - self._begun
        self._asked.on_progress(
            f"{seconds:5.0f} s  faults {nemesis.done}/{len(nemesis.plan)}  executions "
            f"{self._load.published}/{self._asked.executions}  {what}"
        )
