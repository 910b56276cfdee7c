"""Dead letters produced again: the original record, its event id, and which letter it was."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from typing import Any

from engine.ids import ExecutionId, public_id
from storage.dead_letters import Asked, DeadLetterRows, NotWhole
from streams.codecs import Headers, Outgoing, RawRecord, place_of
from streams.producer import KafkaOut
from streams.work import Work

REDRIVE_OF = "redrive-of"
"""Header of a replayed record: the id of its dead letter."""
REDRIVE_ATTEMPTS = "redrive-attempts"
"""Header of a replayed record: how often it failed before."""
OURS = (REDRIVE_OF, REDRIVE_ATTEMPTS)
NAMES_AN_ID = ("ce_id", "event-id")
SPENT = ""
"""In place of a workflow: this redrive was taken before and starts nothing."""


def original_headers(letter: Mapping[str, Any]) -> Headers:
    """Return a dead letter's headers as they came, without those of a replay."""
    return tuple(
        (name, None if value is None else b64decode(value))
        for name, value in letter["headers"]
        if name not in OURS
    )


def _readable(value: bytes | None) -> dict[str, str] | None:
    """Return bytes as `text`, or as `base64` if they are none."""
    if value is None:
        return None
    try:
        return {"text": value.decode()}
    except UnicodeDecodeError:
        return {"base64": b64encode(value).decode()}


def readable_letter(letter: Mapping[str, Any]) -> dict[str, Any]:
    """Return a dead letter as people read it: key, value and headers as text where they are."""
    headers = [
        {"name": name, "value": _readable(value)} for name, value in original_headers(letter)
    ]
    about = letter["execution_id"]
    execution_id = None if about is None else public_id(ExecutionId(str(about)))
    bytes_of = {"record_key": _readable(letter["record_key"]), "value": _readable(letter["value"])}
    found = {**letter, **bytes_of, "execution_id": execution_id, "headers": headers}
    del found["life"]
    return found


def replayed(letter: Mapping[str, Any]) -> Outgoing:
    """Return the record that replays a dead letter: bytes, key, headers and event id unchanged."""
    headers = original_headers(letter)
    added = {REDRIVE_OF: str(letter["id"]), REDRIVE_ATTEMPTS: str(letter["attempts"])}
    if not any(name.lower() in NAMES_AN_ID for name, _ in headers):
        # Its id was its place, and a replay has another one.
        place = letter["topic"], letter["partition"], letter["record_offset"], letter["life"]
        added["event-id"] = place_of(*place)
    return Outgoing(
        letter["topic"], letter["record_key"], letter["value"], (*headers, *added.items())
    )


async def replay(rows: DeadLetterRows, out: KafkaOut, id: int, asked: Asked) -> None:
    """Produce an open dead letter to its topic and note who asked; raises NotOpen, NotWhole.

    A crash in between leaves it open: replayed once more, it still changes nothing twice.
    """
    async with rows.settling(id, "replay", asked) as letter:
        if letter is None:
            return
        if letter["value_bytes"] is not None:
            raise NotWhole(letter)
        await out.send([replayed(letter)])


async def discard(rows: DeadLetterRows, id: int, asked: Asked) -> None:
    """Give an open dead letter up and note who asked; raises NotOpen."""
    async with rows.settling(id, "discard", asked):
        pass


def redrive_of(record: RawRecord) -> int | None:
    """Return the id of the dead letter that a record replays, None for an ordinary record."""
    return _number(record, REDRIVE_OF, 18)


def attempts_before(record: RawRecord) -> int:
    """Return how often a record failed before it was replayed."""
    return _number(record, REDRIVE_ATTEMPTS, 6) or 0


def _number(record: RawRecord, header: str, digits: int) -> int | None:
    text = next((value for name, value in record.headers if name == header), None)
    return int(text) if text and text.isdigit() and len(text) <= digits else None


async def take_redrives(work: Work, records: Iterable[RawRecord]) -> Mapping[str, str]:
    """Return by place the workflow that refused each replayed record; SPENT after the first.

    A header alone grants nothing: topic and bytes must be those of the dead letter.
    """
    asked = [
        {
            "place": record.place,
            "id": id,
            "topic": record.topic,
            "value": None if record.value is None else b64encode(record.value).decode(),
        }
        for record in records
        if (id := redrive_of(record)) is not None
    ]
    taken: set[int] = set()
    found: dict[str, str] = {}
    for row in await work.transaction.fetch_written("take_redrives", asked):
        spent = row["spent"] or row["id"] in taken
        found[row["place"]] = SPENT if spent else row["workflow"]
        taken.add(row["id"])
    return found
