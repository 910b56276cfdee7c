"""The AsyncAPI document of all topics and messages, made from the models that read them."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from streams.described import HEADERS, MODELS, OPTIONAL, Json, Message, messages
from streams.topics import OWN, Topic

BINDING = "0.5.0"
REF = "#/components/schemas/{model}"


@dataclass(frozen=True, slots=True)
class Operation:
    """What the engine does with the messages of a channel, and where it answers."""

    name: str
    action: str
    channel: str
    summary: str
    reply: str | None = None


OPERATIONS = (
    Operation("receiveEvents", "receive", "events", "Events start executions and end waits."),
    Operation("sendEvents", "send", "events", "Workflows emit events of their own."),
    Operation(
        "receiveDecisions", "receive", "decisions", "People's answers to requests.", "receipts"
    ),
    Operation("receiveCommands", "receive", "commands", "Operators' requests.", "receipts"),
    Operation("sendWaiting", "send", "waiting", "Announces what executions wait for."),
    Operation("sendReceipts", "send", "receipts", "Answers every decision and command once."),
    Operation("sendExecutions", "send", "executions", "Tells the life cycle of executions."),
    Operation("sendDeadLetters", "send", "dead-letters", "Keeps what cannot be read or placed."),
)


def document(prefix: str, event_topics: Sequence[str]) -> Json:
    """Return the document of a deployment."""
    known = messages()
    channels = _channels(prefix, event_topics, known)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Sluicegate",
            "version": version("sluicegate"),
            "description": "An event-driven workflow engine that lives on Kafka: events start "
            "executions, executions wait for people, events or time, decisions resume them.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": {
                "host": "{bootstrap}",
                "protocol": "kafka",
                "variables": {
                    "bootstrap": {
                        "default": "localhost:9092",
                        "description": "KAFKA_BOOTSTRAP_SERVERS",
                    }
                },
            }
        },
        "channels": channels,
        "operations": {each.name: _operation(each, known) for each in _operations(channels)},
        "components": {
            "messages": {each.name: _message(each) for each in known},
            "schemas": _schemas(),
        },
    }


def text_of(found: Json) -> str:
    """Return a document as it stands in a file."""
    return json.dumps(found, ensure_ascii=False, indent=2) + "\n"


def _channels(prefix: str, event_topics: Sequence[str], known: Iterable[Message]) -> Json:
    # The first event topic is the one to which API and workflows publish.
    first, *others = event_topics
    named = {
        "events": first,
        **{f"events{number}": name for number, name in enumerate(others, 2)},
    }
    events = {id: _event_channel(name, known) for id, name in named.items()}
    return {**events, **{topic.name: _own_channel(topic, prefix, known) for topic in OWN}}


def _event_channel(name: str, known: Iterable[Message]) -> Json:
    pattern = name.startswith("~")
    also = f" Every topic whose name matches {name[1:]}." if pattern else ""
    return {
        "address": None if pattern else name,
        "title": "Domain events",
        "description": f"Yours: key, partitions and retention are as you make them.{also}",
        "messages": _refs("#/components/messages", "events", known),
    }


def _own_channel(topic: Topic, prefix: str, known: Iterable[Message]) -> Json:
    config = topic.config()
    kafka = {
        "topic": f"{prefix}{topic.name}",
        "partitions": topic.partitions,
        "replicas": 3,
        "topicConfiguration": {
            "cleanup.policy": config["cleanup.policy"].split(","),
            "retention.ms": int(config["retention.ms"]),
            "max.message.bytes": int(config["max.message.bytes"]),
        },
        "bindingVersion": BINDING,
    }
    return {
        "address": f"{prefix}{topic.name}",
        "title": f"{topic.purpose[0].upper()}{topic.purpose[1:]}",
        "description": f"Key: {topic.key}.",
        "messages": _refs("#/components/messages", topic.name, known),
        "bindings": {"kafka": kafka},
    }


def _refs(place: str, channel: str, known: Iterable[Message]) -> Json:
    return {m.name: {"$ref": f"{place}/{m.name}"} for m in known if m.channel == channel}


def _operations(channels: Iterable[str]) -> Iterator[Operation]:
    """Yield what is done; from further event topics is only read."""
    yield from OPERATIONS
    receive = OPERATIONS[0]
    for channel in channels:
        if channel.startswith("events") and channel != receive.channel:
            name = channel.replace("events", receive.name)
            yield replace(receive, name=name, channel=channel)


def _operation(operation: Operation, known: Sequence[Message]) -> Json:
    place = f"#/channels/{operation.channel}"
    kind = "events" if operation.channel.startswith("events") else operation.channel
    names = _refs(f"{place}/messages", kind, known)
    emitted = operation.name == "sendEvents"
    found: Json = {
        "action": operation.action,
        "channel": {"$ref": place},
        "summary": operation.summary,
        "messages": [ref for name, ref in names.items() if not emitted or name == "DomainEvent"],
    }
    if operation.reply is not None:
        answer = "CommandReceipt" if operation.channel == "commands" else "Receipt"
        place = f"#/channels/{operation.reply}"
        found["reply"] = {
            "channel": {"$ref": place},
            "messages": [{"$ref": f"{place}/messages/{answer}"}],
        }
    return found


def _message(message: Message) -> Json:
    payload: Json = {} if message.payload is None else {"payload": _payload(message.payload)}
    examples = [
        {"name": f"example{number}", "payload": example}
        for number, example in enumerate(message.examples, 1)
    ]
    return {
        "name": message.name,
        "title": message.title,
        "summary": message.summary,
        "contentType": message.content_type,
        "headers": _headers(message),
        **payload,
        **({"examples": examples} if examples else {}),
        "bindings": {
            "kafka": {
                "key": {"type": "string", "description": message.key},
                "bindingVersion": BINDING,
            }
        },
    }


def _payload(payload: type[BaseModel] | Json) -> Json:
    return payload if isinstance(payload, dict) else {"$ref": REF.format(model=payload.__name__)}


def _headers(message: Message) -> Json:
    described = {name: HEADERS[name] for name in (*message.headers, *message.optional_headers)}
    return {
        "type": "object",
        "properties": {
            name: {"type": "string", **_fixed(message.type if name == "ce_type" else ()), **about}
            for name, about in described.items()
        },
        "required": list(message.headers),
    }


def _fixed(types: Sequence[str]) -> Json:
    return {"enum": list(types)} if types else {}


def _schemas() -> Json:
    """Return the schemas of all models; what a reader fills in by itself is not required."""
    _, found = models_json_schema([(model, "validation") for model in MODELS], ref_template=REF)
    schemas: Mapping[str, Json] = found["$defs"]
    for model, names in OPTIONAL.items():
        schema = schemas[model.__name__]
        schema["required"] = [name for name in schema["required"] if name not in names]
    return dict(schemas)
