"""Records that cannot be read or placed go to the dead letters; their neighbours do not notice."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from devstack.stack import EmbeddedStack
from tests.conftest import broker_kind
from tests.world import World, a_world

BROKEN = {
    "not_json": (b"{not json", "invalid_json"),
    "empty": (b"", "invalid_json"),
    "tombstone": (None, "tombstone"),
    "a_list": (b"[1, 2]", "payload_not_an_object"),
    "null": (b"null", "payload_not_an_object"),
    "invalid_utf8": (b'{"a": "\xff\xfe"}', "invalid_json"),
    "byte_order_mark": (b'\xef\xbb\xbf{"a": 1}', "byte_order_mark"),
    "nul": (b'{"a": "x\\u0000y"}', "nul_character"),
    "nul_key": (b'{"a\\u0000": 1}', "nul_character"),
    "surrogate": (b'{"a": "\\ud800"}', "invalid_json"),
    "integer": (b'{"a": 9007199254740993}', "integer_too_large"),
    "long_integer": (b'{"a": 123456789012345678901234567890}', "integer_too_large"),
    "dunder": (b'{"__proto__": {"x": 1}}', "forbidden_key"),
    "too_deep": (b'{"a":' * 40 + b"1" + b"}" * 40, "too_deep"),
    "very_deep": (b'{"a":' * 5000 + b"1" + b"}" * 5000, "invalid_json"),
    "not_finite": (b'{"a": NaN}', "invalid_json"),
    "avro": (b"\x00\x00\x00\x00\x01abc", "invalid_json"),
    "gzip": (b"\x1f\x8b\x08\x00\x00", "invalid_json"),
    "too_large": (b'{"a": "' + b"x" * 300_000 + b'"}', "too_large"),
}


# S8
@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_event_becomes_a_dead_letter_with_its_bytes(world: World, case: str) -> None:
    value, error_type = BROKEN[case]
    mark = uuid4().hex
    world.produce(
        world.events_topic, value, key=mark, headers={"ce_type": "gate.asked", "x-mark": mark}
    )
    topic = world.topic("dead-letters")
    letter = world.wait_for(lambda r: r.topic == topic and r.key == mark, "the dead letter")
    assert letter.raw == value
    assert letter.headers["x-mark"] == mark.encode()
    assert letter.headers["dlq-error-type"].decode() == error_type
    assert letter.headers["dlq-original-topic"].decode() == world.events_topic
    rows = world.query(
        "select value, error_type from dead_letters where record_key = %s", mark.encode()
    )
    assert rows == [{"value": value, "error_type": error_type}]


def test_the_neighbours_of_a_broken_record_are_processed(world: World) -> None:
    before, after = uuid4().hex, uuid4().hex
    for value in (
        json.dumps({"type": "thing.one", "id": before}),
        "broken",
        json.dumps({"type": "thing.two", "id": after}),
    ):
        world.produce(world.events_topic, value, partition=0)
    for id in (before, after):
        world.until("select 1 as x from records where entity_type = 'thing' and entity_id = %s", id)


def test_an_event_against_the_input_schema_starts_nothing_and_says_why(world: World) -> None:
    event = world.publish("order.created", {"order_id": "x", "total": "many"})
    letter = world.wait_for(
        lambda r: r.headers.get("ce_id") == event.encode() and "dlq-error-type" in r.headers,
        "the dead letter",
    )
    assert letter.headers["dlq-error-type"] == b"invalid_input"
    assert b"order-approval" in letter.headers["dlq-error-message"]
    assert world.started_by(event) == []


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ('{"outcome": "approved", "decision_id": "known", "request_id": "w_1"}', "decided_by"),
        ('{"decided_by": "a", "outcome": "approved"}', "execution_id"),
        ('{"execution_id": 1, "decided_by": "a", "outcome": "approved"}', "execution_id"),
        ("nonsense", "JSON"),
        ('{"kind": "comment", "request_id": "w_1", "text": "x"}', "decided_by"),
    ],
)
def test_a_malformed_decision_is_answered_and_kept(world: World, value: str, part: str) -> None:
    mark = f"exec_{uuid4().hex}"
    world.produce(world.topic("decisions"), value, key=mark)
    topic = world.topic("receipts")
    receipt = world.wait_for(lambda r: r.topic == topic and r.key == mark, "the receipt").value
    assert (receipt["result"], receipt["code"]) == ("refused", "malformed")
    assert part.lower() in receipt["message"].lower() or "json" in receipt["message"].lower()
    if "known" in value:
        assert (receipt["decision_id"], receipt["request_id"]) == ("known", "w_1")
    dead = world.topic("dead-letters")
    letter = world.wait_for(lambda r: r.topic == dead and r.key == mark, "the dead letter")
    assert letter.raw == value.encode()
    assert letter.headers["dlq-execution-id"] == mark.encode()


def test_a_type_longer_than_any_column_is_a_dead_letter(world: World) -> None:
    event = world.publish("x" * 300, {"a": 1})
    letter = world.wait_for(
        lambda r: r.headers.get("ce_id") == event.encode() and "dlq-error-type" in r.headers,
        "the dead letter",
    )
    assert letter.headers["dlq-error-type"] == b"invalid_type"


ODD_PRODUCER = """
import asyncio, sys
from aiokafka import AIOKafkaProducer

class Odd(str):
    def encode(self, *_):
        return b"\\xff\\xfe"

async def main(address, topic, *values):
    async with AIOKafkaProducer(bootstrap_servers=address) as producer:
        batch = producer.create_batch()
        for value in values:
            batch.append(
                timestamp=None, key=None, value=value.encode(), headers=[(Odd("odd"), b"1")]
            )
        batch.close()
        await (await producer.send_batch(batch, topic, partition=0))

asyncio.run(main(*sys.argv[1:]))
"""
"""Writes header names that are no UTF-8, which clients in other languages can."""


def test_records_whose_header_names_are_no_utf8_are_read_like_others(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    # A topic that confluent's client does not watch here: such names make it crash.
    plain, odd = f"plain-{uuid4().hex}", f"odd-{uuid4().hex}"
    marks = [uuid4().hex, uuid4().hex]
    values = [json.dumps({"type": "thing.one", "mark": mark}) for mark in marks]
    with a_world(stack, tmp_path, {}, SLUICEGATE_EVENT_TOPICS=f"{plain},{odd}") as world:
        world.start_worker()
        world.produce(odd, b'{"type": "thing.before"}', partition=0)
        address = world.env["KAFKA_BOOTSTRAP_SERVERS"]
        subprocess.run(
            [sys.executable, "-c", ODD_PRODUCER, address, odd, *values],
            env={**world.env, "AIOKAFKA_NO_EXTENSIONS": "1"},
            check=True,
        )
        world.produce(odd, b'{"type": "thing.after"}', partition=0)
        world.until("select 1 as x from events where type = 'thing.after'")
        for mark in marks:
            world.until("select 1 as x from events where payload->>'mark' = %s", mark)


async def produce_with_odd_header(world: World, key: str) -> None:
    """Produce what confluent's client cannot: a header name with a NUL inside."""
    producer = AIOKafkaProducer(bootstrap_servers=world.env["KAFKA_BOOTSTRAP_SERVERS"])
    await producer.start()
    try:
        await producer.send_and_wait(
            world.events_topic, b"{broken", key.encode(), 0, headers=[("a\x00b", b"1")]
        )
    finally:
        await producer.stop()


def test_a_header_whose_name_the_database_cannot_store_delays_nobody(world: World) -> None:
    mark, after = uuid4().hex, uuid4().hex
    asyncio.run(produce_with_odd_header(world, mark))
    headers: dict[str, str | bytes] = {"event-id": after}
    world.produce(world.events_topic, b'{"type": "thing.two"}', headers=headers, partition=0)
    world.started_by(after)
    rows = world.query("select headers from dead_letters where record_key = %s", mark.encode())
    assert rows == [{"headers": [["a\u2400b", "MQ=="]]}]


# F17
def test_of_a_value_of_many_megabytes_the_head_is_kept_and_a_replay_says_so(world: World) -> None:
    mark = uuid4().hex
    value = b'{"type": "thing.one", "a": "' + b"x" * 950_000 + b'"}'
    world.produce(world.events_topic, value, key=mark)
    topic = world.topic("dead-letters")
    letter = world.wait_for(lambda r: r.topic == topic and r.key == mark, "the dead letter")
    assert letter.raw == value[:65536]
    assert letter.headers["dlq-value-bytes"] == str(len(value)).encode()
    rows = world.query("select id from dead_letters where record_key = %s", mark.encode())
    refused = world.command("dead-letters", "replay", str(rows[0]["id"]))
    assert refused.returncode == 1
    assert f"{len(value)} bytes" in refused.stderr


# F20
def test_a_message_that_kafka_refuses_is_a_dead_letter_and_the_next_goes_out(world: World) -> None:
    mark = uuid4().hex
    world.publish("speech.asked", {"mark": mark, "word": "x" * 120_000})
    letters = world.until(
        "select topic, error_message from dead_letters where error_type = 'unpublishable' "
        "and convert_from(value, 'UTF8') like %s",
        f"%{mark}%",
    )
    assert letters == [{"topic": world.events_topic, "error_message": letters[0]["error_message"]}]
    assert "large" in letters[0]["error_message"]
    event = world.publish("speech.asked", {"mark": mark, "word": "short"})
    started = world.started_by(event)
    world.life_cycle(started[0], "execution.completed")


# F20 F21
@pytest.mark.skipif(
    broker_kind() != "kafka", reason="the embedded broker makes the topics that are written to"
)
def test_a_message_to_a_topic_that_does_not_exist_delays_only_itself(world: World) -> None:
    mark = uuid4().hex
    world.publish("elsewhere.asked", {"mark": mark})
    event = world.publish("speech.asked", {"mark": mark, "word": "short"})
    started = world.started_by(event)
    world.life_cycle(started[0], "execution.completed")
    letters = world.until(
        "select error_type, value from dead_letters where topic = 'no-such-topic'"
    )
    assert [letter["error_type"] for letter in letters] == ["unpublishable"]
    assert json.loads(letters[0]["value"]) == {"mark": mark}
