"""`POST /events`: events by HTTP take the way of all events, through the topic (S7)."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import orjson
from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from api.keyed import require_same
from api.parts import IdempotencyKey, Parts, PartsDep, WaitSeconds, read_body, read_json_body
from api.problems import Problem
from api.shapes.common import json_body
from api.wording import describe
from storage.store import TRANSIENT
from streams.cloud_events import BATCH, STRUCTURED, media_type, require_version, structured_data
from streams.codecs import Outgoing, RawRecord, decode_event
from streams.json_check import MAX_EVENT_BYTES, read_json

router = APIRouter(tags=["events"])
KINDS = ("application/json", STRUCTURED, BATCH)
MAX_BATCH = 100
Row = dict[str, Any]
ORDER = {
    "order_id": "o-1003",
    "customer_id": "c-77",
    "total": 4650,
    "currency": "EUR",
    "country": "DE",
    "email": "ana@example.com",
}
CARRIED = {
    "traceparent": "traceparent",
    "tracestate": "tracestate",
    "hops": "ce_hops",
    "correlationid": "ce_correlationid",
}
"""Extension attributes that workers read, with their headers on the topic."""
REFUSING = frozenset({"blocked", "failed", "cancelled"})
"""Ends for which the gate stays shut: it fails closed (D29)."""


class NewEvent(BaseModel):
    """A CloudEvent (structured), or simply type and data."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(min_length=1, max_length=255)
    data: dict[str, Any] = Field(default_factory=dict)
    id: str | None = Field(None, min_length=1, max_length=255)
    source: str = Field("/api", min_length=1, max_length=500)
    subject: str | None = Field(None, max_length=500)
    time: str | None = None
    key: str | None = Field(None, max_length=500)

    @model_validator(mode="before")
    @classmethod
    def _decoded(cls, value: Any) -> Any:
        """Take `data_base64` for the data that it encodes, and none for {}; raises Undecodable."""
        if not isinstance(value, Mapping):
            return value
        if value.get("specversion") is not None:
            require_version(value["specversion"])
        return {**value, "data": structured_data(value)}


EVENT_SCHEMA = NewEvent.model_json_schema()
EVENTS = json_body(
    {"anyOf": [EVENT_SCHEMA, {"type": "array", "items": EVENT_SCHEMA, "minItems": 1}]},
    {"type": "order.created", "data": ORDER, "id": "order-1003-created"},
    {"specversion": "1.0", "type": "order.created", "source": "/shop", "id": "1", "data": ORDER},
    kinds=KINDS,
)


class Accepted(BaseModel):
    """The event was published; with `wait`, what the workflows made of it."""

    event_id: str
    event_ids: list[str]
    result: str | None = None
    """`blocked`, `paused` or `allowed`; None where no answer came in time."""
    executions: list[Row] = Field(default_factory=list)
    rejected: list[str] = Field(default_factory=list)
    """Why workflows did not take the event."""


def outgoing(event: NewEvent, topic: str, asked: Mapping[str, str]) -> Outgoing:
    """Return an event in CloudEvents binary mode; raises Undecodable for one that is unreadable.

    Where it does not say itself what it is traced by, the headers of its request do.
    """
    headers = {
        "ce_specversion": "1.0",
        "ce_id": event.id or uuid4().hex,
        "ce_source": event.source,
        "ce_type": event.type,
        "content-type": "application/json",
    }
    if event.subject is not None:
        headers["ce_subject"] = event.subject
    if event.time is not None:
        headers["ce_time"] = event.time
    said = event.model_extra or {}
    for name, header in CARRIED.items():
        carried = said.get(name, asked.get(header))
        if isinstance(carried, str | int):
            headers[header] = str(carried)
    value = orjson.dumps(event.data)
    _check(topic, value, headers)
    named = said.get("partitionkey")
    key = event.key or (named if isinstance(named, str) else None) or event.subject
    key = key or headers["ce_id"]
    return Outgoing(topic, key, value, headers)


def _check(topic: str, value: bytes, headers: Mapping[str, str]) -> None:
    """Read an event as a worker will: what it would refuse is told here; raises Undecodable."""
    raw = tuple((name, text.encode()) for name, text in headers.items())
    decode_event(RawRecord(topic, 0, 0, None, value, raw, 0), ())


def gate(answers: Sequence[Mapping[str, Any]]) -> str:
    """Return the one answer of all executions of some events (D29)."""
    statuses = {run["status"] for answer in answers for run in answer["executions"]}
    if statuses & REFUSING or any(answer["rejected"] for answer in answers):
        return "blocked"
    return "paused" if "paused" in statuses else "allowed"


@router.post(
    "/events",
    status_code=202,
    responses={
        200: {"description": "Answered", "model": Accepted},
        202: {"description": "Published"},
    },
    openapi_extra=EVENTS,
)
async def publish(
    request: Request,
    parts: PartsDep,
    response: Response,
    wait: WaitSeconds = 0,
    idempotency_key: IdempotencyKey = None,
) -> Accepted:
    """Publish one event, or a list of them, onto the first event topic.

    With `ce-type` among the headers the body is the data alone (CloudEvents, binary mode).
    With `wait`, answer `blocked` if any execution is blocked or failed, else `paused` if any is
    paused, else `allowed` (D11, D29).
    """
    events = _read(await _envelope_of(request))
    topic = _topic(parts)
    key = idempotency_key
    for number, event in enumerate(events):
        event.id = event.id or _id_of(key, number, len(events))
    begun = time.monotonic()
    messages = [outgoing(event, topic, request.headers) for event in events]
    if key is not None:
        await _require_same(parts, events)
        parts.sent.claim(f"event:{key}", [event.model_dump(exclude={"time"}) for event in events])
    await parts.out.send(messages)
    ids = [str(event.id) for event in events]
    accepted = Accepted(event_id=ids[0], event_ids=ids)
    left = wait - (time.monotonic() - begun)
    answers = await _await_answers(parts, events, left) if left > 0 else None
    if answers is None:
        return accepted
    if key is not None:
        await _require_same(parts, events)
    response.status_code = 200
    accepted.result = gate(answers)
    accepted.executions = [
        {"event_id": answer["event_id"], **run}
        for answer in answers
        for run in answer["executions"]
    ]
    accepted.rejected = [reason for answer in answers for reason in answer["rejected"]]
    return accepted


def _id_of(key: str | None, number: int, of: int) -> str:
    if key is None:
        return uuid4().hex
    return key if of == 1 else f"{key}:{number}"


async def _require_same(parts: Parts, events: Sequence[NewEvent]) -> None:
    """Compare events with those taken under their ids; raises a 422 problem.

    Events go out while the database is away: the worker takes each id once (S7).
    """
    asked = {(event.source, event.id): event for event in events}
    try:
        taken = await parts.answering.events([str(event.id) for event in events])
    except TRANSIENT:
        return
    for known in taken:
        event = asked.get((known["source"], known["event_id"]))
        if event is not None:
            require_same(
                known, {"type": event.type, "subject": event.subject, "payload": event.data}
            )


async def _await_answers(
    parts: Parts, events: Sequence[NewEvent], seconds: float
) -> list[Row] | None:
    """Return what came of each event, None unless all have an answer in time."""
    questions = [("event", event.source, str(event.id)) for event in events]
    found = await asyncio.gather(*(parts.answers.wait(question, seconds) for question in questions))
    answers = [answer for answer in found if answer is not None]
    return answers if len(answers) == len(questions) else None


def _topic(parts: Parts) -> str:
    topic = parts.settings.event_topics[0]
    if topic.startswith("~"):
        raise Problem(409, "no-event-topic", "the first event topic is a pattern; name one first")
    return topic


async def _envelope_of(request: Request) -> object:
    """Return what is sent, an event in binary mode as the structured one that it stands for."""
    headers, kind = request.headers, media_type(request.headers)
    if kind in (STRUCTURED, BATCH) or "ce-type" not in headers:
        return await read_json_body(request, KINDS, MAX_EVENT_BYTES)
    is_json = kind.endswith("+json") and not kind.startswith("application/cloudevents")
    body = await read_body(request, (*KINDS, kind) if is_json else KINDS, MAX_EVENT_BYTES)
    named = {name[3:]: unquote(text) for name, text in headers.items() if name.startswith("ce-")}
    return {**named, "data": read_json(body, MAX_EVENT_BYTES)}


def _read(value: object) -> list[NewEvent]:
    values = value if isinstance(value, list) else [value]
    if not 1 <= len(values) <= MAX_BATCH:
        raise Problem(422, "invalid-event", f"send 1 to {MAX_BATCH} events")
    found = []
    for number, item in enumerate(values):
        try:
            found.append(NewEvent.model_validate(item))
        except ValidationError as problem:
            place = f"[{number}] " if isinstance(value, list) else ""
            text = describe(problem.errors(), NewEvent, "event")
            raise Problem(422, "invalid-event", f"{place}{text}") from None
    return found
