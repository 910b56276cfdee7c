"""Topics on which every record is answered: what can be read is carried out, the rest refused."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from engine.ids import parse_execution_id
from engine.steps.approval import instant_text
from streams.codecs import MAX_COMMAND_BYTES, RawRecord, Undecodable
from streams.dead_letters import DeadLetters
from streams.intake import Apply
from streams.json_check import read_json
from streams.outbound import Outbound
from streams.work import Work

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Received(Generic[T]):
    """What a record says, and the record."""

    item: T
    record: RawRecord

    @property
    def received_at(self) -> datetime:
        """When the broker took it."""
        return self.record.received_at


@dataclass(frozen=True, slots=True)
class Answering(Generic[T]):
    """Reads the records of one topic, and answers as malformed those that cannot be read."""

    decode: Callable[[RawRecord], T]
    id_name: str
    """Under which name a receipt has the id of what it answers."""
    blank: Mapping[str, object]
    """What else its receipts hold, of a record that says nothing."""
    outbound: Outbound
    dead_letters: DeadLetters

    def prepare(
        self,
        records: Sequence[RawRecord],
        carry_out: Callable[[Work, list[Received[T]]], Awaitable[None]],
    ) -> Apply:
        """Decode a batch, before its transaction."""
        received: list[Received[T]] = []
        malformed: list[tuple[RawRecord, Undecodable]] = []
        for record in records:
            try:
                received.append(Received(self.decode(record), record))
            except Undecodable as problem:
                malformed.append((record, problem))

        async def apply(work: Work) -> None:
            for record, problem in malformed:
                await self._refuse(work, record, problem.error_type, problem.message)
            if received:
                await carry_out(work, received)

        return apply

    def reject(self, record: RawRecord, error_type: str, message: str) -> Apply:
        """Answer a record that cannot be stored as malformed, and keep its bytes."""

        async def apply(work: Work) -> None:
            await self._refuse(work, record, error_type, message)

        return apply

    async def _refuse(self, work: Work, record: RawRecord, error_type: str, message: str) -> None:
        said = _texts_of(record.value)
        about = _execution_of(record, said)
        owner = parse_execution_id(about or "")
        await self.dead_letters.put(work, record, error_type, message, execution_id=owner)
        value = {
            **{name: said.get(name, absent) for name, absent in self.blank.items()},
            self.id_name: said.get(self.id_name, record.place),
            "execution_id": about,
            "result": "refused",
            "code": "malformed",
            "message": message,
            "at": instant_text(work.now),
        }
        work.ledger.messages.append(self.outbound.receipt(value, work.now))


def _execution_of(record: RawRecord, said: Mapping[str, str]) -> str | None:
    """Return the execution that an unreadable record is about, if its key or its value says."""
    key = (record.key or b"").decode("utf-8", "replace")
    return said.get("execution_id") if parse_execution_id(key) is None else key


def _texts_of(value: bytes | None) -> Mapping[str, str]:
    """Return the short texts of a JSON object, by which its sender knows what is answered."""
    try:
        read = read_json(value, MAX_COMMAND_BYTES)
    except Undecodable:
        return {}
    found = read.items() if isinstance(read, dict) else ()
    return {name: text for name, text in found if isinstance(text, str) and 0 < len(text) <= 255}
