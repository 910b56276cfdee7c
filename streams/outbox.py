"""Messages of one transaction, packed into few outbox rows: one per shard.

A row holds the messages of one shard in order, so that a batch costs a handful of rows instead of
thousands; the relay publishes rows in id order per shard (docs/adr/0009).
"""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Sequence
from zlib import crc32

import orjson

from streams.codecs import Outgoing

SHARDS = 4
"""Number of relay shards; a message's key decides, so that one key stays in order."""
CHUNK = 2_000
"""Most messages that one row holds."""


def shard_of(message: Outgoing) -> int:
    """Return the shard of a message: the same for all messages about one execution."""
    about = next((value for name, value in message.headers if name == "ce_correlationid"), None)
    return crc32((about or message.key or "").encode()) % SHARDS


def pack(messages: Iterable[Outgoing]) -> list[tuple[int, bytes]]:
    """Return (shard, packed messages) rows, in the order in which they must be published."""
    by_shard: dict[int, list[Outgoing]] = {}
    for message in messages:
        by_shard.setdefault(shard_of(message), []).append(message)
    return [
        (shard, pack_one(group[start : start + CHUNK]))
        for shard, group in sorted(by_shard.items())
        for start in range(0, len(group), CHUNK)
    ]


def pack_one(messages: Sequence[Outgoing]) -> bytes:
    """Return messages as one cell: JSON, values as text; what is no UTF-8 as Base64."""
    return orjson.dumps([_cell(message) for message in messages])


def _cell(message: Outgoing) -> list[object]:
    value = message.value
    try:
        text = None if value is None else value.decode()
    except UnicodeDecodeError:
        return [message.topic, message.key, b64encode(value or b"").decode(), message.headers, True]
    return [message.topic, message.key, text, message.headers]


def unpack(cell: bytes) -> list[Outgoing]:
    """Return the messages of one row."""
    return [_message(item) for item in orjson.loads(cell)]


def _message(item: list[object]) -> Outgoing:
    topic, key, text, headers = item[:4]
    value = None if text is None else text.encode()  # type: ignore[attr-defined]
    if len(item) == 5:
        value = b64decode(value)
    return Outgoing(topic, key, value, tuple((name, text) for name, text in headers))  # type: ignore
