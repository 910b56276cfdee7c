"""Cron schedules on two workers: each slot once, overlaps, and slots that nobody was there for."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from devstack.stack import EmbeddedStack
from tests.acceptance.following import ended, obeyed, order, stands
from tests.world import World, a_world

EVERY_SECOND = "* * * * * *"
EVERY_MINUTE = "0 * * * * *"
OVERLAPS = ("skip", "buffer_one", "cancel_other")
CATCHING_UP = ("none", "last", "all")


def definition(name: str, schedule: str, steps: str) -> str:
    return f"name: {name}\ntrigger: {{ schedule: {{ {schedule} }} }}\nsteps:\n  - {steps}\n"


ALLOW = "{ id: done, allow: {} }"
HELD = '{ id: open, wait: { event: let.go, match: { slot: "${slot}", of: "${schedule}" } } }'


def definitions() -> dict[str, str]:
    found = {"ticking": definition("ticking", f'cron: "{EVERY_SECOND}"', ALLOW)}
    for overlap in OVERLAPS:
        name = overlap.replace("_", "-")
        found[name] = definition(name, f'cron: "{EVERY_SECOND}", overlap: {overlap}', HELD)
    for catch_up in CATCHING_UP:
        name = f"catch-{catch_up}"
        found[name] = definition(name, f'cron: "{EVERY_MINUTE}", catch_up: {catch_up}', ALLOW)
    return {f"{name}.yaml": text for name, text in found.items()}


@pytest.fixture(scope="module")
def clockwork(stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A deployment of schedules with two workers."""
    with a_world(stack, tmp_path_factory.mktemp("clockwork"), definitions()) as running:
        running.start_worker()
        running.start_worker()
        yield running


def slots(world: World, name: str, at_least: int) -> list[dict[str, Any]]:
    """Return the executions of a schedule by slot, once there are so many."""
    mine = "from workflow_executions where workflow_name = %s"
    world.until(f"select 1 as x where (select count(*) {mine}) >= %s", name, at_least)
    return world.query(
        "select execution_id, status, trigger_event, trigger_payload, started_at, completed_at, "
        f"(trigger_payload->>'slot')::timestamptz as slot {mine} order by slot",
        name,
    )


# S10
def test_two_workers_start_each_slot_once_and_in_time(clockwork: World) -> None:
    # The first ones were due before a worker was there.
    before = len(slots(clockwork, "ticking", 1))
    runs = slots(clockwork, "ticking", before + 2)
    seconds = [run["slot"] for run in runs]
    assert seconds == [seconds[0] + timedelta(seconds=n) for n in range(len(runs))]
    late = [run["started_at"] - run["slot"] for run in runs]
    assert timedelta() <= min(late)
    assert max(late[before:]) < timedelta(seconds=2)
    first = runs[0]
    assert first["trigger_event"] == "schedule:ticking"
    assert first["trigger_payload"]["schedule"] == "ticking"
    clockwork.life_cycle(first["execution_id"], "execution.completed")


def pass_slots(world: World, name: str, number: int = 2) -> None:
    """Wait until further slots of a schedule have been dealt with."""
    (row,) = world.until(
        "select last_slot from schedules where name = %s and last_slot > '-infinity'", name
    )
    until = row["last_slot"] + timedelta(seconds=number)
    world.until("select 1 as x from schedules where name = %s and last_slot >= %s", name, until)


def let_go(world: World, run: dict[str, Any], name: str) -> None:
    world.publish("let.go", {"slot": run["trigger_payload"]["slot"], "of": name})
    ended(world, run["execution_id"])


# S10
def test_a_slot_is_skipped_while_an_earlier_one_runs(clockwork: World) -> None:
    (first,) = slots(clockwork, "skip", 1)
    pass_slots(clockwork, "skip")
    assert len(slots(clockwork, "skip", 1)) == 1
    let_go(clockwork, first, "skip")
    second = slots(clockwork, "skip", 2)[1]
    assert second["slot"] > ended(clockwork, first["execution_id"])["completed_at"] - timedelta(
        seconds=1
    )


# S10
def test_one_slot_is_put_by_while_an_earlier_one_runs_and_starts_after_it(
    clockwork: World,
) -> None:
    (first,) = slots(clockwork, "buffer-one", 1)
    pass_slots(clockwork, "buffer-one")
    assert len(slots(clockwork, "buffer-one", 1)) == 1
    let_go(clockwork, first, "buffer-one")
    second = slots(clockwork, "buffer-one", 2)[1]
    # The next slot after the first one, not the one that is due now.
    assert second["slot"] == first["slot"] + timedelta(seconds=1)


# S10
def test_the_next_slot_may_cancel_the_one_that_runs(clockwork: World) -> None:
    slots(clockwork, "cancel-other", 3)
    clockwork.until(
        "select 1 as x where (select count(*) from workflow_executions "
        "where workflow_name = 'cancel-other' and status = 'cancelled') >= 2"
    )
    open_now = "workflow_name = 'cancel-other' and completed_at is null"
    running = clockwork.query(f"select 1 as x from workflow_executions where {open_now}")
    assert len(running) == 1


# S10
@pytest.mark.parametrize(("catch_up", "started"), [("none", 1), ("last", 1), ("all", 10)])
def test_slots_that_nobody_was_there_for_are_caught_up_as_asked(
    clockwork: World, catch_up: str, started: int
) -> None:
    name = f"catch-{catch_up}"
    # As after ten minutes in which no worker ran, in the middle of a minute.
    (row,) = clockwork.query(
        "update schedules set next_slot = null, last_slot = "
        "date_trunc('minute', now()) - interval '9 minutes 30 seconds' where name = %s "
        "returning date_trunc('minute', now()) as minute",
        name,
    )
    runs = slots(clockwork, name, started)
    minutes = [run["slot"] for run in runs if run["slot"] <= row["minute"]]
    assert minutes == [row["minute"] - timedelta(minutes=started - 1 - n) for n in range(started)]
    (schedule,) = clockwork.until(
        "select dropped from schedules where name = %s and last_slot >= %s", name, row["minute"]
    )
    assert schedule["dropped"] == 10 - started


# S10 S9
def test_a_scheduled_execution_is_commanded_like_any_other(clockwork: World) -> None:
    latest = slots(clockwork, "skip", 1)[-1]["execution_id"]
    stands(clockwork, latest, "paused")
    obeyed(clockwork, order(clockwork, "cancel", latest))
    assert ended(clockwork, latest)["status"] == "cancelled"
