"""Messages that Kafka will never take: kept as dead letters, so that they delay only themselves."""

import logging
import time
from collections.abc import Collection, Sequence

from confluent_kafka import KafkaError

from storage.store import Transaction
from streams.codecs import Headers, Outgoing, RawRecord
from streams.dead_letters import Letter, stored
from streams.producer import Failure, PublishFailed

NOWHERE = -1
"""Partition and offset of a message that never had any."""
ITS_OWN_FAULT = frozenset(
    {
        KafkaError.MSG_SIZE_TOO_LARGE,
        KafkaError.TOPIC_EXCEPTION,
        KafkaError.INVALID_RECORD,
    }
)
ITS_TOPICS_FAULT = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError._UNKNOWN_TOPIC,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.POLICY_VIOLATION,
    }
)
"""Without our own topics nothing works, so those are waited for; of other topics it is lasting."""

log = logging.getLogger("sluicegate.unpublished")


class Unpublished:
    """Keeps what cannot be published, with the reason."""

    def __init__(self, own: Collection[str], dead_letters: str, group_id: str) -> None:
        self._own, self._dead_letters, self._group_id = frozenset(own), dead_letters, group_id

    def lasting(self, problem: PublishFailed) -> Sequence[Failure]:
        """Return the failures that no other try can mend; none if one of them may pass."""
        return problem.failures if all(map(self._is_lasting, problem.failures)) else ()

    def _is_lasting(self, failure: Failure) -> bool:
        code = failure.error.code()
        if code in ITS_TOPICS_FAULT:
            return failure.message.topic not in self._own
        return code in ITS_OWN_FAULT

    async def keep(self, transaction: Transaction, failures: Sequence[Failure]) -> None:
        """Make each a dead letter, to be replayed once its topic is mended."""
        for failure in failures:
            message, reason = failure.message, failure.error.str()
            log.error("a message to %s cannot be published: %s", message.topic, reason)
            if message.topic == self._dead_letters:
                continue  # its row has been there since its record was refused
            letter = Letter(_record(message), "unpublishable", reason, 1, None)
            await transaction.run("insert_dead_letters", **stored(letter, self._group_id))


def _record(message: Outgoing) -> RawRecord:
    headers = message.headers.items() if isinstance(message.headers, dict) else message.headers
    named: Headers = tuple((name, _bytes(value)) for name, value in headers)
    key, value = _bytes(message.key), _bytes(message.value)
    now_ms = int(time.time() * 1000)
    return RawRecord(message.topic, NOWHERE, NOWHERE, key, value, named, now_ms)


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
