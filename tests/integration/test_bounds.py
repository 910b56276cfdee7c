"""Bounds that need a broker or the HTTP application, each at its limit and one beyond."""

import asyncio
import json
from uuid import uuid4

import httpx2 as httpx
import pytest

from tests.integration.conftest import a_client
from tests.integration.seeds import a_request
from tests.world import World

API = "/api/v1"


def an_order(**more: object) -> dict[str, object]:
    """Return a small order, which passes."""
    order = {"order_id": uuid4().hex, "customer_id": "c1", "total": 5, "currency": "EUR"}
    return {**order, "country": "DE", **more}


# F26
def test_an_event_fifteen_hops_deep_starts_and_one_more_is_a_dead_letter(shop: World) -> None:
    taken = shop.publish("order.created", an_order(), headers={"ce_hops": "15"})
    assert len(shop.started_by(taken)) == 1
    refused = shop.publish("order.created", an_order(), headers={"ce_hops": "16"})
    letter = shop.wait_for(
        lambda r: r.headers.get("ce_id") == refused.encode() and "dlq-error-type" in r.headers,
        "the dead letter",
    )
    assert letter.headers["dlq-error-type"] == b"loop_limit"
    assert shop.started_by(refused) == []


# F17
def test_an_event_of_256_kib_starts_and_one_byte_more_is_a_dead_letter(shop: World) -> None:
    def publish(size: int) -> str:
        order = an_order(a="", b="", c="")
        left = size - len(json.dumps(order))
        order |= {"a": "x" * 110_000, "b": "x" * 110_000, "c": "x" * (left - 220_000)}
        assert len(json.dumps(order)) == size
        return shop.publish("order.created", order)

    assert len(shop.started_by(publish(256 * 1024))) == 1
    refused = publish(256 * 1024 + 1).encode()
    letter = shop.wait_for(
        lambda r: r.headers.get("ce_id") == refused and "dlq-error-type" in r.headers,
        "the dead letter",
    )
    assert letter.headers["dlq-error-type"] == b"too_large"


@pytest.mark.parametrize(
    "path",
    ["/executions", "/approvals", "/waits", "/dead-letters"],
)
async def test_a_page_has_two_hundred_rows_and_not_one_more(
    client: httpx.AsyncClient, path: str
) -> None:
    assert (await client.get(f"{API}{path}", params={"limit": 200})).status_code == 200
    assert (await client.get(f"{API}{path}", params={"limit": 201})).status_code == 422


# F17
async def test_a_decision_of_64_kib_is_taken_by_the_api_and_one_byte_more_is_not(
    quiet_client: httpx.AsyncClient, quiet: World
) -> None:
    async def answer(length: int) -> httpx.Response:
        request = f"{API}/approvals/{a_request(quiet, uuid4().hex)}/approve"
        body = {"decided_by": "ana", "form": {"x": "x" * length}}
        return await quiet_client.post(request, json=body)

    taken = await answer(60_000)
    assert taken.status_code == 202, taken.text
    id = taken.json()["decision_id"]
    topic = quiet.topic("decisions")
    sent = await asyncio.to_thread(
        quiet.wait_for, lambda r: r.topic == topic and r.value.get("decision_id") == id
    )
    assert sent.raw is not None
    most = 60_000 + 64 * 1024 - len(sent.raw)
    assert (await answer(most)).status_code == 202
    refused = await answer(most + 1)
    assert (refused.status_code, refused.json()["code"]) == (400, "too_large")


async def test_fifty_requests_a_second_are_taken_from_one_address_and_one_more_is_not(
    quiet: World,
) -> None:
    async with a_client(quiet, api_rate=50) as client:
        answers = await asyncio.gather(*(client.get(f"{API}/schedules") for _ in range(51)))
        *taken, refused = sorted(answers, key=lambda answer: answer.status_code)
        assert ({answer.status_code for answer in taken}, refused.status_code) == ({200}, 429)
        assert refused.json()["type"] == "/problems/too-many-requests"
        assert refused.headers["Retry-After"] == "1"
        assert (await client.get("/livez")).status_code == 200
