"""`POST /events`: events by HTTP take the way of all events, through the topic (S7)."""

from typing import Annotated, Any
from uuid import uuid4

import orjson
from fastapi import APIRouter, Header, Request
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from api.parts import Parts, PartsDep
from api.problems import Problem
from streams.codecs import MAX_EVENT_BYTES, STRUCTURED, Outgoing, problem_text
from streams.json_check import Undecodable, read_json

router = APIRouter(tags=["events"])
BATCH = "application/cloudevents-batch+json"
MAX_BATCH = 100


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


class Accepted(BaseModel):
    """The event was published."""

    event_id: str
    event_ids: list[str]


def outgoing(event: NewEvent, topic: str) -> Outgoing:
    """Return an event in CloudEvents binary mode."""
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
    key = event.key or event.subject or headers["ce_id"]
    return Outgoing(topic, key, orjson.dumps(event.data), headers)


@router.post("/events", status_code=202)
async def publish(
    request: Request,
    parts: PartsDep,
    idempotency_key: Annotated[str | None, Header(max_length=255)] = None,
) -> Accepted:
    """Publish one event, or a list of them, onto the first event topic."""
    events = _read(await _body(request))
    if idempotency_key is not None and len(events) == 1 and events[0].id is None:
        events[0].id = idempotency_key
    messages = [outgoing(event, _topic(parts)) for event in events]
    await parts.out.send(messages)
    ids = [message.headers["ce_id"] for message in messages if isinstance(message.headers, dict)]
    return Accepted(event_id=ids[0], event_ids=ids)


def _topic(parts: Parts) -> str:
    topic = parts.settings.event_topics[0]
    if topic.startswith("~"):
        raise Problem(409, "no-event-topic", "the first event topic is a pattern; name one first")
    return topic


async def _body(request: Request) -> object:
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip()
    if kind not in ("application/json", STRUCTURED, BATCH):
        raise Problem(415, "unsupported-media-type", f"send application/json or {STRUCTURED}")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_EVENT_BYTES:
            raise Problem(413, "too-large", f"at most {MAX_EVENT_BYTES} bytes are taken")
    try:
        return read_json(bytes(body), MAX_EVENT_BYTES)
    except Undecodable as problem:
        raise Problem(400, "malformed", problem.message, problem.error_type) from None


def _read(value: object) -> list[NewEvent]:
    values = value if isinstance(value, list) else [value]
    if not 1 <= len(values) <= MAX_BATCH:
        raise Problem(422, "invalid-event", f"send 1 to {MAX_BATCH} events")
    try:
        return [NewEvent.model_validate(item) for item in values]
    except ValidationError as problem:
        raise Problem(422, "invalid-event", problem_text(problem)) from None
