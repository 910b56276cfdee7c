"""A run against somebody's own deployment: their events, their faults, our checker."""

import asyncio
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from cli.chaos.approver import Approver
from cli.chaos.card import Run, a_card
from cli.chaos.definition import SOURCE
from cli.chaos.judge import Attempt, judge
from cli.chaos.load import Load
from cli.chaos.own import BEFORE, LOOK_SECONDS
from cli.chaos.sent import Sent
from cli.chaos.settling import Settling
from cli.chaos.target import Target, register_definition
from cli.chaos.watch import Watch
from cli.chaos.wire import Wire
from storage.invariants import Cohort, cohort_of
from streams.codecs import Outgoing, cloud_headers
from streams.position import Partition
from streams.topics import Topics
from streams.witness.feed import Feed
from streams.witness.reader import Reader

FAULT_SECONDS = 600.0
FLUSH_SECONDS = 200.0


class Against:
    """One run against a deployment."""

    def __init__(self, target: Target) -> None:
        self._target, settings = target, target.settings
        self._settings, self._sent = settings, Sent()
        self._cohort: Cohort = cohort_of(datetime.now(UTC) - BEFORE)
        security = settings.kafka_security()
        self._feed = Feed(settings.kafka, security)
        topics = Topics(settings.topic_prefix)
        self._run = f"r{target.seed}x{int(time.time())}"
        self._wire = Wire(topics, settings.event_topics[0], self._run)
        self._watch = Watch(settings.database, settings.group_id, settings.event_topics[0])
        self._reader = Reader(settings.kafka, security)
        self._topics = [
            topics.executions, topics.waiting, topics.receipts, topics.decisions,
            topics.dead_letters,
            *settings.event_topics,
        ]  # fmt: skip
        self._fired: Counter[str] = Counter()
        self._failed: list[str] = []
        self._allowed = 0
        self._load = Load(
            self._feed, self._wire, self._sent, seed=target.seed, executions=target.executions,
            allowed=lambda: self._allowed, with_calls=False,
        )  # fmt: skip
        self._approver = Approver(
            self._reader, self._feed, Feed(settings.kafka, security), self._wire, self._sent,
            self._load.case,
        )  # fmt: skip

    def run(self) -> dict[str, Any]:
        """Play load and faults in turn, and judge what came of it."""
        begun = time.monotonic()
        built_in = not self._target.events
        if built_in:
            asyncio.run(register_definition(self._settings))
        starts = self._reader.ends(self._topics)
        waiting = {p: end for p, end in starts.items() if p.topic == self._wire.topics.waiting}
        self._approver.start(waiting)
        self._watch.start()
        self._play(built_in)
        loaded = time.monotonic()
        Settling(self._settings, self._cohort, self._sent, built_in=built_in).wait(self._tell)
        settled = time.monotonic()
        self._approver.stop()
        self._watch.stop()
        return self._judge(starts, built_in, (begun, loaded, settled))

    def _play(self, built_in: bool) -> None:
        """Give each fault its part of the load, half of it before the fault and half after."""
        faults = self._planned()
        parts = len(faults) + 1
        if built_in:
            self._load.start()
        for number in range(parts):
            share = share_of(self._target.executions, number + 1, parts)
            if built_in:
                self._allowed = share
                self._until_published(share)
            else:
                self._publish_own(share)
            if number < len(faults):
                self._harm(faults[number])
        if built_in:
            self._load.finish(self._tell)
        self._feed.wait(FLUSH_SECONDS)

    def _planned(self) -> list[str]:
        commands = list(self._target.commands)
        return [commands[n % len(commands)] for n in range(self._target.faults)] if commands else []

    def _until_published(self, number: int) -> None:
        while self._load.published < number:
            self._tell()

    def _publish_own(self, up_to: int) -> None:
        events = self._target.events
        first = len(self._sent.events)
        for number in range(first, up_to):
            event = events[number % len(events)]
            id = self._wire.id_of(number)
            headers = cloud_headers(event.type, SOURCE, id, None)
            message = Outgoing(self._wire.events_topic, id, event.numbered(number), headers)
            self._feed.put(message, then=self._sent.event(id))
        self._feed.wait(FLUSH_SECONDS)

    def _harm(self, command: str) -> None:
        """Run one of the user's own commands; a failure of it is a finding."""
        self._tell(command)
        try:
            done = subprocess.run(  # noqa: S602  (the user's own shell command is the point)
                command, shell=True, check=False, timeout=FAULT_SECONDS, stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            self._failed.append(f"{command} (did not end in {FAULT_SECONDS:.0f} s)")
            return
        if done.returncode:
            self._failed.append(f"{command} (exit {done.returncode}: {done.stderr.strip()[-200:]})")
        else:
            self._fired[command] += 1

    def _judge(
        self, starts: Mapping[Partition, int], built_in: bool, times: tuple[float, float, float]
    ) -> dict[str, Any]:
        begun, loaded, settled = times
        attempt = Attempt(
            self._sent, self._watch.positions, len(self._planned()), self._failed, starts,
            built_in=built_in,
        )  # fmt: skip
        self._target.on_progress("checking")
        verdict = asyncio.run(judge(self._settings, self._cohort, attempt))
        run = Run(
            self._target.seed, self._target.name, None, None, loaded - begun, settled - loaded,
            time.monotonic() - settled,
        )  # fmt: skip
        return a_card(run, attempt, verdict, self._fired, {})

    def _tell(self, what: str = "") -> None:
        done = sum(self._fired.values()) + len(self._failed)
        published = self._load.published or len(self._sent.events)
        self._target.on_progress(
            f"faults {done}/{len(self._planned())}  executions "
            f"{published}/{self._target.executions}  {what}"
        )
        time.sleep(LOOK_SECONDS)


def share_of(whole: int, part: int, parts: int) -> int:
    """Return how much of a whole is through after some of its parts."""
    return whole * part // parts
