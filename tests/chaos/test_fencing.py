"""Workers that freeze, and workers whose clocks are wrong: the database decides, not they."""

import os
import signal
import time
from pathlib import Path
from uuid import uuid4

import pytest

from devstack.stack import EmbeddedStack
from tests.chaos.conftest import PLAIN
from tests.chaos.figures import figure, scaled
from tests.chaos.load import count, queue_event, reach, settle, stop_workers
from tests.world import a_world

IDLE_SECONDS = 10
"""After which the database ends a transaction that does nothing (storage.store)."""
WRITING = """
select 1 from pg_stat_activity
where datname = current_database() and state = 'idle in transaction'
    and application_name = 'sluicegate worker' and xact_start < clock_timestamp() - interval '0.1 s'
"""
TIMED = """
name: timed
trigger: { event: timed.asked }
steps:
  - id: ask
    approval: { title: "${n}", roles: [any], expires_in: 3s }
"""
LIBRARIES = ("/usr/lib/x86_64-linux-gnu/faketime", "/usr/lib/aarch64-linux-gnu/faketime")


# F8
@pytest.mark.parametrize("point", ["batch.before_commit", "batch.after_commit"])
def test_a_worker_that_froze_in_a_batch_is_fenced_and_commits_nothing_twice(
    stack: EmbeddedStack, tmp_path: Path, point: str
) -> None:
    events = scaled(2_000, 200)
    with a_world(stack, tmp_path, {"plain.yaml": PLAIN}) as world:
        frozen = world.start_worker(FAILPOINT=f"{point}:1:sleep:0.5")
        for n in range(events):
            queue_event(world, "plain.asked", {"n": n}, id=str(n))
        world.producer.flush(10)
        world.until(WRITING if point == "batch.before_commit" else "select 1 from records")
        frozen.send_signal(signal.SIGSTOP)
        begun = time.monotonic()
        world.start_worker()
        reach(world, events, "records", "entity_type = 'plain'")
        stalled = time.monotonic() - begun
        frozen.send_signal(signal.SIGCONT)
        more = uuid4().hex
        queue_event(world, "plain.asked", {"n": more}, id=more)
        world.producer.flush(10)
        reach(world, events + 1, "records", "entity_type = 'plain'")
        assert count(world, "records", "version <> 1") == 0
        assert count(world, "workflow_executions") == events + 1
        assert stalled < IDLE_SECONDS + 20
        settle(world)
    figure(
        "F8", frozen_workers=1, events=events, committed_twice=0, stall_seconds=round(stalled, 1)
    )


def faketime() -> str:
    """Return the library that lies about the time; skips where there is none, or unasked."""
    if os.environ.get("SLUICEGATE_TEST_CLOCKS") != "1":
        pytest.skip("libfaketime hangs some processes as they start: SLUICEGATE_TEST_CLOCKS=1")
    for folder in LIBRARIES:
        library = Path(folder) / "libfaketimeMT.so.1"
        if library.exists():
            return str(library)
    pytest.skip("no libfaketime: apt-get install faketime")


# F10
def test_expiries_are_on_time_when_the_clocks_of_workers_are_two_hours_ahead(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    library, number = faketime(), scaled(1_000, 30)
    with a_world(stack, tmp_path, {"timed.yaml": TIMED}) as world:
        world.start_worker(LD_PRELOAD=library, FAKETIME="+2h", FAKETIME_DONT_FAKE_MONOTONIC="1")
        for n in range(number):
            queue_event(world, "timed.asked", {"n": n}, id=uuid4().hex)
        world.producer.flush(10)
        reach(world, number, "workflow_executions", "error_code = 'expired'")
        # Where the clock lies librdkafka does not end: it waits until the time it was told.
        stop_workers(world, signal.SIGKILL)
        [late] = world.query(
            "select max(extract(epoch from closed_at - due_at))::float8 as latest,"
            " min(extract(epoch from closed_at - due_at))::float8 as earliest,"
            " max(abs(extract(epoch from closed_at - clock_timestamp())))::float8 as away"
            " from waits"
        )
    assert late["earliest"] >= 0
    assert late["latest"] < 20
    assert late["away"] < 600
    figure(
        "F10",
        expiries=number,
        clock_ahead_hours=2,
        earliest_seconds=round(late["earliest"], 2),
        latest_seconds=round(late["latest"], 2),
    )
