"""What the pages show without a browser: rows as the worker writes them, and the page's text."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import httpx2 as httpx
import psycopg

from engine.ids import ExecutionId, child_id, parse_execution_id, wait_row_id
from tests.integration.seeds import a_request, an_execution, answer
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


def pills(html: str) -> dict[str, str]:
    """Return the numbers of the pills above a list, by status."""
    counts = html[html.index('class="counts"') :]
    counts = counts[: counts.index("</p>")]
    return {name: number for number, name in re.findall(r">([\d,+]+) (\w+)</a>", counts)}


def set_key(world: World, execution: str, key: str, started_at: str = "2026-03-02T09:00Z") -> None:
    """Give an execution a key, and say when it started."""
    with psycopg.connect(world.database_url) as connection:
        connection.execute(
            "update workflow_executions set trigger_key = %s, started_at = %s where id = %s",
            (key, started_at, parse_execution_id(execution)),
        )


# S195
async def test_numbers_of_executions_are_those_of_the_search_and_their_links_keep_it(
    quiet: World, quiet_client: httpx.AsyncClient
) -> None:
    key = f"order {uuid4().hex}"
    for status in ("running", "completed", "completed", "failed"):
        set_key(quiet, an_execution(quiet, uuid4().hex, status), key)
    page = (await quiet_client.get(f"/executions?key={key}")).text
    assert pills(page) == {"running": "1", "completed": "2", "failed": "1"}
    since = "2026-03-02"
    for workflow, found in (("order-approval", "2"), ("nosuch", None)):
        path = f"/executions?workflow={workflow}&since={since}&until={since}&status=completed"
        page = (await quiet_client.get(path)).text
        assert pills(page).get("completed") == found
        assert ("No execution fits" in page) == (found is None)
    page = (await quiet_client.get(f"/executions?since={since}&until={since}")).text
    assert pills(page)["completed"] == "2"
    assert "status=failed&amp;workflow=" not in page
    assert f"since={since}&amp;until={since}" in page


async def test_a_status_that_does_not_exist_is_told_beside_its_field(
    quiet_client: httpx.AsyncClient,
) -> None:
    for path in ("/executions?status=bogus", "/dead-letters?status=bogus"):
        answer = await quiet_client.get(path)
        assert answer.status_code == 422
        assert 'id="status-error">There is no status bogus.' in answer.text


async def test_an_execution_is_found_by_what_the_list_shows_of_its_id(
    quiet: World, quiet_client: httpx.AsyncClient
) -> None:
    execution = an_execution(quiet, uuid4().hex)
    page = (await quiet_client.get("/executions")).text
    shown = re.search(rf'href="/executions/{execution}" class="mono">([^<]+)<', page)
    assert shown is not None
    answer = await quiet_client.get("/executions", params={"key": shown[1]})
    assert answer.headers["location"] == f"/executions/{execution}"


def addressed(world: World, request: str, user: str, **record: object) -> None:
    """Ask a user by name, with more in the waiting record."""
    row_id = wait_row_id(request)
    with psycopg.connect(world.database_url) as connection:
        connection.execute(
            "update approval_requests set users = array[%s] where id = %s", (user, row_id)
        )
        connection.execute(
            "update waits set record = record || %s where id = %s", (json.dumps(record), row_id)
        )


# S197
async def test_mine_leaves_out_what_the_reader_may_not_decide_and_the_title_counts_what_is_listed(
    quiet: World, quiet_client: httpx.AsyncClient
) -> None:
    reader = f"u-{uuid4().hex}"
    request = a_request(quiet, uuid4().hex)
    addressed(quiet, request, reader, requester=reader, allow_requester=True)
    for record in ({"exclude": [reader]}, {"requester": reader}):
        addressed(quiet, a_request(quiet, uuid4().hex), reader, **record)
    client = quiet_client
    page = (await client.get("/?mine=true", headers={"cookie": f"sluicegate_name={reader}"})).text
    assert re.findall(r'<tr id="(\w+)"', page) == [request]
    assert "<title>(1) Inbox" in page
    page = (await client.get("/?role=nobody-has-this")).text
    assert "<title>(0) Inbox" in page
    assert re.search(r"\d+ elsewhere", page)


async def test_who_reads_can_be_nobody_again(quiet_client: httpx.AsyncClient) -> None:
    page = (await quiet_client.get("/me", headers={"cookie": "sluicegate_name=ana"})).text
    assert "required" not in page
    form = {"name": "", "roles": ""}
    answer = await quiet_client.post("/me", data=form, headers={"cookie": "sluicegate_name=ana"})
    assert answer.status_code == 303
    assert any(
        cookie.startswith("sluicegate_name=;") or 'sluicegate_name=""' in cookie
        for cookie in answer.headers.get_list("set-cookie")
    )


async def retry(
    world: World, client: httpx.AsyncClient, failed: str, code: str | None, answered_as: str
) -> httpx.Response:
    """Press Retry with a step named, and play the worker that answers it."""
    path = f"/executions/{failed}/commands"
    form = {"kind": "retry", "by": "op", "step": "accept"}
    sending = asyncio.create_task(client.post(path, data=form))
    topic = world.topic("commands")
    sent = await asyncio.to_thread(
        world.wait_for, lambda r: r.topic == topic and r.key == failed, "the command"
    )
    answer(world, sent, code=code, message="no such step", execution=answered_as)
    return await sending


# S143
async def test_a_retry_of_what_has_failed_leads_to_the_execution_that_goes_on(
    quiet: World, quiet_client: httpx.AsyncClient
) -> None:
    failed, new = (an_execution(quiet, uuid4().hex, status) for status in ("failed", "running"))
    told = await retry(quiet, quiet_client, failed, None, new)
    assert told.status_code == 303
    assert told.headers["location"].startswith(f"/executions/{new}?sent=")


async def test_a_step_that_does_not_exist_is_told_beside_its_field(
    quiet: World, quiet_client: httpx.AsyncClient
) -> None:
    failed = an_execution(quiet, uuid4().hex, "failed")
    told = await retry(quiet, quiet_client, failed, "unknown_step", failed)
    assert "aria-invalid" in told.text[told.text.index('id="at-step"') :].partition(">")[0]
    assert 'id="at-step-error">There is no such step' in told.text
    assert 'value="accept"' in told.text


# S198
async def test_the_links_of_an_execution_mask_what_its_page_masks(
    quiet: World, quiet_client: httpx.AsyncClient
) -> None:
    execution = an_execution(quiet, uuid4().hex)
    payload = json.dumps({"user": "ana", "password": "hunter2"})
    with psycopg.connect(quiet.database_url) as connection:
        connection.execute(
            "update workflow_executions set trigger_payload = %s, context = %s where id = %s",
            (payload, payload, parse_execution_id(execution)),
        )
    page = (await quiet_client.get(f"/executions/{execution}")).text
    links = re.findall(r'href="(/[^"]*trace[^"]*)"', page)
    assert len(links) == 2
    for text in (page, *[(await quiet_client.get(link)).text for link in links]):
        assert "ana" in text
        assert "hunter2" not in text
