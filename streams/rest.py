"""What a partition holds from an offset on: offsets alone do not tell records from marks."""

import logging
from collections.abc import Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

quiet = logging.getLogger("sluicegate.librdkafka")


def holds_records(
    config: Mapping[str, str], rest: TopicPartition, end: int, seconds: float
) -> bool:
    """Tell whether a committed record stands between the offset of `rest` and `end`.

    Marks of transactions and what these aborted are none. True also where that cannot be said:
    a transaction is open, or the partition does not answer within the time.
    """
    consumer = _consumer(config, "latest")
    try:
        consumer.assign([rest])
        found = consumer.poll(seconds)
        problem = None if found is None else found.error()
        if found is None or problem is None:
            return True
        if problem.code() == KafkaError._PARTITION_EOF:
            return (found.offset() or 0) < end
        raise KafkaException(problem)
    finally:
        consumer.close()


def holds_record(config: Mapping[str, str], place: TopicPartition, seconds: float) -> bool:
    """Tell whether there is a record at an offset or after it, whatever the broker says of ends."""
    consumer = _consumer(config, "error")
    try:
        consumer.assign([place])
        found = consumer.poll(seconds)
        return found is not None and found.error() is None
    finally:
        consumer.close()


def _consumer(config: Mapping[str, str], on_no_such_offset: str) -> Consumer:
    return Consumer(
        {
            **config,
            "group.id": "sluicegate-looks",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "auto.offset.reset": on_no_such_offset,
        },
        logger=quiet,
    )
