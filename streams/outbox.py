"""Messages of one transaction, packed into few outbox rows: one per shard.

A row holds the messages of one shard in order, so that a batch costs a handful of rows instead of
thousands; the relay publishes rows in id order per shard (docs/adr/0009).
"""

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Sequence
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
    key = about or message.key or ""
    return crc32(key.encode() if isinstance(key, str) else key) % SHARDS


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
    try:
        return [message.topic, *map(_text, (message.key, message.value)), _headers(message, _text)]
    except UnicodeDecodeError:
        cells = map(_base64, (message.key, message.value))
        return [message.topic, *cells, _headers(message, _base64), True]


def _headers(
    message: Outgoing, convert: Callable[[str | bytes | None], str | None]
) -> list[tuple[str, str | None]]:
    return [(name, convert(value)) for name, value in message.headers]


def _text(value: str | bytes | None) -> str | None:
    return value.decode() if isinstance(value, bytes) else value


def _base64(value: str | bytes | None) -> str | None:
    if value is None:
        return None
    return b64encode(value.encode() if isinstance(value, str) else value).decode()


def unpack(cell: bytes) -> list[Outgoing]:
    """Return the messages of one row."""
    return [_message(*item) for item in orjson.loads(cell)]


def _message(
    topic: str,
    key: str | None,
    value: str | None,
    headers: list[tuple[str, str | None]],
    encoded: bool = False,
) -> Outgoing:
    convert = b64decode if encoded else str.encode

    def bytes_of(text: str | None) -> bytes | None:
        return None if text is None else convert(text)

    named = tuple((name, bytes_of(text)) for name, text in headers)
    return Outgoing(topic, bytes_of(key), bytes_of(value), named)
