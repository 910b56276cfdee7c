"""approval_client.py [REQUEST OUTCOME PERSON]: decides, then lists who still waits for whom."""

import json
import os
import sys
from typing import Any
from uuid import uuid4

from confluent_kafka import Consumer, Producer, TopicPartition

BROKER = {"bootstrap.servers": os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092")}
PREFIX = os.environ.get("SLUICEGATE_TOPIC_PREFIX", "sluicegate.")


def read(topic: str, *, from_end: bool) -> Consumer:
    """Return a reader of all partitions of a topic; it belongs to no group."""
    consumer = Consumer({**BROKER, "group.id": "none", "enable.partition.eof": True})
    partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    places = [TopicPartition(topic, number) for number in partitions]
    for place in places:
        place.offset = consumer.get_watermark_offsets(place)[from_end]
    consumer.assign(places)
    return consumer


def inbox() -> dict[str, Any]:
    """Return the open approval requests: of each key the newest record counts."""
    consumer, latest = read(f"{PREFIX}waiting", from_end=False), {}
    ended: set[int | None] = set()
    while len(ended) < len(consumer.assignment()) and (message := consumer.poll(10)):
        if message.error():
            ended.add(message.partition())
        else:
            latest[message.key()] = json.loads(message.value() or b"null")
    found = {record["wait_id"]: record for record in latest.values() if record}
    return {id: r for id, r in found.items() if (r["kind"], r["status"]) == ("approval", "open")}


def decide(record: dict[str, Any], outcome: str, person: str, **more: Any) -> Any:
    """Send a decision about a request; return the receipt that answers it."""
    receipts, id = read(f"{PREFIX}receipts", from_end=True), uuid4().hex
    named = {"execution_id": record["execution_id"], "request_id": record["wait_id"]}
    decision = {"decision_id": id, **named, "outcome": outcome, "decided_by": person, **more}
    producer = Producer({**BROKER, "enable.idempotence": True})
    producer.produce(f"{PREFIX}decisions", json.dumps(decision), record["execution_id"])
    producer.flush(10)
    while message := receipts.poll(30):
        if not message.error() and id in (text := (message.value() or b"").decode()):
            return json.loads(text)
    raise TimeoutError(f"no receipt of {id}: is a worker running?")


if __name__ == "__main__":
    if sys.argv[1:]:
        request = inbox().get(sys.argv[1]) or sys.exit(f"no request {sys.argv[1]} is open")
        print(json.dumps(decide(request, *sys.argv[2:])))
    for id, each in inbox().items():
        print(id, each["title"], each["roles"] + each["users"], each["expires_at"])
