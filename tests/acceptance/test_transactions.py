"""What commits together: rows that one transaction wrote carry its number."""

from uuid import uuid4

import psycopg
import pytest

from tests.world import World

ID = "select id from workflow_executions where execution_id = %s"


def verdict(world: World) -> tuple[str, dict[str, object]]:
    """Open a verdict; return its execution and its waiting record."""
    id = uuid4().hex
    world.publish("verdict.asked", {"id": id, "author": "eve@example.com"})
    waiting = world.waiting(title=f"Verdict on {id}")
    return str(waiting["execution_id"]), waiting


# S17
def test_the_context_is_written_with_the_first_checkpoint(world: World) -> None:
    execution_id, _ = verdict(world)
    [row] = world.query(
        "select e.context, e.xmin::text = s.xmin::text as together from workflow_executions e "
        "join step_executions s on s.execution_id = e.id where e.execution_id = %s "
        "order by s.started_at limit 1",
        execution_id,
    )
    assert row["together"]
    assert row["context"]["author"] == "eve@example.com"


# S206
def test_a_request_and_its_announcement_commit_with_the_pause(world: World) -> None:
    execution_id, waiting = verdict(world)
    [row] = world.query(
        "select e.xmin::text as e, w.xmin::text as w, a.xmin::text as a "
        "from workflow_executions e join waits w on w.execution_id = e.id "
        "join approval_requests a on a.id = w.id where e.execution_id = %s",
        execution_id,
    )
    assert row["e"] == row["w"] == row["a"]
    assert waiting["status"] == "open"


# S107
def test_the_pointer_to_the_next_step_moves_with_the_resume(world: World) -> None:
    execution_id, waiting = verdict(world)
    sql = "select status, next_step_id, xmin::text from workflow_executions where execution_id = %s"
    [before] = world.query(sql, execution_id)
    assert (before["status"], before["next_step_id"]) == ("paused", waiting["step_path"])
    world.receipt(world.decide(waiting, "accept", form={"note": "good"}))
    [after] = world.query(sql, execution_id)
    assert (after["status"], after["next_step_id"]) == ("completed", None)
    [step] = world.query(
        "select xmin::text from step_executions where execution_id = "
        "(select id from workflow_executions where execution_id = %s) and step_path = %s",
        execution_id,
        waiting["step_path"],
    )
    assert step["xmin"] == after["xmin"]


# S193
def test_an_execution_that_is_being_changed_is_locked_for_all_others(world: World) -> None:
    execution_id, waiting = verdict(world)
    with psycopg.connect(world.database_url) as holder:
        holder.execute(f"{ID} for update", (execution_id,))
        decision = world.decide(waiting, "accept", form={"note": "good"})
        with (
            psycopg.connect(world.database_url) as other,
            pytest.raises(psycopg.errors.LockNotAvailable),
        ):
            other.execute(f"{ID} for update nowait", (execution_id,))
        world.until(
            "select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = %s",
            world.name,
        )
        [row] = world.query(
            "select status from workflow_executions where execution_id = %s", execution_id
        )
        assert row["status"] == "paused"
        holder.commit()
    assert world.receipt(decision)["result"] == "applied"
