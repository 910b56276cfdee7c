"""Two things at once about one execution: exactly one of them wins, and nothing is lost."""

import json
import random
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from devstack.stack import EmbeddedStack
from tests.chaos.figures import figure, scaled
from tests.chaos.load import (
    PATIENCE_SECONDS,
    TIMESTAMP,
    Request,
    begin,
    count,
    expected_request,
    queue_command,
    queue_decision,
    queue_event,
    reach,
    settle,
)
from tests.world import World, a_world

DEFINITION = """
name: {name}
trigger: {{ event: {name}.asked }}
steps:
  - id: ask
    approval: {{ title: "${{n}}", roles: [any]{more} }}
  - id: counted
    execute: [{{ update_record: {{ entity: {name}, id: "${{n}}", set: {{ n: "${{n}}" }} }} }}]
"""
NAMES = {"early": "", "opposed": "", "called-off": "", "expiring": ", expires_in: 5s"}
EARLY = " and execution_id in (select id from workflow_executions where workflow_name = 'early')"
OPPOSED = (
    " and a.execution_id in (select id from workflow_executions where workflow_name = 'opposed')"
)
ROUND = scaled(500, 200)
"""How many requests expire at about the same time."""
MARGIN_SECONDS = 0.05
"""How far from its deadline a decision is sent at most."""


@pytest.fixture(scope="module")
def raced(stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Two workers that now and then stall between writing and committing."""
    folder = tmp_path_factory.mktemp("raced")
    texts = {f"{n}.yaml": DEFINITION.format(name=n, more=more) for n, more in NAMES.items()}
    with a_world(stack, folder, texts) as world:
        for _ in range(2):
            world.start_worker(FAILPOINT="batch.before_commit:0.2:sleep:0.03")
        yield world


def doubled(world: World, name: str) -> int:
    """Return how many executions did what comes after their pause more than once."""
    return count(world, "records", "entity_type = %s and version <> 1", name)


# F3
def test_a_decision_before_its_pause_commits_is_applied_once(raced: World) -> None:
    pairs, chance = scaled(10_000, 200), random.Random(3)
    for n in range(pairs):
        id = uuid4().hex
        request = expected_request("early", id, "ask", TIMESTAMP)
        first = chance.random() < 0.5
        if first:
            queue_decision(raced, request)
        queue_event(raced, "early.asked", {"n": n}, id=id, timestamp=TIMESTAMP)
        if not first:
            queue_decision(raced, request)
    raced.producer.flush(30)
    most_held = watch_held(raced, pairs)
    reach(raced, pairs, "records", "entity_type = 'early'")
    applied = count(raced, "decisions", "result = 'applied'" + EARLY)
    assert (applied, doubled(raced, "early")) == (pairs, 0)
    assert most_held > 0
    figure(
        "F3",
        pairs=pairs,
        held_at_once=most_held,
        orphans=pairs - applied,
        applied_twice=0,
    )


def watch_held(world: World, number: int) -> int:
    """Wait until so many early decisions are answered; return how many were held at most."""
    most, deadline = 0, time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        most = max(most, count(world, "decisions", "result is null"))
        if count(world, "decisions", "result is not null" + EARLY) == number:
            return most
        world.closing.wait(0.01)
    raise AssertionError(f"not all decisions were answered\n{world.worker_logs()}")


# F5
def test_of_two_opposite_decisions_the_first_read_wins_everywhere(raced: World) -> None:
    pairs, chance = scaled(10_000, 100), random.Random(5)
    requests = begin(raced, "opposed", pairs)
    other = Producer(
        {"bootstrap.servers": raced.env["KAFKA_BOOTSTRAP_SERVERS"], "linger.ms": 0, "log_level": 0}
    )
    sent: dict[str, str] = {}
    for request in requests.values():
        outcomes = ["approved", "rejected"]
        chance.shuffle(outcomes)
        first = queue_decision(raced, request, outcomes[0])
        second = {**first, "decision_id": uuid4().hex, "outcome": outcomes[1], "decided_by": "bo"}
        # Half of them under another key, so that another worker may read them.
        key = request.execution_id if chance.random() < 0.5 else uuid4().hex
        other.produce(raced.topic("decisions"), json.dumps(second), key)
        other.poll(0)
        sent |= {str(d["decision_id"]): str(d["outcome"]) for d in (first, second)}
    raced.producer.flush(30)
    other.flush(30)
    reach(raced, pairs, "approval_requests a", "status <> 'pending'" + OPPOSED)
    mine = "request_id in (select request_id from approval_requests a where true" + OPPOSED + ")"
    reach(raced, 2 * pairs, "decisions", f"result is not null and {mine}")
    settle(raced)
    rows = raced.query(
        "select a.request_id, a.outcome, w.outcome as closed, d.outcome as applied, d.decision_id"
        " from approval_requests a join waits w on w.wait_id = a.request_id"
        " join decisions d on d.request_id = a.request_id and d.result = 'applied' where true"
        + OPPOSED
    )
    assert len(rows) == pairs
    told = closings(raced, {row["request_id"] for row in rows})
    for row in rows:
        said = {row["outcome"], row["closed"], row["applied"], told[row["request_id"]]}
        assert said == {sent[row["decision_id"]]}
    refused = count(raced, "decisions", f"code = 'already_decided' and {mine}")
    assert refused == pairs
    figure("F5", pairs=pairs, winners_told_differently=0, losers_answered=refused)


def closings(world: World, waits: set[str]) -> dict[str, str]:
    """Return the outcome that the waiting topic tells of each wait."""
    found: dict[str, str] = {}
    topic = world.topic("waiting")

    def all_told(record: Any) -> bool:
        value = record.value
        if record.topic == topic and value and value["status"] == "closed":
            found[record.key] = value["outcome"]
        return waits <= found.keys()

    world.wait_for(all_told, "the closing of all waits")
    return found


# F7
def test_a_decision_that_is_appended_before_the_deadline_beats_the_expiry(raced: World) -> None:
    wanted, opened, decided = scaled(10_000, 200), 0, 0
    in_time: set[str] = set()
    while decided < wanted:
        opened += ROUND
        decided += race_with_expiry(raced, opened, in_time)
    done = "workflow_name = 'expiring' and completed_at is not null"
    reach(raced, opened, "workflow_executions", done)
    reach(
        raced, 1, "(select where not exists (select from decisions where result is null)) as all_"
    )
    [row] = raced.query(
        # A request that two rounds found open has two decisions.
        "select count(distinct a.id) filter (where a.status = 'approved') as approved,"
        " count(distinct a.id) filter (where a.status = 'expired') as expired,"
        " count(*) filter (where a.status = 'expired' and d.result = 'applied') as both,"
        " count(*) filter (where a.status = 'expired' and d.decision_id = any(%s)) as cut_off"
        " from approval_requests a join workflow_executions e on e.id = a.execution_id"
        " left join decisions d on d.request_id = a.request_id"
        " where e.workflow_name = 'expiring'",
        list(in_time),
    )
    assert row["approved"] + row["expired"] == opened
    assert min(row["approved"], row["expired"]) > 0
    assert (row["both"], row["cut_off"], doubled(raced, "expiring")) == (0, 0, 0)
    figure(
        "F7",
        pairs=decided,
        double=0,
        approved=row["approved"],
        expired=row["expired"],
        acknowledged_in_time=len(in_time),
        in_time_but_expired=row["cut_off"],
    )


def race_with_expiry(world: World, opened: int, in_time: set[str]) -> int:
    """Decide a round of requests around their deadlines; return how many were still open."""
    for _ in range(ROUND):
        queue_event(world, "expiring.asked", {"n": uuid4().hex}, id=uuid4().hex)
    world.producer.flush(30)
    waits = (
        "waits w join workflow_executions e on e.id = w.execution_id",
        "e.workflow_name = 'expiring'",
    )
    reach(world, opened, *waits)
    sql = "select e.execution_id, w.wait_id, w.due_at from {} where {} and w.status = 'open'"
    chance, rows = random.Random(opened), world.query(sql.format(*waits))
    planned = sorted(
        (row["due_at"] + timedelta(seconds=chance.uniform(-MARGIN_SECONDS, MARGIN_SECONDS)), n)
        for n, row in enumerate(rows)
    )
    for at, n in planned:
        row = rows[n]
        pause = (at - datetime.now(at.tzinfo)).total_seconds()
        world.closing.wait(max(pause, 0))
        send_in_time(world, Request(row["execution_id"], row["wait_id"]), row["due_at"], in_time)
    world.producer.flush(30)
    return len(rows)


def send_in_time(world: World, request: Request, due_at: datetime, in_time: set[str]) -> None:
    """Send a decision; note it once the broker has it, if that is before the deadline."""
    id = uuid4().hex

    def acknowledged(error: object, _message: object) -> None:
        if error is None and time.time() < due_at.timestamp():
            in_time.add(id)

    queue_decision(world, request, decision_id=id, on_delivery=acknowledged)


# F28
def test_an_execution_that_is_cancelled_does_no_step_more(raced: World) -> None:
    pairs, chance = scaled(5_000, 100), random.Random(28)
    for n, request in enumerate(begin(raced, "called-off", pairs).values()):
        first = n == 0 or chance.random() < 0.5
        if first:
            queue_decision(raced, request)
        if n == 0:
            # One decision at least has won, however fast commands are read.
            raced.producer.flush(10)
            reach(raced, 1, "records", "entity_type = 'called-off'")
        queue_command(raced, "cancel", request.execution_id)
        if not first:
            queue_decision(raced, request)
    raced.producer.flush(30)
    mine = "workflow_name = 'called-off'"
    reach(raced, pairs, "workflow_executions", f"{mine} and completed_at is not null")
    cancelled = count(raced, "workflow_executions", f"{mine} and status = 'cancelled'")
    later = raced.query(
        "select count(*) as n from step_executions s"
        " join workflow_executions e on e.id = s.execution_id"
        " where e.workflow_name = 'called-off' and e.status = 'cancelled'"
        " and (s.step_path = 'counted' or s.started_at > e.completed_at)"
    )[0]["n"]
    kept = count(raced, "records", "entity_type = 'called-off'")
    assert (later, kept, doubled(raced, "called-off")) == (0, pairs - cancelled, 0)
    assert 0 < cancelled < pairs
    figure("F28", pairs=pairs, cancelled=cancelled, approved=kept, steps_after_cancel=later)
