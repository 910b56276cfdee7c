"""What changes, as our own topics tell it from now on: for open pages, which need no history."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, TypeAlias

from confluent_kafka import OFFSET_END, Consumer, KafkaException, Message, TopicPartition

from streams.topics import Topics

POLL_SECONDS = 1.0
LOOK_SECONDS = 30.0
"""How often topics are asked for partitions that they did not have."""
MOST = 1_000
quiet = logging.getLogger("sluicegate.librdkafka")


@dataclass(frozen=True, slots=True)
class Change:
    """Something about an execution, or about one of its waits, is not as it was."""

    kind: Literal["approval", "execution"]
    id: str
    execution_id: str | None


Tell: TypeAlias = Callable[[tuple[Change, ...] | None], None]


def change_of(message: Message, topics: Topics) -> Change | None:
    """Return what a record of our topics tells, None for tombstones and errors."""
    key = message.key()
    if message.error() is not None or message.value() is None or key is None:
        return None
    name = key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)
    if message.topic() == topics.executions:
        return Change("execution", name, name)
    headers = dict(message.headers() or ())
    about = headers.get("ce_correlationid")
    execution = about.decode() if isinstance(about, bytes) else about
    return Change("approval", name, execution)


class Tail:
    """Reads the waiting and the executions topic from their ends; belongs to no group."""

    def __init__(self, bootstrap: str, security: Mapping[str, str], topics: Topics) -> None:
        self._topics = topics
        self._config: dict[str, str | int | float | bool | object] = {
            "bootstrap.servers": bootstrap,
            "group.id": "sluicegate-pages",
            "enable.auto.commit": False,
            "auto.offset.reset": "latest",
            "fetch.wait.max.ms": 500,
            "reconnect.backoff.max.ms": 5_000,
            "log.connection.close": False,
            **security,
        }

    async def changes(self) -> AsyncGenerator[tuple[Change, ...] | None]:
        """Yield what changes, at least every second or two, if only that nothing has.

        None says that something may have been missed.
        """
        loop, stop = asyncio.get_running_loop(), threading.Event()
        found: asyncio.Queue[tuple[Change, ...] | None] = asyncio.Queue()

        def tell(changes: tuple[Change, ...] | None) -> None:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(found.put_nowait, changes)

        threading.Thread(target=self._read, args=(stop, tell), daemon=True).start()
        try:
            while True:
                yield await found.get()
        finally:
            stop.set()

    def _read(self, stop: threading.Event, tell: Tell) -> None:
        consumer = Consumer(dict(self._config), logger=quiet)
        followed = _Followed(consumer, (self._topics.waiting, self._topics.executions))
        try:
            while not stop.is_set():
                began = followed.look()
                messages = consumer.consume(MOST, POLL_SECONDS)
                # Where reading has just begun, what came while the end was looked up is not seen.
                if began or any(message.error() is not None for message in messages):
                    tell(None)
                told = (change_of(message, self._topics) for message in messages)
                # In their order, each once.
                tell(tuple(dict.fromkeys(change for change in told if change is not None)))
        finally:
            consumer.close()


class _Followed:
    """The partitions that are read; those that come later are added."""

    def __init__(self, consumer: Consumer, topics: tuple[str, ...]) -> None:
        self._consumer, self._topics = consumer, topics
        self._known: set[tuple[str, int]] = set()
        self._looked_at = -LOOK_SECONDS

    def look(self) -> bool:
        """Now and then look for partitions; tell whether there were new ones."""
        if time.monotonic() - self._looked_at < LOOK_SECONDS:
            return False
        try:
            found = self._consumer.list_topics(timeout=5).topics
        except KafkaException:
            self._looked_at = time.monotonic() - LOOK_SECONDS + 2
            return False
        self._looked_at = time.monotonic()
        topics = (topic for topic in self._topics if topic in found)
        new = {(topic, number) for topic in topics for number in found[topic].partitions}
        new -= self._known
        if new:
            ends = [TopicPartition(topic, number, OFFSET_END) for topic, number in new]
            self._consumer.incremental_assign(ends)
            self._known |= new
        return bool(new)
