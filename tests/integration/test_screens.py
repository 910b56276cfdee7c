"""What the pages show without a browser: rows as the worker writes them, and the page's text."""

import json
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx2 as httpx
import psycopg

from engine.ids import ExecutionId, child_id, parse_execution_id
from tests.integration.seeds import an_execution
from tests.world import World

BEGAN = datetime(2026, 3, 2, 9, tzinfo=UTC)
STEP = """
insert into step_executions (
    id, execution_id, step_id, step_path, step_type, status, started_at, completed_at
)
values (
    %(id)s, %(execution_id)s, %(path)s::text, %(path)s::text, 'execute', %(status)s::text, %(at)s,
    case when %(status)s::text in ('completed', 'failed') then %(at)s end
)
"""


def add_steps(world: World, execution: str, steps: list[tuple[str, str]]) -> None:
    """Insert steps by path and status, each a second after the one before."""
    id = ExecutionId(str(parse_execution_id(execution)))
    rows = [
        {
            "id": child_id(id, "test", number),
            "execution_id": id,
            "path": path,
            "status": status,
            "at": BEGAN + timedelta(seconds=number),
        }
        for number, (path, status) in enumerate(steps)
    ]
    with psycopg.connect(world.database_url) as connection, connection.cursor() as cursor:
        cursor.executemany(STEP, rows)


def bars(html: str) -> list[str]:
    """Return the steps of a timeline."""
    return re.findall(r"#step\">([^<]+)</a>", html)


# S198
async def test_a_long_course_shows_where_it_stands_and_its_graph_knows_all_steps(
    quiet: World, quiet_client: httpx.AsyncClient
) -> None:
    execution = an_execution(quiet, uuid4().hex, "paused", "approval:w")
    loop = [(f"lines/{number}/check", "completed") for number in range(600)]
    loop[300] = ("lines/300/check", "failed")
    add_steps(
        quiet, execution, [("check", "completed"), *loop, ("needs_people/manager", "waiting")]
    )
    page = (await quiet_client.get(f"/executions/{execution}")).text
    shown = bars(page)
    assert shown[:2] == ["check", "lines/0/check"]
    assert shown[-2:] == ["lines/300/check", "needs_people/manager"]
    assert "Attempts 1 to 200 of 602" in page
    assert re.search(r"mark-waiting[^>]*data-path=\"needs_people/manager\"", page)
    later = (await quiet_client.get(f"/executions/{execution}?after=400")).text
    assert "lines/500/check" in bars(later)
    assert "lines/0/check" not in bars(later)
    assert "Attempts 401 to 600 of 602" in later
    assert "after=600" in later
    last = (await quiet_client.get(f"/executions/{execution}?after=600")).text
    assert bars(last) == ["lines/300/check", "lines/599/check", "needs_people/manager"]


async def test_parent_and_child_are_linked_and_the_parent_says_that_it_waits(
    quiet: World, quiet_client: httpx.AsyncClient
) -> None:
    parent = an_execution(quiet, uuid4().hex, "paused", "execution:child")
    id = ExecutionId(str(parse_execution_id(parent)))
    child = child_id(id, "pick", "child", "order-approval")
    started = {"parent": {"id": id, "step": "pick", "awaited": True}}
    with psycopg.connect(quiet.database_url) as connection:
        connection.execute(
            "insert into workflow_executions (id, workflow_id, workflow_name, workflow_version,"
            " trigger_event, trigger_payload, status, metadata)"
            " select %s, workflow_id, workflow_name, workflow_version, 'workflow:x', '{}',"
            " 'running', %s from workflow_executions where id = %s",
            (UUID(child), json.dumps({"event": started}), id),
        )
    named = f"exec_{child.replace('-', '')}"
    page = (await quiet_client.get(f"/executions/{parent}")).text
    assert (
        f'Waits at pick for the execution of order-approval: <a href="/executions/{named}"' in page
    )
    page = (await quiet_client.get(f"/executions/{named}")).text
    assert f'Started by the step pick of <a href="/executions/{parent}"' in page
