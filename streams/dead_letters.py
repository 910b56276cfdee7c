"""Records that we could not read or place, kept with their reason (architecture.md rule 8)."""

import logging
from base64 import b64encode

import orjson

from streams.codecs import RawRecord, dead_letter
from streams.redrive import attempts_before
from streams.topics import Topics
from streams.work import Work

log = logging.getLogger("sluicegate.dead_letters")
STORED_TEXT = 2_000
"""Most characters of a reason that are stored."""


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
    ) -> None:
        """Keep the original bytes and headers with the reason."""
        attempts = attempts_before(record) + 1
        message = message.replace("\x00", "\\0")[:STORED_TEXT]
        await work.transaction.run(
            "insert_dead_letters",
            topic=record.topic,
            partition=record.partition,
            record_offset=record.offset,
            record_timestamp=record.received_at,
            record_key=record.key,
            value=record.value,
            headers=orjson.dumps(
                [
                    [name, None if value is None else b64encode(value).decode()]
                    for name, value in record.headers
                ]
            ).decode(),
            consumer_group=self._group_id,
            error_type=error_type,
            error_message=message,
            attempts=attempts,
            execution_id=None,
            workflow=workflow,
        )
        work.ledger.messages.append(
            dead_letter(
                record,
                self._topics.dead_letters,
                error_type,
                message,
                self._group_id,
                attempts,
                work.now,
            )
        )
        log.warning(
            "%s[%d]@%d goes to the dead letters: %s: %s",
            record.topic,
            record.partition,
            record.offset,
            error_type,
            message,
        )
