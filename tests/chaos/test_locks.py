"""Transactions that want the same rows in different orders, and many timers at once."""

import random
import statistics
import time
from uuid import uuid4

from tests.chaos.figures import figure, scaled
from tests.chaos.load import (
    Request,
    begin,
    count,
    queue_decision,
    queue_event,
    reach,
    register,
)
from tests.world import World

CROSSED = """
name: crossed
trigger: { event: crossed.asked }
steps:
  - id: spread
    parallel:
      branches:
        a: [{ id: a, approval: { title: "a ${n}", roles: [any] } }]
        b: [{ id: b, approval: { title: "b ${n}", roles: [any] } }]
        c: [{ id: c, approval: { title: "c ${n}", roles: [any] } }]
        d: [{ id: d, approval: { title: "d ${n}", roles: [any] } }]
  - id: counted
    execute: [{ update_record: { entity: crossed, id: "${n}", set: { n: "${n}" } } }]
"""
SLEEPING = """
name: sleeping
trigger: { event: sleeping.asked }
steps:
  - id: nap
    wait: { for: 1h }
  - id: woken
    execute: [{ update_record: { entity: sleeping, id: "${n}", set: { n: "${n}" } } }]
"""
ASKING = """
name: asking
trigger: { event: asking.asked }
steps:
  - id: ask
    approval: { title: "${n}", roles: [any] }
"""


# F25
def test_transactions_on_the_same_executions_in_any_order_lose_nothing(steady: World) -> None:
    register(steady, crossed=CROSSED)
    number, chance = scaled(5_000, 100), random.Random(25)
    for n in range(number):
        queue_event(steady, "crossed.asked", {"n": n}, id=uuid4().hex)
    steady.producer.flush(30)
    mine = "e.workflow_name = 'crossed'"
    requests = "approval_requests a join workflow_executions e on e.id = a.execution_id"
    reach(steady, 4 * number, requests, mine)
    rows = steady.query(f"select e.execution_id, a.request_id from {requests} where {mine}")
    chance.shuffle(rows)
    before = deadlocks(steady)
    for row in rows:
        # Any partition, so that several transactions want the same executions at once.
        request = Request(row["execution_id"], row["request_id"])
        queue_decision(steady, request, partition=chance.randrange(4))
    steady.producer.flush(30)
    reach(steady, number, "records", "entity_type = 'crossed'")
    assert count(steady, "records", "entity_type = 'crossed' and version <> 1") == 0
    found = deadlocks(steady) - before
    figure("F25", executions=number, decisions=4 * number, lost=0, deadlocks=found)


def deadlocks(world: World) -> int:
    """Return how many deadlocks the database has broken."""
    sql = "select deadlocks as n from pg_stat_database where datname = %s"
    return int(world.query(sql, world.name)[0]["n"])


# F22
def test_decisions_are_not_held_up_by_a_great_many_timers_that_are_due(steady: World) -> None:
    register(steady, sleeping=SLEEPING, asking=ASKING)
    number = scaled(100_000, 1_000)
    for n in range(number):
        queue_event(steady, "sleeping.asked", {"n": n}, id=uuid4().hex)
    steady.producer.flush(60)
    sleeping = "workflow_name = 'sleeping' and status = 'paused'"
    reach(steady, number, "workflow_executions", sleeping, seconds=300)
    requests = list(begin(steady, "asking", 200).values())
    # As after a downtime: all that should have happened meanwhile is due now.
    steady.query(
        "with due as (update timers t set due_at = clock_timestamp() from workflow_executions e"
        " where e.id = t.execution_id and e.workflow_name = 'sleeping' returning 1)"
        " select count(*) from due"
    )
    begun = time.monotonic()
    waited: list[float] = []
    while count(steady, "workflow_executions", sleeping) or len(waited) < 5:
        waited.append(decide_and_wait(steady, requests.pop()))
        if not requests:
            break
    reach(steady, number, "records", "entity_type = 'sleeping'", seconds=300)
    seconds = time.monotonic() - begun
    assert count(steady, "records", "entity_type = 'sleeping' and version <> 1") == 0
    waited.sort()
    assert waited[-1] < 30
    figure(
        "F22",
        timers_due_at_once=number,
        fired_twice=0,
        timers_per_second=round(number / seconds),
        decision_p50_ms=round(statistics.median(waited) * 1000),
        decision_p99_ms=round(waited[int(len(waited) * 0.99)] * 1000),
    )


def decide_and_wait(world: World, request: Request) -> float:
    """Approve a request; return the seconds until its execution has gone on."""
    begun = time.monotonic()
    queue_decision(world, request)
    world.until(
        "select 1 from workflow_executions where execution_id = %s and status = 'completed'",
        request.execution_id,
    )
    return time.monotonic() - begun
