"""Records out of Kafka for somebody who watches: no group, no position but its own."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streams.admin import BrokerUnreachable
from streams.codecs import RawRecord
from streams.position import Partition

quiet = logging.getLogger("sluicegate.witness.librdkafka")
quiet.propagate = False
quiet.addHandler(logging.NullHandler())
AT_ONCE = 5_000
ANSWER_SECONDS = 30.0
LOG_APPEND_TIME = 2


class Reader:
    """Reads partitions from given offsets on."""

    def __init__(self, bootstrap: str, security: Mapping[str, str] | None = None) -> None:
        config: dict[str, Any] = {
            "bootstrap.servers": bootstrap,
            "group.id": "sluicegate-witness",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "earliest",
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 50,
            "queued.max.messages.kbytes": 65_536,
            "reconnect.backoff.ms": 100,
            "reconnect.backoff.max.ms": 1_000,
            "log.connection.close": False,
            **(security or {}),
        }
        self._address = bootstrap
        self._consumer = Consumer(config, logger=quiet)

    def partitions_of(self, topics: Iterable[str]) -> list[Partition]:
        """Return the partitions of topics that exist."""
        known = self._ask(lambda: self._consumer.list_topics(timeout=ANSWER_SECONDS).topics)
        return [
            Partition(topic, number)
            for topic in topics
            if topic in known
            for number in sorted(known[topic].partitions)
        ]

    def ends(self, topics: Iterable[str]) -> dict[Partition, int]:
        """Return where the partitions of topics end."""
        return {place: self._end(place) for place in self.partitions_of(topics)}

    def _end(self, place: Partition) -> int:
        asked = TopicPartition(*place)
        found = self._ask(
            lambda: self._consumer.get_watermark_offsets(asked, timeout=ANSWER_SECONDS)
        )
        return int(found[1])

    def _ask(self, call: Any) -> Any:
        try:
            return call()
        except KafkaException as problem:
            raise BrokerUnreachable(self._address, problem.args[0].str()) from problem

    def start(self, starts: Mapping[Partition, int]) -> None:
        """Begin to read partitions."""
        self._consumer.assign([TopicPartition(*place, offset) for place, offset in starts.items()])

    def take(self, seconds: float) -> list[RawRecord]:
        """Return what came within a while."""
        return [r for m in self._consume(seconds) if (r := raw_record(m)) is not None]

    def _consume(self, seconds: float) -> list[Message]:
        return list(self._consumer.consume(AT_ONCE, seconds))

    def read_to_end(self, starts: Mapping[Partition, int]) -> Iterator[RawRecord]:
        """Yield the records of partitions, in order within each, up to where each ends now."""
        # Told by the fetches: some brokers count only batches when asked where a log ends.
        left = set(starts)
        self.start(starts)
        while left:
            for message in self._consume(1.0):
                record = raw_record(message)
                if record is not None:
                    yield record
                elif _is_end(message):
                    left.discard(Partition(message.topic() or "", message.partition() or 0))

    def close(self) -> None:
        """Stop reading."""
        self._consumer.close()


def _is_end(message: Message) -> bool:
    error = message.error()
    return error is not None and bool(error.code() == KafkaError._PARTITION_EOF)


def raw_record(message: Message) -> RawRecord | None:
    """Return a message as our own readers see it; None for what is none."""
    if message.error() is not None:
        return None
    kind, timestamp = message.timestamp()
    headers: Any = message.headers() or ()
    key: Any = message.key()
    value: Any = message.value()
    return RawRecord(
        message.topic() or "",
        message.partition() or 0,
        message.offset() or 0,
        key,
        value,
        tuple(headers),
        timestamp,
        kind == LOG_APPEND_TIME,
    )
