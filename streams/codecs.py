"""Bytes to messages and back: CloudEvents binary and structured, plain JSON (interfaces.md)."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import orjson
from pydantic import ValidationError

from config.mistakes import text_of
from engine.durations import in_utc, read_instant
from engine.ids import ExecutionId, parse_execution_id, public_id
from streams.cloud_events import (
    binary_payload,
    is_structured,
    is_unannounced,
    media_type,
    optional_text,
    require_text,
    require_version,
    structured_payload,
)
from streams.json_check import MAX_EVENT_BYTES, Undecodable, read_json, require_object
from streams.messages import Command, DomainEvent
from streams.notes import KINDS, Answered, Grant, kind_of, read_answered

MAX_DECISION_BYTES = 64 * 1024
MAX_COMMAND_BYTES = MAX_EVENT_BYTES + MAX_DECISION_BYTES
"""A payload of the largest size, and what is said around it."""
MAX_ID = 1000
TRACEPARENT = re.compile(
    "(?!ff|00.{53}-)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-[!-~]{1,200})?"
)
TRACESTATE = re.compile("[ -~]{1,4096}")
JWS = "application/jwt"

TELLING = frozenset(
    {"content-type", "event-id"}
    | {f"ce_{name}" for name in ("specversion", "id", "type", "source", "subject", "time")}
)
"""Headers that say which event it is, and how to read it."""

Headers = tuple[tuple[str, bytes | None], ...]

__all__ = [
    "Outgoing",
    "RawRecord",
    "Undecodable",
    "decode_answered",
    "decode_command",
    "decode_event",
    "encode",
    "encode_command",
]


def place_of(topic: str, partition: int, offset: int, life: int) -> str:
    """Return `topic:partition:offset`, in a topic that was made anew with `:life`."""
    return f"{topic}:{partition}:{offset}:{life}" if life else f"{topic}:{partition}:{offset}"


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A Kafka record, untouched."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int
    log_append: bool = False
    life: int = 0
    """How often its topic was made anew before."""

    @property
    def received_at(self) -> datetime:
        """The record's timestamp; an unusable one counts as the epoch."""
        try:
            return datetime.fromtimestamp(max(self.timestamp_ms, 0) / 1000, UTC)
        except (OverflowError, ValueError):
            return datetime.fromtimestamp(0, UTC)

    @property
    def place(self) -> str:
        """`topic:partition:offset`, the id of what has no other."""
        return place_of(self.topic, self.partition, self.offset, self.life)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A record to be published; headers are a dict unless they came from outside."""

    topic: str
    key: str | bytes | None
    value: str | bytes | None
    headers: dict[str, str] | tuple[tuple[str, str | bytes | None], ...] = field(
        default_factory=dict
    )


def _texts(headers: Headers) -> dict[str, str]:
    """Return headers as text; of bytes that are none, only what says which event it is matters."""
    found: dict[str, str] = {}
    for name, value in headers:
        try:
            found[name.lower()] = (value or b"").decode()
        except UnicodeDecodeError:
            if name.lower() in TELLING:
                raise Undecodable("invalid_header", f"the header {name} is not UTF-8") from None
    return found


def _key(record: RawRecord) -> str | None:
    if record.key is None:
        return None
    text = record.key.decode("utf-8", "replace")
    return text.replace("\x00", "\ufffd")


def _instant(text: str | None) -> datetime | None:
    if not text:
        return None
    try:
        found = read_instant(text)
        return in_utc(found) if found.tzinfo is not None else found.replace(tzinfo=UTC)
    except ValueError:
        raise Undecodable("invalid_time", f"time {text!r} is no RFC 3339 instant") from None


def _hops(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 6 else 0


def _is_id(text: str) -> bool:
    """Tell whether an index can hold a text as part of its key."""
    return "\x00" not in text and len(text.encode()) <= MAX_ID


def _trace_of(headers: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return traceparent and tracestate; one that is malformed is none (W3C, 3.2.2.4 and 3.3.1)."""
    parent = headers.get("traceparent") or headers.get("ce_traceparent") or ""
    state = headers.get("tracestate") or headers.get("ce_tracestate") or None
    if not TRACEPARENT.fullmatch(parent):
        return None, None
    return parent, state if state and TRACESTATE.fullmatch(state) else None


def decode_event(record: RawRecord, type_fields: Sequence[str]) -> DomainEvent:
    """Return the event of a record in any of the three forms; raises Undecodable."""
    headers = _texts(record.headers)
    kind = media_type(headers)
    if is_structured(kind):
        envelope = require_object(read_json(record.value, MAX_EVENT_BYTES))
        return _structured(record, headers, envelope)
    if "ce_specversion" in headers:
        require_version(headers["ce_specversion"])
        return _binary(record, headers, binary_payload(record.value, kind))
    value = require_object(read_json(record.value, MAX_EVENT_BYTES))
    if "ce_type" in headers:
        return _named(record, headers, value)
    if is_unannounced(kind, value):
        return _structured(record, headers, value)
    return _plain(record, headers, value, type_fields)


def _event(
    record: RawRecord,
    headers: Mapping[str, str],
    payload: dict[str, object],
    *,
    type: str,
    id: str | None,
    source: str | None,
    time: str | None = None,
    subject: str | None = None,
) -> DomainEvent:
    if not type or len(type) > 255 or "\x00" in type:
        raise Undecodable("invalid_type", "the event type is empty or longer than 255 characters")
    id = id or headers.get("event-id") or record.place
    source = source or record.topic
    if not _is_id(id) or not _is_id(source):
        raise Undecodable("invalid_id", f"id or source is longer than {MAX_ID} bytes or holds NUL")
    if "\x00" in (subject or ""):
        raise Undecodable("nul_character", "the subject contains NUL, which no database stores")
    traced = _trace_of(headers)
    return DomainEvent(
        id,
        type,
        source,
        payload,
        record.topic,
        record.partition,
        record.offset,
        record.received_at,
        _key(record),
        subject,
        _instant(time),
        hops := _hops(headers.get("ce_hops")),
        parse_execution_id(headers.get("ce_correlationid", "")) if hops else None,
        *traced,
    )


def _binary(
    record: RawRecord, headers: Mapping[str, str], payload: dict[str, object]
) -> DomainEvent:
    # Without an id the header `event-id` or the record's place is it (interfaces.md, Messages).
    for name in ("type", "source"):
        require_text(name, headers.get(f"ce_{name}"))
    return _named(record, headers, payload)


def _named(
    record: RawRecord, headers: Mapping[str, str], payload: dict[str, object]
) -> DomainEvent:
    """Return the event that headers name."""
    return _event(
        record,
        headers,
        payload,
        type=headers.get("ce_type", ""),
        id=headers.get("ce_id"),
        source=headers.get("ce_source"),
        time=headers.get("ce_time"),
        subject=headers.get("ce_subject"),
    )


def _structured(
    record: RawRecord, headers: Mapping[str, str], envelope: Mapping[str, object]
) -> DomainEvent:
    if envelope.get("specversion") is not None:
        require_version(envelope["specversion"])
    said = {
        name: optional_text(name, envelope.get(name))
        for name in ("traceparent", "tracestate", "time", "subject")
    }
    traced = {
        "traceparent": said["traceparent"] or headers.get("traceparent", ""),
        "tracestate": said["tracestate"] or headers.get("tracestate", ""),
        "ce_hops": str(envelope.get("hops", "")),
        "ce_correlationid": str(envelope.get("correlationid", "")),
    }
    return _event(
        record,
        {name: text for name, text in traced.items() if text},
        structured_payload(envelope),
        type=require_text("type", envelope.get("type")),
        id=require_text("id", envelope.get("id")),
        source=require_text("source", envelope.get("source")),
        time=said["time"],
        subject=said["subject"],
    )


def _plain(
    record: RawRecord,
    headers: Mapping[str, str],
    payload: dict[str, object],
    type_fields: Sequence[str],
) -> DomainEvent:
    named = (payload.get(field) for field in type_fields)
    type = next((value for value in named if isinstance(value, str) and value), record.topic)
    return _event(
        record,
        headers,
        payload,
        type=type,
        id=headers.get("ce_id"),
        source=headers.get("ce_source"),
        time=headers.get("ce_time"),
    )


def _id_of(record: RawRecord) -> str:
    """Return the id of a message that names none; a replay of it has the same."""
    id = _texts(record.headers).get("event-id") or record.place
    if not _is_id(id):
        raise Undecodable("invalid_id", f"the id is longer than {MAX_ID} bytes or holds NUL")
    return id


def decode_answered(record: RawRecord) -> Answered:
    """Return the decision, note or grant of a record; raises Undecodable."""
    if media_type(_texts(record.headers)) == JWS:
        raise Undecodable(
            "signed_decision", "signed decisions are not enabled in this deployment; send JSON"
        )
    value = require_object(read_json(record.value, MAX_DECISION_BYTES))
    kind = kind_of(value)
    if not isinstance(kind, str) or kind not in KINDS:
        raise Undecodable("unknown_kind", f"{kind!r} is not one of {', '.join(KINDS)}")
    if value.get("decision_id") is None:
        value = {**value, "decision_id": _id_of(record)}
    try:
        item = read_answered(value)
    except ValidationError as problem:
        raise Undecodable("invalid_decision", problem_text(problem)) from None
    if isinstance(item, Grant) and item.is_over(record.received_at):
        raise Undecodable("invalid_decision", "until: a period that is over lets nobody decide")
    return item


def decode_command(record: RawRecord) -> Command:
    """Return the command of a record; raises Undecodable."""
    value = dict(require_object(read_json(record.value, MAX_COMMAND_BYTES)))
    if value.get("command_id") is None:
        value["command_id"] = _id_of(record)
    if value.get("at") is None:
        value["at"] = record.received_at
    if value.get("data") is None:
        value.pop("data", None)
    try:
        return Command.model_validate(value)
    except ValidationError as problem:
        raise Undecodable("invalid_command", problem_text(problem)) from None


def encode_command(command: Command, topic: str, key: str | None = None) -> Outgoing:
    """Return a command's record, keyed by its execution; a start by `key` or its own id."""
    value = command.model_dump(mode="json")
    if command.execution_id is not None:
        value["execution_id"] = key = public_id(ExecutionId(command.execution_id))
    headers = {"content-type": "application/json"}
    return Outgoing(topic, key or command.command_id, encode(value, MAX_COMMAND_BYTES), headers)


def encode(value: object, limit: int) -> bytes:
    """Return JSON that our own decoders take; raises Undecodable for what they refuse."""
    try:
        data = orjson.dumps(value)
    except TypeError as problem:
        raise Undecodable(
            "invalid_json", f"{problem}; send text as UTF-8, numbers up to 2^53"
        ) from None
    read_json(data, limit)
    return data


def problem_text(problem: ValidationError) -> str:
    """Return what pydantic found as `field: message` pairs."""
    return "; ".join(
        f"{'.'.join(map(str, error['loc'])) or 'the record'}: {text_of(error)}"
        for error in problem.errors(include_url=False, include_input=False)
    )


def cloud_headers(
    type: str,
    source: str,
    id: str,
    time: datetime | None,
    *,
    subject: str | None = None,
    execution_id: str | None = None,
    causation_id: str | None = None,
    hops: int = 0,
    traceparent: str | None = None,
    tracestate: str | None = None,
) -> dict[str, str]:
    """Return the headers of a CloudEvent in binary mode; attributes that are None are left out."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": id,
        "ce_source": source,
        "ce_type": type,
        "content-type": "application/json",
    }
    if time is not None:
        headers["ce_time"] = time.isoformat().replace("+00:00", "Z")
    if subject is not None:
        headers["ce_subject"] = subject
    if execution_id is not None:
        headers["ce_correlationid"] = execution_id
    if causation_id is not None:
        headers["ce_causationid"] = causation_id
    if hops:
        headers["ce_hops"] = str(hops)
    if traceparent is not None:
        headers["traceparent"] = traceparent
    if tracestate is not None:
        headers["tracestate"] = tracestate
    return headers
