"""Watches the positions during a run: they never go back, and after a kill all go on."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from storage.errors import DatabaseUnreachable
from storage.store import TRANSIENT, PostgresStore

LOOK_SECONDS = 0.1
Row = Mapping[str, Any]


@dataclass(slots=True)
class Positions:
    """What the samples of the positions show."""

    event_topic: str
    latest: dict[tuple[str, int], Row] = field(default_factory=dict)
    fell: list[str] = field(default_factory=list)
    death: datetime | None = None
    """A kill after which not every partition has gone on yet."""
    recoveries: list[float] = field(default_factory=list)

    def note(self, rows: list[Row], now: datetime) -> None:
        """Take one sample."""
        for row in rows:
            place = row["topic"], row["partition"]
            before = self.latest.get(place)
            self.latest[place] = row
            if before is not None and _fell(before, row):
                after = f"{before['next_offset']} -> {row['next_offset']}"
                self.fell.append(f"{place[0]}[{place[1]}] {after}")
        marks = [r["watermark"] for place, r in self.latest.items() if place[0] == self.event_topic]
        death = self.death
        if death and marks and all(mark is not None and mark >= death for mark in marks):
            self.recovered(now)

    def recovered(self, now: datetime) -> None:
        """Keep how long it took since the kill."""
        if self.death is not None:
            self.recoveries.append((now - self.death).total_seconds())
        self.death = None


def _fell(before: Row, after: Row) -> bool:
    """Tell whether a position went back; a re-created topic starts anew."""
    same = before["topic_id"] == after["topic_id"]
    return bool(same and after["next_offset"] < before["next_offset"])


class Watch:
    """Samples the positions from a thread of its own, as often as the database answers."""

    def __init__(self, database_url: str, group_id: str, event_topic: str) -> None:
        self._url, self._group = database_url, group_id
        self.positions = Positions(event_topic)
        self.samples = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run()), daemon=True, name="watch"
        )

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._stop.set()
        self._thread.join(30)

    def note_death(self) -> None:
        """Remember that a worker was killed just now."""
        self.positions.death = datetime.now(UTC)

    def waits(self) -> bool:
        """Tell whether some partition has not gone on since a kill."""
        return self.positions.death is not None

    def give_up(self) -> None:
        """Wait no longer: what has not gone on by now counts as the longest wait."""
        self.positions.recovered(datetime.now(UTC))

    async def _run(self) -> None:
        while not self._stop.is_set():
            with contextlib.suppress(*TRANSIENT, DatabaseUnreachable, OSError):
                await self._sample()
            await asyncio.sleep(LOOK_SECONDS)

    async def _sample(self) -> None:
        store = PostgresStore(self._url, pool_size=1, name="sluicegate chaos")
        await store.open(within=2)
        try:
            while not self._stop.is_set():
                begun = time.monotonic()
                rows = await store.fetch("read_clock_and_positions", group_id=self._group)
                self.positions.note([dict(row) for row in rows], datetime.now(UTC))
                self.samples += 1
                await asyncio.sleep(max(0.0, LOOK_SECONDS - (time.monotonic() - begun)))
        finally:
            await store.close()
