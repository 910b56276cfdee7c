"""The people of a run: answer what the waiting topic announces, at times twice or two ways."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from heapq import heappop, heappush
from typing import Any

import orjson

from cli.chaos.cases import Case
from cli.chaos.definition import NAME
from cli.chaos.sent import Sent
from cli.chaos.wire import Wire
from streams.codecs import RawRecord
from streams.position import Partition
from streams.witness.feed import Feed
from streams.witness.reader import Reader

LOOK_SECONDS = 0.1
AROUND_EXPIRY_SECONDS = 0.6
OTHER = {"approved": "rejected", "rejected": "approved"}


class Approver:
    """Reads the waiting topic from a thread of its own, and decides."""

    def __init__(
        self, reader: Reader, feed: Feed, rival: Feed, wire: Wire, sent: Sent,
        case: Callable[[int], Case],
    ) -> None:  # fmt: skip
        self._reader, self._feed, self._rival = reader, feed, rival
        self._wire, self._sent, self._case = wire, sent, case
        self._answered: set[str] = set()
        self._due: list[tuple[float, str, str, str]] = []
        """Brief requests: when to decide, execution, request, outcome."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="approver")

    def start(self, starts: Mapping[Partition, int]) -> None:
        """Begin to answer."""
        self._reader.start(starts)
        self._thread.start()

    def stop(self) -> None:
        """Answer no more; what was sent is acknowledged."""
        self._stop.set()
        self._thread.join(30)
        self._reader.close()
        for feed in (self._feed, self._rival):
            feed.wait(60)

    def _run(self) -> None:
        while not self._stop.is_set():
            for record in self._reader.take(LOOK_SECONDS):
                self._look(record)
            while self._due and self._due[0][0] <= time.time():
                _, execution, request, outcome = heappop(self._due)
                self._decide(self._feed, execution, request, "brief", outcome)
            for feed in (self._feed, self._rival):
                feed.wait(0)

    def _look(self, record: RawRecord) -> None:
        if record.value is None or b'"status":"open"' not in record.value:
            return
        waiting = orjson.loads(record.value)
        if waiting["workflow"] != NAME or waiting["wait_id"] in self._answered:
            return
        n = (waiting.get("view") or waiting.get("match") or {}).get("n")
        number = self._wire.number_of(n)
        if number is None:
            return
        self._answered.add(waiting["wait_id"])
        if waiting["kind"] == "approval":
            self._answer(waiting, self._case(number))
        elif waiting["kind"] == "event" and self._case(number).chance >= 0.5:
            id = f"{self._wire.id_of(number)}-signal"
            self._feed.put(self._wire.signal(number), then=self._sent.event(id))

    def _answer(self, waiting: Mapping[str, Any], case: Case) -> None:
        execution, request = waiting["execution_id"], waiting["wait_id"]
        if case.plan == "unheard":
            return
        if case.plan == "brief":
            due = datetime.fromisoformat(waiting["expires_at"]).timestamp()
            at = due + (case.chance - 0.7) * AROUND_EXPIRY_SECONDS
            self._sent.counts["decisions around expiry"] += 1
            heappush(self._due, (at, execution, request, case.outcome))
            return
        if case.answer == "early":
            return
        self._decide(self._feed, execution, request, "first", case.outcome)
        match case.answer:
            case "twice":
                self._sent.counts["decisions twice"] += 1
                self._decide(self._rival, execution, request, "first", case.outcome)
            case "again":
                self._sent.counts["decisions again"] += 1
                self._decide(self._rival, execution, request, "again", case.outcome)
            case "contradicted":
                self._sent.counts["contradictions"] += 1
                self._decide(self._rival, execution, request, "against", OTHER[case.outcome])
            case "once":
                return

    def _decide(self, feed: Feed, execution: str, request: str, name: str, outcome: str) -> None:
        id = f"{request}-{name}"
        message = self._wire.decision(execution, request, id, outcome)
        feed.put(message, then=self._sent.decision(id))
