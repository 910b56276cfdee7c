"""Messages to Kafka: an idempotent confluent producer for asyncio."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from engine.errors import SluicegateError
from streams.codecs import Outgoing

YIELD_EVERY = 500
"""Messages queued between two turns of the event loop."""
STUCK_SECONDS = 5.0
"""After which it is asked why the broker acknowledges nothing."""

quiet = logging.getLogger("sluicegate.librdkafka")


@dataclass(frozen=True, slots=True)
class Failure:
    """A message that Kafka did not take."""

    message: Outgoing
    error: KafkaError


class PublishFailed(SluicegateError):
    """Kafka did not acknowledge all messages; those that are no failure went out."""

    def __init__(self, address: str, problem: str, failures: Sequence[Failure] = ()) -> None:
        self.address, self.failures = address, tuple(failures)
        super().__init__(f"Kafka at {address} did not acknowledge a message: {problem}")


class KafkaOut:
    """Publishes records; after a failure with a producer made anew.

    A broker that has lost its data (an embedded one that was started again) no longer knows an
    idempotent producer, which then fails for good without always saying so.
    """

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
            # Without a callback per acknowledged message; `flush` tells that all are through.
            "delivery.report.only.error": True,
            "queue.buffering.max.messages": 200_000,
            "reconnect.backoff.ms": 100,
            "reconnect.backoff.max.ms": 5_000,
            "log.connection.close": False,
            # How long a topic that does not exist holds up the messages behind it.
            "topic.metadata.propagation.max.ms": 5_000,
            **(security or {}),
        }
        self._seconds = timeout_ms / 1000 + 5
        self._producer: Producer | None = None

    def _open(self) -> Producer:
        if self._producer is None:
            self._producer = Producer(dict(self._config), logger=quiet)
        return self._producer

    async def send(self, messages: Sequence[Outgoing]) -> None:
        """Return once the broker has acknowledged all; raises PublishFailed if it refused one."""
        if not messages:
            return
        producer = self._open()
        failures: list[Failure] = []

        def failed(error: KafkaError | None, told: Message) -> None:
            if error is not None:
                failures.append(Failure(_found(messages, told), error))

        for number, message in enumerate(messages, 1):
            await self._queue(producer, message, failed, failures)
            if number % YIELD_EVERY == 0:
                await asyncio.sleep(0)
        left = await self._flush(producer)
        if not left and not failures:
            return
        self._producer = None
        producer.purge()
        if left:
            raise PublishFailed(self.address, KafkaError(KafkaError._MSG_TIMED_OUT).str())
        raise PublishFailed(self.address, failures[0].error.str(), failures)

    async def _flush(self, producer: Producer) -> int:
        """Return how many messages are left without an acknowledgement.

        Not only after the whole time: a broker that answers and yet takes none for a while does not
        know this producer any more.
        """
        left, deadline = len(producer), time.monotonic() + self._seconds
        while left and time.monotonic() < deadline:
            before = left
            left = await asyncio.to_thread(producer.flush, STUCK_SECONDS)
            if left == before and await asyncio.to_thread(_is_answered, producer):
                break
        return left

    async def _queue(
        self,
        producer: Producer,
        message: Outgoing,
        failed: Callable[[KafkaError | None, Message], None],
        failures: list[Failure],
    ) -> None:
        headers: Any = message.headers
        if not isinstance(headers, dict):
            headers = list(headers)
        while True:
            try:
                producer.produce(
                    message.topic, message.value, message.key, headers=headers, on_delivery=failed
                )
            except BufferError:
                await asyncio.to_thread(producer.poll, 0.05)
            except KafkaException as problem:
                failures.append(Failure(message, problem.args[0]))
                return
            else:
                return

    async def close(self, seconds: float = 5) -> None:
        """Send what is queued, for a while, and stop."""
        if self._producer is not None:
            await asyncio.to_thread(self._producer.flush, seconds)
            self._producer = None


def _is_answered(producer: Producer) -> bool:
    try:
        producer.list_topics(timeout=1)
    except KafkaException:
        return False
    return True


def _found(messages: Sequence[Outgoing], told: Message) -> Outgoing:
    """Return the message that a delivery report is about."""
    topic, key, value = told.topic(), told.key(), told.value()
    for message in messages:
        if (message.topic, _bytes(message.key), _bytes(message.value)) == (topic, key, value):
            return message
    raise AssertionError(f"a delivery report about no message of ours, to {topic}")


def _bytes(text: str | bytes | None) -> bytes | None:
    return text.encode() if isinstance(text, str) else text
