"""Messages to Kafka: an idempotent confluent producer for asyncio, one future per batch."""

import asyncio
import logging
import threading
from collections.abc import Mapping, Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from engine.errors import SluicegateError
from streams.codecs import Outgoing

YIELD_EVERY = 500
"""Messages queued between two turns of the event loop."""

log = logging.getLogger("sluicegate.producer")
quiet = logging.getLogger("sluicegate.librdkafka")


class PublishFailed(SluicegateError):
    """Kafka did not acknowledge a message."""

    def __init__(self, address: str, problem: str) -> None:
        self.address = address
        super().__init__(f"Kafka at {address} did not take a message: {problem}")


class _Batch:
    """Counts the acknowledgements of one send; settles its future from the poll thread."""

    __slots__ = ("_error", "_left", "_lock", "_loop", "done")

    def __init__(self, size: int, loop: asyncio.AbstractEventLoop) -> None:
        self._left, self._loop, self._lock = size, loop, threading.Lock()
        self._error: KafkaError | None = None
        self.done: asyncio.Future[KafkaError | None] = loop.create_future()

    def delivered(self, error: KafkaError | None, _message: Message) -> None:
        with self._lock:
            self._left -= 1
            self._error = self._error or error
            finished = self._left == 0
        if finished:
            self._loop.call_soon_threadsafe(self._settle)

    def _settle(self) -> None:
        if not self.done.done():
            self.done.set_result(self._error)


class KafkaOut:
    """Publishes records; made anew after a fatal error of its producer."""

    def __init__(
        self,
        bootstrap: str,
        security: Mapping[str, str] | None = None,
        *,
        linger_ms: float = 1,
        timeout_ms: int = 120_000,
    ) -> None:
        self.address = bootstrap
        self._config: dict[str, str | int | float | bool | object] = {
            "bootstrap.servers": bootstrap,
            "acks": "all",
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": linger_ms,
            "delivery.timeout.ms": timeout_ms,
            "queue.buffering.max.messages": 200_000,
            "reconnect.backoff.ms": 100,
            "reconnect.backoff.max.ms": 5_000,
            "log.connection.close": False,
            **(security or {}),
        }
        self._producer: Producer | None = None
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    def _open(self) -> Producer:
        if self._producer is None:
            self._producer = Producer(dict(self._config), logger=quiet)
            self._closing = threading.Event()
            self._thread = threading.Thread(
                target=self._poll, args=(self._producer, self._closing), daemon=True
            )
            self._thread.start()
        return self._producer

    @staticmethod
    def _poll(producer: Producer, closing: threading.Event) -> None:
        while not closing.is_set():
            producer.poll(0.1)

    async def send(self, messages: Sequence[Outgoing]) -> None:
        """Return once the broker has acknowledged all; raises PublishFailed if it refused one."""
        if not messages:
            return
        batch = _Batch(len(messages), asyncio.get_running_loop())
        for number, message in enumerate(messages, 1):
            await self._queue(message, batch)
            if number % YIELD_EVERY == 0:
                await asyncio.sleep(0)
        error = await batch.done
        if error is not None:
            self._renew_if_fatal(error)
            raise PublishFailed(self.address, error.str())

    async def _queue(self, message: Outgoing, batch: _Batch) -> None:
        producer = self._open()
        while True:
            try:
                producer.produce(
                    message.topic,
                    message.value,
                    message.key,
                    headers=list(message.headers),
                    on_delivery=batch.delivered,
                )
            except BufferError:
                await asyncio.sleep(0.005)
            except KafkaException as problem:
                error = problem.args[0]
                self._renew_if_fatal(error)
                raise PublishFailed(self.address, error.str()) from problem
            else:
                return

    def _renew_if_fatal(self, error: KafkaError) -> None:
        if error.fatal():
            log.error("the producer failed for good and is replaced: %s", error.str())
            self._closing.set()
            self._producer = None

    async def close(self, seconds: float = 5) -> None:
        """Send what is queued, for a while, and stop."""
        if self._producer is not None:
            await asyncio.to_thread(self._producer.flush, seconds)
            self._closing.set()
            if self._thread is not None:
                await asyncio.to_thread(self._thread.join, 1)
            self._producer = None
