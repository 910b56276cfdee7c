"""`POST /events?wait=`: one answer for all that an event started (requirements.md D11, D29)."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest

from tests.integration.conftest import a_client
from tests.world import World

API = "/api/v1"
BATCH = {"content-type": "application/cloudevents-batch+json"}


def an_order(**more: object) -> dict[str, object]:
    return {
        "order_id": uuid4().hex,
        "customer_id": "c-77",
        "total": 20,
        "currency": "EUR",
        "country": "DE",
        **more,
    }


def an_event(**more: object) -> dict[str, object]:
    return {"type": "order.created", "data": an_order(**more)}


# S23 S24 S103 S115
@pytest.mark.parametrize(
    ("order", "result", "status"),
    [
        ({}, "allowed", "completed"),
        ({"total": 4650}, "paused", "paused"),
        ({"country": "KP"}, "blocked", "blocked"),
    ],
)
async def test_a_waiting_publisher_gets_the_gates_answer(
    client: httpx.AsyncClient, order: dict[str, object], result: str, status: str
) -> None:
    answer = await client.post(f"{API}/events?wait=20", json=an_event(**order))
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["result"] == result
    (run,) = body["executions"]
    assert (run["status"], run["workflow"]) == (status, "order-approval")
    assert run["event_id"] == body["event_id"]
    stored = await client.get(f"{API}/executions/{run['execution_id']}")
    assert stored.json()["result"] == run["result"]


async def test_the_answer_says_why_it_is_blocked_or_whom_it_waits_for(
    client: httpx.AsyncClient,
) -> None:
    blocked = await client.post(f"{API}/events?wait=20", json=an_event(country="KP"))
    (run,) = blocked.json()["executions"]
    assert (run["error_code"], run["error_message"]) == ("embargo", "We cannot ship to KP")
    paused = await client.post(f"{API}/events?wait=20", json=an_event(total=4650))
    (run,) = paused.json()["executions"]
    assert run["paused_reason"].startswith("approval:w_")


async def test_a_batch_has_one_answer(client: httpx.AsyncClient) -> None:
    events = [an_event(), an_event(total=4650), an_event()]
    answer = await client.post(f"{API}/events?wait=20", json=events, headers=BATCH)
    body = answer.json()
    assert (answer.status_code, body["result"]) == (200, "paused")
    assert [run["event_id"] for run in body["executions"]] == body["event_ids"]
    events.append(an_event(country="KP"))
    answer = await client.post(f"{API}/events?wait=20", json=events, headers=BATCH)
    assert answer.json()["result"] == "blocked"


async def test_an_event_that_a_workflow_does_not_take_finds_the_gate_shut(
    client: httpx.AsyncClient,
) -> None:
    event = {"type": "order.created", "data": {"order_id": "o-1"}}
    body = (await client.post(f"{API}/events?wait=20", json=event)).json()
    assert (body["result"], body["executions"]) == ("blocked", [])
    assert body["rejected"][0].startswith("order-approval: ")


async def test_an_event_that_starts_nothing_is_allowed(client: httpx.AsyncClient) -> None:
    event = {"type": "nothing.here", "data": {}}
    body = (await client.post(f"{API}/events?wait=20", json=event)).json()
    assert (body["result"], body["executions"], body["rejected"]) == ("allowed", [], [])


async def test_a_repeated_event_has_the_answer_of_the_first(client: httpx.AsyncClient) -> None:
    headers, event = {"idempotency-key": uuid4().hex}, an_event()
    first = await client.post(f"{API}/events?wait=20", json=event, headers=headers)
    again = await client.post(f"{API}/events?wait=20", json=event, headers=headers)
    assert first.json() == again.json()
    assert first.json()["event_id"] == headers["idempotency-key"]


async def test_a_keyed_batch_names_its_events_alike(
    quiet_client: httpx.AsyncClient, quiet: World
) -> None:
    headers, events = {"idempotency-key": uuid4().hex}, [an_event(), an_event()]
    answers = [
        (await quiet_client.post(f"{API}/events", json=events, headers=headers)).json()
        for _ in range(2)
    ]
    assert answers[0] == answers[1]
    assert len(set(answers[0]["event_ids"])) == 2


@pytest.mark.parametrize("changed", [{"data": {"order_id": "o-2"}}, {"type": "order.paid"}])
async def test_a_key_that_comes_with_another_event_is_refused(
    client: httpx.AsyncClient, shop: World, changed: dict[str, Any]
) -> None:
    key = uuid4().hex
    headers, event = {"idempotency-key": key}, an_event()
    first = await client.post(f"{API}/events", json=event, headers=headers)
    at_once = await client.post(f"{API}/events", json=event | changed, headers=headers)
    await asyncio.to_thread(shop.until, "select 1 as x from events where event_id = %s", key)
    async with a_client(shop) as fresh:
        later = await fresh.post(f"{API}/events", json=event | changed, headers=headers)
        again = await fresh.post(f"{API}/events", json=event, headers=headers)
    assert (first.status_code, again.status_code) == (202, 202)
    for refused in (at_once, later):
        assert refused.status_code == 422
        assert refused.json()["type"] == "/problems/idempotency-key-reused"


# S23 S103
async def test_without_an_answer_in_time_the_event_is_accepted(
    quiet_client: httpx.AsyncClient,
) -> None:
    answer = await quiet_client.post(f"{API}/events?wait=0.2", json=an_event())
    assert (answer.status_code, answer.json()["result"]) == (202, None)
    now = await quiet_client.post(f"{API}/events", json=an_event())
    assert now.status_code == 202


@pytest.mark.parametrize("wait", ["-1", "31", "soon"])
async def test_a_wait_out_of_bounds_is_refused(quiet_client: httpx.AsyncClient, wait: str) -> None:
    answer = await quiet_client.post(f"{API}/events?wait={wait}", json=an_event())
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-request")
