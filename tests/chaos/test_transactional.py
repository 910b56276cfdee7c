"""Events of transactional producers: those committed are processed once, those aborted never."""

import json
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from devstack.stack import EmbeddedStack
from tests.chaos.conftest import PLAIN
from tests.chaos.load import count, reach
from tests.conftest import broker_kind
from tests.world import World, a_world

pytestmark = pytest.mark.skipif(
    broker_kind() != "kafka",
    reason="transactions need Apache Kafka: SLUICEGATE_TEST_BROKER=kafka",
)
HEADERS = {"ce_specversion": "1.0", "ce_source": "/load", "ce_type": "plain.asked"}
TRANSACTIONS, EACH = 50, 10
ASKED = """
name: asked
trigger: { event: asked.of }
steps:
  - id: who
    approval: { title: Please, anyone: true, expires_in: 2s }
"""


def a_producer(world: World) -> Producer:
    """Return a producer that has begun no transaction yet."""
    producer = Producer(
        {
            "bootstrap.servers": world.env["KAFKA_BOOTSTRAP_SERVERS"],
            "transactional.id": world.name,
            "log_level": 0,
        }
    )
    producer.init_transactions(30)
    return producer


def produce(world: World, abort_every: int) -> int:
    """Produce events in transactions; return how many were committed."""
    producer = a_producer(world)
    committed = 0
    for number in range(1, TRANSACTIONS + 1):
        producer.begin_transaction()
        for n in range(EACH):
            id = f"{number}.{n}"
            headers: Any = list({**HEADERS, "ce_id": id}.items())
            producer.produce(world.events_topic, json.dumps({"n": id}), id, headers=headers)
        if abort_every and number % abort_every == 0:
            producer.flush(10)
            producer.abort_transaction(30)
        else:
            producer.commit_transaction(30)
            committed += EACH
    return committed


# F24
def test_the_marks_of_transactions_are_no_loss(stack: EmbeddedStack, tmp_path: Path) -> None:
    with a_world(stack, tmp_path, {"plain.yaml": PLAIN}) as world:
        world.start_worker()
        reach(world, produce(world, 0), "records")
        assert count(world, "records", "version <> 1") == 0
        assert world.workers[0].poll() is None


# S8
def test_events_that_were_aborted_start_nothing(stack: EmbeddedStack, tmp_path: Path) -> None:
    with a_world(stack, tmp_path, {"plain.yaml": PLAIN}) as world:
        committed = produce(world, 10)
        world.start_worker()
        world.until("select 1 where (select count(*) from records) >= %s", committed)
        world.publish("plain.asked", {"n": "last"})
        world.until("select 1 from records where entity_id = 'last'")
        assert count(world, "records") == committed + 1


# S101 F24
def test_requests_expire_in_time_though_the_decisions_end_in_a_mark(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    with a_world(stack, tmp_path, {"asked.yaml": ASKED}) as world:
        world.start_worker()
        decided = {"execution_id": "exec_nobody", "outcome": "approved", "decided_by": "ana"}
        producer = a_producer(world)
        producer.begin_transaction()
        for number in range(30):
            producer.produce(world.topic("decisions"), json.dumps(decided), f"{number}")
        producer.commit_transaction(30)
        id = world.publish("asked.of", {})
        world.until("select 1 from workflow_executions where trigger_event = 'asked.of'")
        world.until("select 1 from approval_requests where status = 'expired'")
        assert world.started_by(id)
