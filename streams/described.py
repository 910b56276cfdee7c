"""Every message on Kafka in words: what it is for, its headers, its model, an example."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from streams.messages import Command, Decision
from streams.notes import Grant, Note
from streams.published import (
    EXECUTION,
    KINDS_OF_CHANGE,
    REQUEST,
    WAITING,
    ApprovalWaiting,
    ClosedWait,
    CommandReceipt,
    EventWaiting,
    LifeCycle,
    Receipt,
    TimerWaiting,
)

Json = dict[str, Any]
ORDER = {"order_id": "o-1003", "total": 4650, "currency": "EUR", "country": "DE"}
MODELS: tuple[type[BaseModel], ...] = (
    Decision,
    Note,
    Grant,
    Command,
    ApprovalWaiting,
    EventWaiting,
    TimerWaiting,
    ClosedWait,
    Receipt,
    CommandReceipt,
    LifeCycle,
)
OPTIONAL: Mapping[type[BaseModel], tuple[str, ...]] = {
    Decision: ("decision_id",),
    Note: ("decision_id",),
    Grant: ("decision_id",),
    Command: ("command_id", "at"),
}
"""What a record may leave out: then its place in the topic, and the broker's time."""
CLOUD = ("ce_specversion", "ce_id", "ce_source", "ce_type", "content-type")
TRACED = ("ce_time", "ce_correlationid", "ce_causationid", "traceparent", "tracestate")
HEADERS: Mapping[str, Json] = {
    "ce_specversion": {"const": "1.0"},
    "ce_id": {"description": "With ce_source the id of the event: the same is taken once."},
    "ce_source": {"description": "Who says it."},
    "ce_type": {"description": "What happened."},
    "ce_subject": {"description": "What it is about."},
    "ce_time": {"description": "When, as RFC 3339."},
    "ce_correlationid": {"description": "The execution that it is about or comes from."},
    "ce_causationid": {"description": "The id of the message that caused it."},
    "ce_hops": {"description": "How many executions it came through, against loops."},
    "event-id": {"description": "An id for an event that is no CloudEvent."},
    "content-type": {"description": "Media type of the value."},
    "traceparent": {"description": "W3C trace context."},
    "tracestate": {"description": "W3C trace context."},
    "dlq-original-topic": {"description": "Where the record came from."},
    "dlq-original-partition": {"description": "Likewise."},
    "dlq-original-offset": {"description": "Likewise."},
    "dlq-original-timestamp": {"description": "Milliseconds since 1970."},
    "dlq-consumer-group": {"description": "Whose workers gave it up."},
    "dlq-error-type": {"description": "Why, for programs."},
    "dlq-error-message": {"description": "Why, for people."},
    "dlq-attempts": {"description": "How often it was tried."},
    "dlq-failed-at": {"description": "When it was given up."},
    "dlq-execution-id": {"description": "The execution that it is about, if it is known."},
}


@dataclass(frozen=True, slots=True)
class Message:
    """One kind of message on one channel."""

    name: str
    channel: str
    title: str
    summary: str
    key: str
    payload: type[BaseModel] | Json | None
    headers: tuple[str, ...] = ("content-type",)
    optional_headers: tuple[str, ...] = ()
    type: tuple[str, ...] = ()
    content_type: str = "application/json"
    examples: tuple[object, ...] = ()


def messages() -> tuple[Message, ...]:
    """Return all messages, by channel."""
    return (*_events(), *_asked(), *_waiting(), *_told())


def _events() -> tuple[Message, ...]:
    key = "Yours; waits match by it where they name nothing else."
    payload: Json = {"type": "object", "description": "The data of the event."}
    return (
        Message(
            "DomainEvent",
            "events",
            "A domain event",
            "A CloudEvent in binary mode: the value is the data. The form in which we emit.",
            key,
            payload,
            CLOUD,
            ("ce_subject", "ce_hops", *TRACED),
            examples=(ORDER,),
        ),
        Message(
            "StructuredEvent",
            "events",
            "A domain event in an envelope",
            "A CloudEvent in structured mode.",
            key,
            {
                "type": "object",
                "properties": {
                    "specversion": {"const": "1.0"},
                    **{name: {"type": "string"} for name in ("id", "source", "type", "subject")},
                    "time": {"type": "string", "format": "date-time"},
                    "data": payload,
                },
                "required": ["specversion", "id", "source", "type"],
            },
            content_type="application/cloudevents+json",
            examples=(
                {
                    "specversion": "1.0",
                    "id": "order-1003-created",
                    "source": "/shop",
                    "type": "order.created",
                    "data": ORDER,
                },
            ),
        ),
        Message(
            "PlainEvent",
            "events",
            "A domain event as plain JSON",
            "Its type is the first of SLUICEGATE_EVENT_TYPE_FIELD that is there, else the topic.",
            key,
            payload,
            (),
            ("event-id", "content-type"),
            examples=({"type": "order.created", **ORDER},),
        ),
    )


def _asked() -> tuple[Message, ...]:
    key = "The execution id; a record with another key is applied as well."
    decision = {"decision_id": "0192f3d1", "execution_id": EXECUTION, "request_id": REQUEST}
    by = {"decided_by": "ana@example.com"}
    command = {"command_id": "0192f3d2", "kind": "cancel", "execution_id": EXECUTION}
    return (
        Message(
            "Decision",
            "decisions",
            "A decision",
            "Answers an approval request; `approve`, `reject` and `approved: true` are taken too.",
            key,
            Decision,
            (),
            ("content-type", "event-id"),
            examples=({**decision, "outcome": "approved", **by, "form": {"discount_pct": 5}},),
        ),
        Message(
            "Note",
            "decisions",
            "A comment, claim or reassignment",
            "Says something about an approval request without deciding it.",
            key,
            Note,
            (),
            ("content-type", "event-id"),
            examples=({**decision, "kind": "comment", **by, "reason": "Asked the customer."},),
        ),
        Message(
            "Grant",
            "decisions",
            "A delegation",
            "Lets others decide on behalf of who sends it, for a period.",
            "Who grants it.",
            Grant,
            (),
            ("content-type", "event-id"),
            examples=({"kind": "delegate", **by, "to": ["bo@example.com"]},),
        ),
        Message(
            "Command",
            "commands",
            "A command",
            "Asks something of an execution, or starts one.",
            "The execution id; of a start the trigger key, or the command id.",
            Command,
            (),
            ("content-type", "event-id"),
            examples=(
                {**command, "data": {"compensate": False}, "by": "ops@example.com"},
                {"kind": "start", "workflow": "order-approval", "data": ORDER, "by": "shop"},
            ),
        ),
    )


def _waiting() -> tuple[Message, ...]:
    opened, closed = ("sluicegate.wait.opened",), ("sluicegate.wait.closed",)
    about = {name: WAITING[name] for name in ("wait_id", "execution_id", "workflow", "version")}
    since = {name: WAITING[name] for name in ("status", "opened_at", "expires_at")}
    event = {"event": "stock.counted", "match": {"sku": "a-1"}}
    ended = {"outcome": "approved", "decided_by": "ana@example.com"}
    kinds: tuple[tuple[type[BaseModel], str, tuple[str, ...], Json], ...] = (
        (ApprovalWaiting, "An open approval request", opened, WAITING),
        (
            EventWaiting,
            "A wait for an event",
            opened,
            {**about, "step_path": "counted", "kind": "event", **since, **event},
        ),
        (
            TimerWaiting,
            "A wait for an instant",
            opened,
            {**about, "step_path": "rest", "kind": "timer", **since, "due_at": since["expires_at"]},
        ),
        (
            ClosedWait,
            "A closed wait",
            closed,
            {
                **about,
                "step_path": "needs_people/manager",
                "kind": "approval",
                "status": "closed",
                "title": WAITING["title"],
                **ended,
                "closed_at": "2026-11-22T20:03:11Z",
            },
        ),
    )
    return tuple(
        Message(
            model.__name__,
            "waiting",
            title,
            (model.__doc__ or "").strip().split("\n")[0],
            "The wait id.",
            model,
            CLOUD,
            TRACED,
            type,
            examples=(shown,),
        )
        for model, title, type, shown in kinds
    )


def _told() -> tuple[Message, ...]:
    kinds = tuple(f"sluicegate.{kind}" for kind in KINDS_OF_CHANGE)
    dlq = tuple(name for name in HEADERS if name.startswith("dlq-"))
    receipts = (
        (Receipt, "The answer to a decision"),
        (CommandReceipt, "The answer to a command"),
    )
    return (
        *(
            Message(
                model.__name__,
                "receipts",
                title,
                (model.__doc__ or "").strip(),
                "The execution id.",
                model,
                CLOUD,
                TRACED,
                ("sluicegate.receipt",),
                examples=_examples_of(model),
            )
            for model, title in receipts
        ),
        Message(
            "LifeCycle",
            "executions",
            "A change of an execution",
            "An execution or a step of it is not as it was.",
            "The execution id.",
            LifeCycle,
            CLOUD,
            TRACED,
            kinds,
            examples=_examples_of(LifeCycle),
        ),
        Message(
            "DeadLetter",
            "dead-letters",
            "A record that could not be read or placed",
            "Key, value and headers are those of the record; `dlq-` headers say why.",
            "That of the record.",
            None,
            dlq,
            content_type="application/octet-stream",
        ),
    )


def _examples_of(model: type[BaseModel]) -> tuple[object, ...]:
    extra: Any = model.model_config.get("json_schema_extra") or {}
    return tuple(extra.get("examples", ()))
