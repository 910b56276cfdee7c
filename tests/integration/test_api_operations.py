"""What operators ask by HTTP: schedules, lag, pictures, changes, and where answers are."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest

from api.changes import MOST_BEHIND, Batch, Feed
from streams.tail import Change
from tests.integration.conftest import a_serving_process
from tests.integration.test_api import an_order, ask
from tests.world import PATIENCE_SECONDS, World

API = "/api/v1"
NIGHTLY = """name: {name}
trigger:
  schedule: {{ cron: "30 2 * * *", timezone: Europe/Berlin }}
steps:
  - id: count
    allow: {{}}
"""


async def put_nightly(client: httpx.AsyncClient) -> str:
    """Register a workflow with a schedule; return its name."""
    name = f"nightly-{uuid4().hex[:8]}"
    put = await client.put(
        f"{API}/workflows/{name}",
        content=NIGHTLY.format(name=name),
        headers={"content-type": "application/yaml"},
    )
    assert put.status_code == 201, put.text
    return name


# S10 S205
async def test_a_schedule_tells_when_it_runs_next(client: httpx.AsyncClient) -> None:
    name = await put_nightly(client)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        listed = (await client.get(f"{API}/schedules", params={"workflow": name})).json()
        [found] = listed["items"]
        if found["next_slot"] is not None:
            break
        assert time.monotonic() < deadline, "no worker has looked at the schedule"
        await asyncio.sleep(0.05)
    assert (found["cron"], found["timezone"]) == ("30 2 * * *", "Europe/Berlin")
    assert found["next_slot"][14:16] == "30"
    assert found["last_execution_id"] is None


# S9 S205
async def test_a_schedule_started_by_hand_runs_now_and_once_per_key(
    client: httpx.AsyncClient,
) -> None:
    name = await put_nightly(client)
    path, key = f"{API}/schedules/{name}/trigger", {"Idempotency-Key": uuid4().hex}
    first = await client.post(path, params={"wait": 10, "by": "ops"}, headers=key)
    assert (first.status_code, first.json()["status"]) == (200, "completed"), first.text
    run = (await client.get(f"{API}/executions/{first.json()['execution_id']}")).json()
    assert run["trigger_payload"]["schedule"] == name
    assert run["trigger_event"] == "manual"
    again = await client.post(path, params={"wait": 10, "by": "ops"}, headers=key)
    assert again.json()["execution_id"] == first.json()["execution_id"]


# S205
async def test_the_lag_names_every_partition_that_is_read_and_who_reads(
    client: httpx.AsyncClient, shop: World
) -> None:
    await ask(client, shop)
    lag = (await client.get(f"{API}/lag")).json()
    topics = {item["topic"] for item in lag["items"]}
    assert {shop.events_topic, shop.topic("decisions"), shop.topic("commands")} <= topics
    assert lag["behind"] == sum(item["behind"] for item in lag["items"])


# S205
async def test_a_workflow_is_drawn_as_it_was_registered(client: httpx.AsyncClient) -> None:
    drawn = await client.get(f"{API}/workflows/order-approval/graph.svg")
    assert drawn.headers["content-type"] == "image/svg+xml"
    assert drawn.text.startswith("<svg")
    assert "manager" in drawn.text
    stored = await client.get(f"{API}/workflows/order-approval")
    assert drawn.headers["etag"] == stored.headers["etag"]
    wrong = await client.get(f"{API}/workflows/order-approval/graph.svg", params={"version": 999})
    assert wrong.status_code == 404


# S205
@pytest.mark.parametrize("path", ["workflows", "workflows/{name}/versions", "schedules"])
async def test_lists_by_name_come_in_pages_too(client: httpx.AsyncClient, path: str) -> None:
    name = await put_nightly(client)
    for cron in ("31", "32"):
        await client.put(
            f"{API}/workflows/{name}",
            content=NIGHTLY.format(name=name).replace('"30', f'"{cron}'),
            headers={"content-type": "application/yaml"},
        )
    await put_nightly(client)
    at = f"{API}/{path.format(name=name)}"
    whole = (await client.get(at, params={"limit": 200})).json()["items"]
    paged: list[Any] = []
    cursor: str | None = None
    while True:
        asked = {"limit": 1, **({"cursor": cursor} if cursor else {})}
        page = (await client.get(at, params=asked)).json()  # type: ignore[arg-type]
        assert len(page["items"]) == 1
        paged, cursor = [*paged, *page["items"]], page["next_cursor"]
        if cursor is None:
            break
    # By what stays: the schedules of other tests come due meanwhile.
    named = [[(one.get("name"), one["version"]) for one in items] for items in (paged, whole)]
    assert named[0] == named[1]
    assert len(whole) >= 2
    for odd in ("odd", "PQA", "PTk5OTk5OTk5OTk5"):
        wrong = await client.get(f"{API}/workflows/{name}/versions", params={"cursor": odd})
        assert (wrong.status_code, wrong.json()["type"]) == (422, "/problems/invalid-cursor")


# S204
async def test_what_was_sent_names_where_its_receipt_is_and_who_decided_reads_it_there(
    client: httpx.AsyncClient, shop: World
) -> None:
    request = (await ask(client, shop))["wait_id"]
    sent = await client.post(
        f"{API}/approvals/{request}/decision", json={"outcome": "approved", "decided_by": "ana"}
    )
    assert sent.status_code == 202
    place = sent.headers["location"]
    receipt = await client.get(place, params={"wait": 10})
    assert (receipt.status_code, receipt.json()["result"]) == (200, "applied")
    assert receipt.json()["decision_id"] == sent.json()["decision_id"]
    decided = (await client.get(f"{API}/approvals/{request}")).json()
    assert (decided["status"], decided["decided_by"]) == ("approved", "ana")
    assert decided["decisions"][0]["decision_id"] == sent.json()["decision_id"]
    open_ones = (await client.get(f"{API}/approvals", params={"limit": 200})).json()["items"]
    assert request not in [item["request_id"] for item in open_ones]


# S203
async def test_a_command_names_where_its_receipt_is(client: httpx.AsyncClient, shop: World) -> None:
    run = (await ask(client, shop))["execution_id"]
    sent = await client.post(f"{API}/executions/{run}/cancel", json={"by": "ops"})
    receipt = await client.get(sent.headers["location"], params={"wait": 10})
    assert (receipt.json()["kind"], receipt.json()["result"]) == ("cancel", "applied")


async def events_of(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Yield the name and the data of server-sent events."""
    name = ""
    async for line in lines:
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)


# S205
@pytest.mark.parametrize("kind", ["approval", "execution"])
async def test_the_stream_tells_which_approval_or_execution_has_changed(
    shop_url: str, shop: World, kind: str
) -> None:
    async with (
        httpx.AsyncClient(base_url=shop_url, timeout=PATIENCE_SECONDS) as client,
        client.stream("GET", f"{API}/stream", params={"kind": kind}) as stream,
    ):
        assert stream.headers["content-type"].startswith("text/event-stream")
        found = events_of(stream.aiter_lines())
        # Where reading has just begun it says so: what came before is in the lists.
        assert await anext(found) == ("reread", {})
        order = an_order()
        shop.publish("order.created", order)
        waiting = shop.waiting(order_id=order["order_id"])
        async for name, data in found:
            assert name in (kind, "reread")
            if name == kind and data["execution_id"] == waiting["execution_id"]:
                assert data["id"] == waiting["wait_id" if kind == "approval" else "execution_id"]
                break


# S205
async def test_the_stream_of_one_execution_tells_of_no_other(shop_url: str, shop: World) -> None:
    async with httpx.AsyncClient(base_url=shop_url, timeout=PATIENCE_SECONDS) as client:
        run = (await ask(client, shop))["execution_id"]
        async with client.stream("GET", f"{API}/stream", params={"execution": str(run)}) as stream:
            found = events_of(stream.aiter_lines())
            assert await anext(found) == ("reread", {})
            await ask(client, shop)
            await client.post(f"{API}/executions/{run}/cancel", json={"by": "ops"})
            told = [await anext(found) for _ in range(2)]
        assert {data["execution_id"] for name, data in told if name != "reread"} == {run}


# S213
async def test_a_server_stops_in_order_while_somebody_listens(shop: World) -> None:
    with a_serving_process(shop) as (url, process):
        async with (
            httpx.AsyncClient(timeout=PATIENCE_SECONDS) as client,
            client.stream("GET", f"{url}{API}/stream") as stream,
        ):
            lines = stream.aiter_lines()
            assert await anext(lines) == "retry: 1000"
            process.terminate()
            with contextlib.suppress(httpx.RemoteProtocolError):
                async for _ in lines:
                    pass
        assert await asyncio.to_thread(process.wait, PATIENCE_SECONDS) == 0


class Changes:
    """A source that gives what the test hands it."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Batch] = asyncio.Queue()
        self.closed = asyncio.Event()

    async def changes(self) -> AsyncIterator[Batch]:
        try:
            while True:
                yield await self.queue.get()
                self.queue.task_done()
        finally:
            self.closed.set()


async def test_a_reader_that_is_too_slow_is_told_that_it_missed_some() -> None:
    source = Changes()
    feed = Feed(source)  # type: ignore[arg-type]
    slow = feed.read()
    asking = asyncio.create_task(anext(slow))
    one = (Change("execution", "exec_1", "exec_1"),)
    source.queue.put_nowait(one)
    assert await asking == one
    for _ in range(MOST_BEHIND + 2):
        source.queue.put_nowait(one)
    await source.queue.join()
    assert await anext(slow) is None
    assert await anext(slow) == one
    await slow.aclose()
    source.queue.put_nowait(())
    async with asyncio.timeout(5):
        await source.closed.wait()


async def test_an_unreachable_broker_is_a_problem_and_no_server_error(
    client: httpx.AsyncClient, shop: World
) -> None:
    from streams.admin import Admin

    transport = client._transport
    app = transport.app  # type: ignore[attr-defined]
    parts = app.state.parts
    object.__setattr__(parts, "admin", Admin("127.0.0.1:1", seconds=1))
    answer = await client.get(f"{API}/lag")
    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/broker-unreachable")
    assert answer.headers["retry-after"] == "3"
