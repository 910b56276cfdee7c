"""The AsyncAPI document: valid by the official schema, whole, and true to what is read."""

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from streams.asyncapi import document
from streams.codecs import RawRecord, decode_answered, decode_command, decode_event
from streams.described import MODELS, Message, messages
from streams.published import KINDS_OF_CHANGE
from streams.topics import OWN

ROOT = Path(__file__).parents[3]
OFFICIAL = ROOT / "tests/corpus/asyncapi/3.0.0.json"
EVENTS = ("events",)
MESSAGES = {message.name: message for message in messages()}
WITH_EXAMPLES = [message for message in messages() if message.examples]


def refuse(uri: str) -> Any:
    raise AssertionError(f"{uri} would be fetched")


@pytest.mark.parametrize("events", [EVENTS, ("orders", "payments"), (r"~shop\..*", "orders")])
def test_it_is_valid_by_the_official_schema(events: tuple[str, ...]) -> None:
    official = jsonschema_rs.validator_for(json.loads(OFFICIAL.read_text()), retriever=refuse)
    problems = [
        (list(problem.instance_path), problem.message)
        for problem in official.iter_errors(document("sluicegate.", events))
    ]
    assert problems == []


def test_every_reference_leads_somewhere() -> None:
    found = document("sluicegate.", EVENTS)

    def references(value: object) -> list[str]:
        if isinstance(value, dict):
            here = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return here + [ref for inner in value.values() for ref in references(inner)]
        if isinstance(value, list):
            return [ref for inner in value for ref in references(inner)]
        return []

    named = references(found)
    assert named
    for reference in named:
        place: Any = found
        for part in reference.removeprefix("#/").split("/"):
            place = place[part]


def test_it_has_every_topic_with_its_configuration_and_every_message() -> None:
    found = document("mine.", EVENTS)
    addresses = {channel["address"] for channel in found["channels"].values()}
    assert addresses == {"events", *(f"mine.{topic.name}" for topic in OWN)}
    waiting = found["channels"]["waiting"]["bindings"]["kafka"]
    assert waiting["topicConfiguration"]["cleanup.policy"] == ["compact", "delete"]
    shown = {name for channel in found["channels"].values() for name in channel["messages"]}
    assert shown == set(MESSAGES) == set(found["components"]["messages"])
    assert {model.__name__ for model in MODELS} <= set(found["components"]["schemas"])
    decisions = found["operations"]["receiveDecisions"]
    assert decisions["reply"]["channel"] == {"$ref": "#/channels/receipts"}


@pytest.mark.parametrize("message", WITH_EXAMPLES, ids=lambda message: message.name)
def test_an_example_is_valid_by_its_schema(message: Message) -> None:
    found = document("sluicegate.", EVENTS)
    payload = found["components"]["messages"][message.name]["payload"]
    schema = {**payload, "components": found["components"]}
    for example in message.examples:
        jsonschema_rs.validate(schema, example)
        if isinstance(message.payload, type):
            message.payload.model_validate({"decision_id": "d", "command_id": "c", **AT, **example})  # type: ignore[dict-item]


AT = {"at": "2026-11-22T20:00:00Z"}
DECODERS = {
    "events": lambda record: decode_event(record, ("type", "event_type")),
    "decisions": decode_answered,
    "commands": decode_command,
}


@pytest.mark.parametrize(
    "message",
    [message for message in WITH_EXAMPLES if message.channel in DECODERS],
    ids=lambda message: message.name,
)
def test_what_is_shown_to_publishers_is_taken_by_the_reader(message: Message) -> None:
    headers = {"content-type": message.content_type}
    if "ce_type" in message.headers:
        headers |= {"ce_specversion": "1.0", "ce_id": "1", "ce_source": "/s", "ce_type": "a.b"}
    for example in message.examples:
        record = RawRecord(
            topic="t",
            partition=0,
            offset=7,
            timestamp_ms=1_774_000_000_000,
            key=None,
            value=json.dumps(example).encode(),
            headers=tuple((name, text.encode()) for name, text in headers.items()),
        )
        DECODERS[message.channel](record)


def test_every_kind_of_change_that_the_engine_announces_is_named() -> None:
    import re

    texts = [path.read_text() for path in (ROOT / "engine").rglob("*.py")]
    said = {kind for text in texts for kind in re.findall(r'announce\(\s*"([a-z.]+)"', text)}
    assert said <= set(KINDS_OF_CHANGE)
    assert "step.completed" in said
