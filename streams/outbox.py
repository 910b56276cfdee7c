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
    about = message.headers.get("ce_correlationid") if isinstance(message.headers, dict) else None
    key = about or message.key or ""
    return crc32(key.encode() if isinstance(key, str) else key) % SHARDS


def chunks(messages: Iterable[Outgoing]) -> list[tuple[int, list[Outgoing]]]:
    """Return shards with the messages of one row, in the order in which they must be published."""
    by_shard: dict[int, list[Outgoing]] = {}
    for message in messages:
        by_shard.setdefault(shard_of(message), []).append(message)
    return [
        (shard, group[start : start + CHUNK])
        for shard, group in sorted(by_shard.items())
        for start in range(0, len(group), CHUNK)
    ]


def rows_of(messages: Iterable[Outgoing]) -> list[tuple[int, str]]:
    """Return the (shard, packed messages) rows of many messages."""
    return [(shard, pack(group)) for shard, group in chunks(messages)]


def pack(messages: Sequence[Outgoing]) -> str:
    """Return messages as one cell of JSON; what may be no UTF-8 stands in it as Base64."""
    return orjson.dumps([_cell(message) for message in messages]).decode()


def _cell(message: Outgoing) -> tuple[object, ...]:
    if isinstance(message.headers, dict):
        value = message.value
        text = value.decode() if isinstance(value, bytes) else value
        return message.topic, message.key, text, message.headers
    headers = [(name, _base64(value)) for name, value in message.headers]
    return message.topic, _base64(message.key), _base64(message.value), headers


def _base64(value: str | bytes | None) -> str | None:
    if value is None:
        return None
    return b64encode(value.encode() if isinstance(value, str) else value).decode()


def unpack(cell: str) -> list[Outgoing]:
    """Return the messages of one row."""
    return [_message(*item) for item in orjson.loads(cell)]


def _message(
    topic: str,
    key: str | None,
    value: str | None,
    headers: dict[str, str] | list[tuple[str, str | None]],
) -> Outgoing:
    if isinstance(headers, dict):
        return Outgoing(topic, key, value, headers)
    named = tuple((name, _bytes(text)) for name, text in headers)
    return Outgoing(topic, _bytes(key), _bytes(value), named)


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text)
