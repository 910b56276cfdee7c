"""Records into Kafka, with what became of each: the load of a chaos run."""

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaError, Message, Producer

from streams.codecs import Outgoing

quiet = logging.getLogger("sluicegate.witness.librdkafka")
quiet.propagate = False
quiet.addHandler(logging.NullHandler())
Acknowledged = Callable[[bool], None]


class Feed:
    """A producer that outlives outages; one thread serves its acknowledgements."""

    def __init__(self, bootstrap: str, security: Mapping[str, str] | None = None) -> None:
        config: dict[str, Any] = {
            "bootstrap.servers": bootstrap,
            "acks": "all",
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": 5,
            "delivery.timeout.ms": 180_000,
            "reconnect.backoff.ms": 100,
            "reconnect.backoff.max.ms": 1_000,
            "log.connection.close": False,
            **(security or {}),
        }
        self._producer = Producer(config, logger=quiet)
        self._lock = threading.Lock()
        self.acknowledged = self.failed = 0

    def put(
        self, message: Outgoing, *, timestamp_ms: int = 0, then: Acknowledged | None = None
    ) -> None:
        """Queue a record; `then` is told whether the broker took it."""

        def told(error: KafkaError | None, _message: Message) -> None:
            with self._lock:
                self.acknowledged += error is None
                self.failed += error is not None
            if then is not None:
                then(error is None)

        headers: Any = message.headers
        if not isinstance(headers, dict):
            headers = list(headers)
        while True:
            try:
                self._producer.produce(
                    message.topic,
                    message.value,
                    message.key,
                    headers=headers,
                    timestamp=timestamp_ms,
                    on_delivery=told,
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                self._producer.poll(0)
                return

    def wait(self, seconds: float) -> int:
        """Wait until all are acknowledged, for a while; return how many are not."""
        return int(self._producer.flush(seconds))
