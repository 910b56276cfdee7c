"""A steady load: events at a rate, each request decided a while after it was announced."""

import json
import threading
import time
from collections import deque
from http.server import BaseHTTPRequestHandler

from confluent_kafka import Consumer, TopicPartition

from bench.run import Bench
from bench.workload import a_decision, an_event

DEFINITION = """\
name: soak
trigger: {{ event: bench.asked }}
steps:
  - id: ask
    approval: {{ title: "Order ${{order_id}}", roles: [manager], expires_in: 1h }}
  - id: rest
    wait: {{ for: 2s }}
  - id: told
    execute:
      - webhook: {{ url: "http://127.0.0.1:{port}/", body: {{ order: "${{order_id}}" }} }}
      - update_record: {{ entity: soak, id: "${{order_id}}", set: {{ done: true }} }}
"""
DECIDE_AFTER = 5.0


class Sink(BaseHTTPRequestHandler):
    """Takes webhooks and answers nothing."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answer 204."""
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Load:
    """Publishes events, and answers the waiting records as an approval UI does."""

    def __init__(self, bench: Bench, rate: float) -> None:
        self._bench, self._rate = bench, rate
        self.published = self.decided = 0
        self._ends = self._consumer("ends")
        self._asked: deque[tuple[float, str, str]] = deque()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=run) for run in (self._publish, self._decide)]

    def start(self) -> None:
        """Begin."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End, and wait for what is on its way to the broker."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        self._bench.producer.flush(30)

    def _publish(self) -> None:
        begun = time.monotonic()
        while not self._over.wait(0.05):
            due = int((time.monotonic() - begun) * self._rate)
            for n in range(self.published, due):
                headers = {"ce_type": "bench.asked", "ce_source": "/soak", "ce_id": f"s{n}"}
                self._bench.producer.produce("events", an_event(n), f"k{n}", headers=dict(headers))
            self.published = max(due, self.published)
            self._bench.producer.poll(0)

    def end(self, topic: str) -> int:
        """Return how many records a topic has had: what is emitted lands beside what we publish."""
        known = self._ends.list_topics(topic, timeout=10).topics[topic].partitions
        parts = [TopicPartition(topic, number) for number in known]
        return sum(self._ends.get_watermark_offsets(part, timeout=10)[1] for part in parts)

    def _consumer(self, group: str) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self._bench.stack.addresses.kafka,
                "group.id": f"soak-{group}",
                "enable.auto.commit": False,
                "fetch.wait.max.ms": 100,
                "log_level": 0,
            }
        )

    def _decide(self) -> None:
        consumer = self._consumer("inbox")
        known = consumer.list_topics("sluicegate.waiting", timeout=10).topics["sluicegate.waiting"]
        consumer.assign([TopicPartition("sluicegate.waiting", n, 0) for n in known.partitions])
        while not self._over.is_set():
            for message in consumer.consume(500, 0.1):
                self._note(message.value())
            while self._asked and self._asked[0][0] <= time.monotonic():
                _, execution, request = self._asked.popleft()
                decision = a_decision(execution, request)
                self._bench.producer.produce("sluicegate.decisions", decision, execution)
                self.decided += 1
        consumer.close()

    def _note(self, value: bytes | None) -> None:
        record = json.loads(value or b"{}")
        if record.get("status") == "open" and record["kind"] == "approval":
            due = time.monotonic() + DECIDE_AFTER
            self._asked.append((due, record["execution_id"], record["wait_id"]))
