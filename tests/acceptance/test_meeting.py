"""Events that come before or with what waits for them, whatever becomes of the workers."""

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from devstack.stack import EmbeddedStack
from streams.meeting import MOST_ENDED
from tests.acceptance.following import ended
from tests.world import World, a_world

WAITING = """
name: waiting
trigger: { event: pair.opened }
steps:
  - id: other_half
    wait: { event: pair.closed, match: { id: "${id}" }, timeout: 1h }
"""
WATCHING = """
name: watching
trigger: { event: pair.opened, cancel_on: { event: pair.dropped, match: { id: "${id}" } } }
steps:
  - id: ask
    approval: { title: "${id}", roles: [any] }
"""


@pytest.fixture(scope="module")
def fragile(stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    files = {"waiting.yaml": WAITING, "watching.yaml": WATCHING}
    with a_world(stack, tmp_path_factory.mktemp("fragile"), files) as running:
        yield running


def publish_dated(
    world: World, type: str, id: str, partition: int, at: float, *, source: str = "/tests"
) -> str:
    """Publish an event with the broker's time of it; return its id."""
    event = f"{id}{type}"
    world.producer.produce(
        world.events_topic,
        json.dumps({"id": id}),
        partition=partition,
        headers={"ce_type": type, "ce_specversion": "1.0", "ce_id": event, "ce_source": source},
        timestamp=round(at * 1000),
    )
    world.producer.flush(10)
    return event


# S11 S47 S126
def test_events_that_a_crash_kept_apart_from_what_waits_for_them_meet_after_it(
    fragile: World,
) -> None:
    id, now = uuid4().hex, time.time()
    for type in ("pair.closed", "pair.dropped"):
        publish_dated(fragile, type, id, 1, now)
    fragile.start_worker()
    fragile.until("select 1 as x where (select count(*) from signals) = 2")
    fragile.stop_workers()
    # As seen by the broker it came first. The worker dies as soon as it is committed.
    opened = publish_dated(fragile, "pair.opened", id, 0, now - 1)
    dying = fragile.start_worker(FAILPOINT="batch.after_commit:1:exit")
    assert dying.wait(20) == 70
    fragile.workers.remove(dying)
    rows = fragile.query("select status from workflow_executions")
    assert [row["status"] for row in rows] == ["paused", "paused"]
    fragile.start_worker()
    names = {}
    for execution in fragile.started_by(opened):
        row = ended(fragile, execution)
        names[row["workflow_name"]] = row["status"]
    assert names == {"waiting": "completed", "watching": "cancelled"}


# S47 S126
def test_of_two_events_of_one_millisecond_the_one_before_the_trigger_counts_for_nothing(
    fragile: World,
) -> None:
    id, at = uuid4().hex, round(time.time() * 1000)

    def publish(type: str, when: str, timestamp: int) -> None:
        fragile.producer.produce(
            fragile.events_topic,
            json.dumps({"id": id, "when": when}),
            partition=0,
            headers={"ce_type": f"pair.{type}", "event-id": f"{id}-{type}-{when}"},
            timestamp=timestamp,
        )

    for type, when in (("closed", "before"), ("dropped", "before"), ("opened", "")):
        publish(type, when, at)
    for type in ("closed", "dropped"):
        publish(type, "after", at + 1)
    fragile.producer.flush(10)
    said = {}
    for execution in fragile.started_by(f"{id}-opened-"):
        row = ended(fragile, execution)
        said[row["workflow_name"]] = row["error_message"] or row["resume_data"]["event"]["when"]
    assert said == {"waiting": "after", "watching": f"pair.dropped {id}-dropped-after"}


LISTENING = """
name: listening
trigger: { event: late.opened }
steps:
  - id: other_half
    wait: { event: late.closed, match: { id: "${id}" }, timeout: 1h }
"""
ASKING = """
name: asking
trigger: { event: late.asked }
steps:
  - id: ask
    approval: { title: "${id}", roles: [any] }
"""
CROWD = """
name: crowd
trigger: { event: crowd.joined, cancel_on: { event: crowd.sent_home, match: { race: "${race}" } } }
steps:
  - id: gun
    wait: { event: crowd.started, match: { race: "${race}" }, timeout: 1h }
"""
SIZE = MOST_ENDED + 500


# S12 S47 S126
def test_events_with_the_same_id_from_several_sources_are_several_events(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    files = {"waiting.yaml": WAITING, "watching.yaml": WATCHING}
    with a_world(stack, tmp_path, files) as world:
        early, late = uuid4().hex, uuid4().hex

        def publish(type: str, id: str, source: str) -> None:
            headers = {"ce_type": type, "ce_specversion": "1.0", "ce_id": id, "ce_source": source}
            data = json.dumps({"id": id})
            world.produce(world.events_topic, data, headers=headers, partition=0)

        # In one batch they are kept before anything waits for them; afterwards they find it.
        publish("pair.opened", early, "/openings")
        publish("pair.closed", early, "/closings")
        publish("pair.dropped", early, "/droppings")
        world.start_worker()
        over = "select status from workflow_executions where trigger_payload->>'id' = %s"
        both = f"select 1 as x from ({over}) as e where status in ('completed', 'cancelled')"
        world.until(f"{both} having count(*) = 2", early)
        publish("pair.opened", late, "/openings")
        world.until(
            f"select 1 as x from ({over} and status = 'paused') e having count(*) = 2", late
        )
        publish("pair.closed", late, "/closings")
        publish("pair.dropped", late, "/droppings")
        world.until(f"{both} having count(*) = 2", late)
        rows = world.query("select workflow_name as name, status from workflow_executions")
        assert sorted((row["name"], row["status"]) for row in rows) == [
            ("waiting", "completed"),
            ("waiting", "completed"),
            ("watching", "cancelled"),
            ("watching", "cancelled"),
        ]


# S47
def test_an_event_that_commits_long_after_a_wait_opened_meets_it_however_busy_the_worker_is(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    files = {"listening.yaml": LISTENING, "asking.yaml": ASKING}
    with a_world(stack, tmp_path, files) as world:
        world.start_worker()
        now, id = time.time(), uuid4().hex
        publish_dated(world, "late.opened", id, 0, now - 2, source="/first")
        mine = "select id from workflow_executions where trigger_payload->>'id' = %s"
        row = world.until(f"{mine} and status = 'paused'", id)[0]
        with psycopg.connect(world.database_url) as lock:
            lock.execute("select 1 from workflow_executions where id = %s for update", (row["id"],))
            # It finds the first wait, and stands before its execution's row.
            publish_dated(world, "late.closed", id, 1, now)
            stuck = "select 1 as x from pg_stat_activity where datname = current_database()"
            world.until(f"{stuck} and wait_event_type = 'Lock'")
            # Its partition lags: it started before the event, and opens its wait after it.
            publish_dated(world, "late.opened", id, 2, now - 1, source="/second")
            world.until(f"{mine} and status = 'paused' offset 1", id)
            for n in range(15):
                asked = publish_dated(world, "late.asked", f"{id}{n}", 3, now)
                world.started_by(asked)
            lock.rollback()
        world.until(f"{mine} and status = 'completed' offset 1", id)


# S47 S126
@pytest.mark.parametrize(
    ("type", "status"), [("crowd.started", "completed"), ("crowd.sent_home", "cancelled")]
)
def test_an_event_for_a_great_many_ends_them_in_several_transactions_over_a_crash(
    stack: EmbeddedStack, tmp_path: Path, type: str, status: str
) -> None:
    with a_world(stack, tmp_path, {"crowd.yaml": CROWD}) as world:
        race = uuid4().hex
        for n in range(SIZE):
            world.producer.produce(
                world.events_topic,
                json.dumps({"race": race, "n": n}),
                partition=n % 4,
                headers={"ce_type": "crowd.joined", "event-id": f"{race}{n}"},
            )
        world.producer.flush(10)
        world.start_worker()
        sql = "select count(*)::int as n from workflow_executions where status = %s"
        world.until(f"select 1 as x from ({sql}) as c where n = {SIZE}", "paused")
        assert world.stop_workers(signal.SIGTERM) == [0]

        def publish(id: str) -> None:
            headers = {"ce_type": type, "event-id": id}
            data = json.dumps({"race": race, "which": id})
            world.produce(world.events_topic, data, headers=headers, partition=0)

        publish("first")
        # It dies as soon as the event is committed; what is left is left in the database.
        dying = world.start_worker(FAILPOINT="batch.after_commit:1:exit")
        assert dying.wait(20) == 70
        world.workers.remove(dying)
        assert world.query(sql, status) == [{"n": MOST_ENDED}]
        assert world.query(
            "select next_offset from positions where partition = 0 and topic = %s",
            world.events_topic,
        ) == [{"next_offset": (SIZE + 3) // 4 + 1}]
        # A second event does not overtake the first one at those that are left.
        publish("second")
        world.start_worker()
        world.until(f"select 1 as x from ({sql}) as c where n = {SIZE}", status)
        by = """
            select coalesce(context->'waits'->'gun'->'event'->>'which', error_message) as by,
                count(*)::int as n
            from workflow_executions
            group by 1
        """
        expected = "first" if status == "completed" else "crowd.sent_home first"
        assert world.query(by) == [{"by": expected, "n": SIZE}]
        swept = (
            "select 1 as x where not exists (select from chores where starts_with(name, 'rest '))"
        )
        world.until(swept)
