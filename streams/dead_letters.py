"""Records that we could not read or place, kept with their reason (architecture.md rule 8)."""

import logging
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256

import orjson

from engine.ids import ExecutionId, public_id
from streams.codecs import Headers, Outgoing, RawRecord
from streams.redrive import attempts_before
from streams.topics import Topics
from streams.work import Work

STORED_TEXT = 2_000
"""Most characters of a reason that are stored."""
WHOLE_BYTES = 900_000
"""Longest value that is kept whole: what a message of Kafka's default size can carry."""
HEAD_BYTES = 65_536
"""How much is kept of a longer one."""

log = logging.getLogger("sluicegate.dead_letters")


@dataclass(frozen=True, slots=True)
class Letter:
    """A record as it is kept, and why it came here."""

    record: RawRecord
    error_type: str
    message: str
    attempts: int
    workflow: str | None
    execution_id: ExecutionId | None = None
    """The execution that it is about, where it names one."""

    @property
    def cut_bytes(self) -> int | None:
        """Length of a value of which only the head is kept."""
        length = len(self.record.value or b"")
        return length if length > WHOLE_BYTES else None

    @property
    def value(self) -> bytes | None:
        """The value, or its head."""
        value = self.record.value
        return value if value is None or self.cut_bytes is None else value[:HEAD_BYTES]


class DeadLetters:
    """Writes a rejected record to its table and its topic, in the batch's transaction."""

    def __init__(self, topics: Topics, group_id: str) -> None:
        self._topics, self._group_id = topics, group_id

    async def put(
        self,
        work: Work,
        record: RawRecord,
        error_type: str,
        message: str,
        workflow: str | None = None,
        execution_id: ExecutionId | None = None,
    ) -> None:
        """Keep the original bytes and headers with the reason."""
        message = message.replace("\x00", "\\0")[:STORED_TEXT]
        attempts = attempts_before(record) + 1
        letter = Letter(record, error_type, message, attempts, workflow, execution_id)
        await work.transaction.run("insert_dead_letters", **stored(letter, self._group_id))
        work.ledger.messages.append(self._message(letter, work))
        place = record.topic, record.partition, record.offset
        log.warning("%s[%d]@%d goes to the dead letters: %s: %s", *place, error_type, message)

    def _message(self, letter: Letter, work: Work) -> Outgoing:
        """Return a dead letter: key, value and headers unchanged, and why in `dlq-` headers."""
        record = letter.record
        added = {
            "dlq-original-topic": record.topic,
            "dlq-original-partition": str(record.partition),
            "dlq-original-offset": str(record.offset),
            "dlq-original-timestamp": str(record.timestamp_ms),
            "dlq-consumer-group": self._group_id,
            "dlq-error-type": letter.error_type,
            "dlq-error-message": letter.message.replace("\n", " "),
            "dlq-attempts": str(letter.attempts),
            "dlq-failed-at": work.now.isoformat().replace("+00:00", "Z"),
            "dlq-execution-id": public_id(letter.execution_id) if letter.execution_id else "",
        }
        if letter.cut_bytes is not None:
            added["dlq-value-bytes"] = str(letter.cut_bytes)
            added["dlq-value-sha256"] = sha256(record.value or b"").hexdigest()
        headers = (*record.headers, *added.items())
        return Outgoing(self._topics.dead_letters, record.key, letter.value, headers)


def stored(letter: Letter, group_id: str) -> dict[str, object]:
    """Return the row of a dead letter."""
    record = letter.record
    return {
        "topic": record.topic,
        "partition": record.partition,
        "record_offset": record.offset,
        "record_timestamp": record.received_at,
        "record_key": record.key,
        "value": letter.value,
        "value_bytes": letter.cut_bytes,
        "headers": stored_headers(record.headers),
        "consumer_group": group_id,
        "error_type": letter.error_type,
        "error_message": letter.message,
        "attempts": letter.attempts,
        "execution_id": letter.execution_id,
        "workflow": letter.workflow,
        "life": record.life,
    }


def stored_headers(headers: Headers) -> str:
    """Return headers as JSON that the database takes: a NUL in a name becomes a picture of it."""
    return orjson.dumps(
        [
            [name.replace("\x00", "\u2400"), None if value is None else b64encode(value).decode()]
            for name, value in headers
        ]
    ).decode()
