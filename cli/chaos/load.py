"""The load of a run: starts executions as fast as its pace allows, whatever fails meanwhile."""

import threading
import time
from collections.abc import Callable

from cli.chaos.cases import Case, case_of
from cli.chaos.sent import Sent
from cli.chaos.wire import Wire
from streams.witness.feed import Feed

LOOK_SECONDS = 0.02
FLUSH_SECONDS = 200.0


class Load:
    """Publishes the events of a run from a thread of its own."""

    def __init__(
        self,
        feed: Feed,
        wire: Wire,
        sent: Sent,
        *,
        seed: int,
        executions: int,
        allowed: Callable[[], int],
        with_calls: bool,
    ) -> None:
        self._feed, self._wire, self._sent = feed, wire, sent
        self._seed, self._executions, self._allowed = seed, executions, allowed
        self._with_calls = with_calls
        self.published = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="load")

    def case(self, number: int) -> Case:
        """Return what happens with one execution."""
        return case_of(self._seed, number, with_calls=self._with_calls)

    def start(self) -> None:
        """Begin to publish."""
        self._thread.start()

    def finish(self, meanwhile: Callable[[], None]) -> None:
        """Wait until all is published and acknowledged, doing something meanwhile."""
        while self._thread.is_alive():
            meanwhile()

    def stop(self) -> None:
        """Publish no more."""
        self._stop.set()
        self._thread.join(FLUSH_SECONDS)

    def _run(self) -> None:
        while self.published < self._executions and not self._stop.is_set():
            if self.published < self._allowed():
                self._publish(self.case(self.published))
                self.published += 1
            else:
                self._feed.wait(0)
                self._stop.wait(LOOK_SECONDS)
        self._feed.wait(FLUSH_SECONDS)

    def _publish(self, case: Case) -> None:
        timestamp = time.time_ns() // 1_000_000
        id, sent, feed = self._wire.id_of(case.number), self._sent, self._feed
        if case.answer == "early" and case.plan not in ("brief", "unheard"):
            decision = f"{id}-early"
            sent.counts["early decisions"] += 1
            feed.put(self._wire.early(case, timestamp, decision), then=sent.decision(decision))
        feed.put(self._wire.asked(case), timestamp_ms=timestamp, then=sent.event(id))
        if case.published_twice:
            sent.counts["events twice"] += 1
            feed.put(self._wire.asked(case))
        if case.plan == "signal" and case.chance < 0.5:
            sent.counts["early signals"] += 1
            signal = self._wire.signal(case.number)
            feed.put(signal, timestamp_ms=timestamp, then=sent.event(f"{id}-signal"))
        if case.poison is not None:
            key = f"{id}-poison"
            feed.put(self._wire.poison(case.poison, key), then=sent.poison(key))
