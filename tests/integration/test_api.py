"""The HTTP interface on a running deployment (requirements.md S200-S204)."""

import asyncio
import gzip
import html
import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx2 as httpx
import pytest

from tests.world import World

API = "/api/v1"


def an_order(**more: object) -> dict[str, object]:
    return {
        "order_id": uuid4().hex,
        "customer_id": "c-77",
        "total": 4650,
        "currency": "EUR",
        "country": "DE",
        **more,
    }


async def ask(client: httpx.AsyncClient, shop: World) -> dict[str, object]:
    order = an_order()
    sent = await client.post(f"{API}/events", json={"type": "order.created", "data": order})
    assert sent.status_code == 202, sent.text
    return shop.waiting(order_id=order["order_id"])


# S7 S200 S201 S202
async def test_an_event_by_http_starts_the_same_execution_as_by_topic(
    client: httpx.AsyncClient, shop: World
) -> None:
    waiting = await ask(client, shop)
    found = await client.get(f"{API}/executions/{waiting['execution_id']}")
    assert found.json()["status"] == "paused"
    listed = await client.get(f"{API}/executions", params={"status": "paused", "limit": 200})
    ids = [item["execution_id"] for item in listed.json()["items"]]
    assert waiting["execution_id"] in ids
    trace = await client.get(f"{API}/executions/{waiting['execution_id']}/trace")
    assert [s["step_id"] for s in trace.json()["steps"]][-1] == "manager"
    assert trace.json()["remaining"]


# S7
@pytest.mark.parametrize("kind", ["application/cloudevents+json", "application/json"])
async def test_a_cloud_event_keeps_its_id(
    client: httpx.AsyncClient, shop: World, kind: str
) -> None:
    id = uuid4().hex
    event = {
        "specversion": "1.0",
        "id": id,
        "type": "nothing.here",
        "source": "/shop",
        "data": {"a": 1},
    }
    sent = await client.post(
        f"{API}/events", content=json.dumps(event), headers={"content-type": kind}
    )
    assert sent.json()["event_id"] == id
    assert shop.started_by(id) == []


# S7
async def test_a_cloud_event_brings_its_encoded_data_and_its_trace(
    client: httpx.AsyncClient, shop: World
) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    event = {"specversion": "1.0", "source": "/shop", "type": "nothing.here", "hops": 2}
    plain = {**event, "id": uuid4().hex, "data_base64": b64encode(b'{"a": 1}').decode()}
    traced = {**event, "id": uuid4().hex, "data": {"a": 1}, "traceparent": parent}
    headers = {"traceparent": parent}
    for body, sent in ((plain, headers), (traced, {})):
        answer = await client.post(f"{API}/events", json=body, headers=sent)
        assert answer.status_code == 202, answer.text
        [row] = shop.until("select payload, meta from events where event_id = %s", body["id"])
        assert (row["payload"], row["meta"]["hops"]) == ({"a": 1}, 2)
        assert row["meta"]["traceparent"] == parent


# S7
async def test_an_event_in_binary_mode_is_the_same_event(
    client: httpx.AsyncClient, shop: World
) -> None:
    id = uuid4().hex
    named = {"ce-specversion": "1.0", "ce-type": "nothing.here", "ce-id": id, "ce-hops": "2"}
    named |= {"ce-source": "/shop%20two", "ce-subject": "s1"}
    body = {"type": "other", "data": {"a": 1}}
    answer = await client.post(f"{API}/events", json=body, headers=named)
    assert (answer.status_code, answer.json()["event_id"]) == (202, id), answer.text
    [row] = shop.until("select type, source, payload, meta from events where event_id = %s", id)
    assert (row["type"], row["source"], row["payload"]) == ("nothing.here", "/shop two", body)
    assert row["meta"]["hops"] == 2


async def test_a_body_in_an_encoding_is_refused_by_its_name(client: httpx.AsyncClient) -> None:
    body = gzip.compress(b'{"type": "nothing.here"}')
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    answer = await client.post(f"{API}/events", content=body, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (415, "/problems/unsupported-media-type")
    assert "gzip" in answer.json()["detail"]


# S7
@pytest.mark.parametrize(
    ("part", "code"),
    [
        ({"data_base64": "!"}, "invalid_cloudevent"),
        ({"data_base64": "e30=", "data": {}}, "invalid_cloudevent"),
        ({"specversion": "0.3"}, "invalid_cloudevent"),
        ({"time": "yesterday"}, "invalid_time"),
        ({"data": {"n": 1e15, "m": "\u00e9"}, "time": "2026-13-01T00:00:00Z"}, "invalid_time"),
    ],
)
async def test_an_event_that_no_worker_could_read_is_refused_at_once(
    client: httpx.AsyncClient, part: dict[str, object], code: str
) -> None:
    answer = await client.post(f"{API}/events", json={"type": "nothing.here", **part})
    assert (answer.status_code, answer.json()["code"]) == (400, code)


# S204 S112
async def test_an_approval_is_decided_over_http_and_answers_with_its_receipt(
    client: httpx.AsyncClient, shop: World
) -> None:
    waiting = await ask(client, shop)
    request = waiting["wait_id"]
    inbox = await client.get(f"{API}/approvals", params={"role": "sales-manager", "limit": 200})
    assert request in [item["request_id"] for item in inbox.json()["items"]]
    answer = await client.post(
        f"{API}/approvals/{request}/decision?wait=10",
        json={"outcome": "approved", "decided_by": "ana", "form": {"discount_pct": 3}},
    )
    assert (answer.status_code, answer.json()["result"]) == (200, "applied")
    again = await client.post(
        f"{API}/approvals/{request}/reject?wait=10", json={"decided_by": "bo"}
    )
    assert (again.status_code, again.json()["code"]) == (409, "already_decided")
    assert again.headers["content-type"] == "application/problem+json"
    receipt = await client.get(f"{API}/receipts/{answer.json()['decision_id']}")
    assert receipt.json()["result"] == "applied"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", f"{API}/executions/nonsense", None, 404),
        ("GET", f"{API}/executions/exec_{'0' * 32}", None, 404),
        ("GET", f"{API}/executions?limit=0", None, 422),
        ("GET", f"{API}/executions?status=odd", None, 422),
        ("GET", f"{API}/executions?cursor=odd", None, 422),
        ("GET", f"{API}/executions?since=0.5", None, 422),
        ("GET", f"{API}/executions?key=%00", None, 422),
        ("GET", f"{API}/executions/%00", None, 422),
        ("GET", f"{API}/approvals?user=me", None, 422),
        ("GET", f"{API}/approvals/w_{'0' * 32}", None, 404),
        ("POST", f"{API}/approvals/w_{'0' * 32}/approve", b'{"decided_by": "a"}', 404),
        ("POST", f"{API}/events", b"{", 400),
        ("POST", f"{API}/events", b'{"data": {}}', 422),
        ("POST", f"{API}/events", b"[]", 422),
        ("POST", f"{API}/events", b'{"type": "a", "data": [1]}', 422),
        ("POST", f"{API}/events", b'{"type": "a", "data": {"x": "\\u0000"}}', 400),
        ("POST", f"{API}/events", b'{"type": "a"}' + b" " * 300_000, 413),
        ("GET", "/nowhere", None, 404),
        ("DELETE", f"{API}/workflows", None, 405),
    ],
)
async def test_every_error_is_a_problem(
    client: httpx.AsyncClient, method: str, path: str, body: bytes | None, status: int
) -> None:
    answer = await client.request(
        method, path, content=body, headers={"content-type": "application/json"}
    )
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].startswith("/problems/")
    assert answer.json()["status"] == status
    assert ("allow" in answer.headers) == (status == 405)


async def test_a_command_with_other_members_is_told_which_there_are(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post(f"{API}/executions/any/resume", json={"data": {}})
    assert (answer.status_code, answer.json()["detail"]) == (
        422,
        "body.data: is not taken here; what is: by, reason, resume_data, from_step",
    )


async def test_what_answers_get_allows_head_too(client: httpx.AsyncClient) -> None:
    assert (await client.delete(f"{API}/workflows")).headers["allow"] == "GET, HEAD"


async def test_the_interface_is_described_by_a_page_of_our_own(client: httpx.AsyncClient) -> None:
    answer = await client.get("/docs")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")
    assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", answer.text)
    document = (await client.get("/openapi.json")).json()
    for path, item in document["paths"].items():
        for method in item:
            shown = f"<strong>{method.upper()}</strong> <code>{html.escape(path)}</code>"
            assert shown in answer.text
    assert "a good customer" in answer.text
    assert (await client.get("/redoc")).status_code == 404


@pytest.mark.parametrize(
    "path", ["/", "/livez", "/readyz", "/openapi.json", f"{API}/workflows", f"{API}/stream", "/no"]
)
async def test_head_is_answered_as_get_without_a_body(client: httpx.AsyncClient, path: str) -> None:
    head = await asyncio.wait_for(client.head(path), 10)
    assert head.content == b""
    assert head.status_code == (404 if path == "/no" else 200)
    if path != f"{API}/stream":
        got = await client.get(path)
        assert head.headers["content-type"] == got.headers["content-type"]
    assert head.headers["x-content-type-options"] == "nosniff"


async def test_health_and_metrics_answer(client: httpx.AsyncClient) -> None:
    assert (await client.get("/livez")).text == "ok\n"
    ready = await client.get("/readyz")
    assert ready.json() == {
        "ready": True,
        "checks": dict.fromkeys(("database", "schema", "broker", "topics", "group"), "ok"),
    }
    metrics = await client.get("/metrics")
    assert "sluicegate_open_approvals" in metrics.text
    workflows = await client.get(f"{API}/workflows")
    assert {item["name"] for item in workflows.json()["items"]} >= {"order-approval"}
    assert (await client.get(f"{API}/dead-letters")).status_code == 200
    assert (await client.get("/openapi.json")).json()["openapi"].startswith("3.1")


async def test_the_inbox_page_lists_and_its_form_decides(
    client: httpx.AsyncClient, shop: World
) -> None:
    waiting = await ask(client, shop)
    link = f"/approvals/{waiting['wait_id']}"
    inbox = await client.get("/")
    assert link in inbox.text
    form = await client.get(link)
    assert 'name="form.discount_pct"' in form.text
    assert "default-src 'self'" in form.headers["content-security-policy"]
    typed = {"decided_by": "ana", "outcome": "approved", "form.discount_pct": "99"}
    refused = await client.post(link, data=typed)
    assert refused.status_code == 422
    assert 'aria-invalid="true"' in refused.text
    assert 'value="99"' in refused.text
    done = await client.post(link, data={**typed, "form.discount_pct": "5"})
    assert done.status_code == 303
    shop.life_cycle(str(waiting["execution_id"]), "execution.completed")
    after = await client.get(done.headers["location"])
    assert "Done: approved by ana" in after.text
    page = await client.get(f"/executions/{waiting['execution_id']}")
    assert "completed" in page.text


async def test_a_change_from_another_origin_is_refused(
    client: httpx.AsyncClient, shop: World
) -> None:
    waiting = await ask(client, shop)
    foreign = {"origin": "https://evil.example"}
    answer = await client.post(
        f"/approvals/{waiting['wait_id']}", data={"decided_by": "x"}, headers=foreign
    )
    assert answer.status_code == 403


async def test_hostile_text_is_shown_as_text(client: httpx.AsyncClient, shop: World) -> None:
    order = an_order(note="<script>alert(1)</script>")
    await client.post(f"{API}/events", json={"type": "order.created", "data": order})
    waiting = shop.waiting(order_id=order["order_id"])
    page = await client.get(f"/approvals/{waiting['wait_id']}")
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text


@pytest.mark.parametrize("path", ["approvals/w_1/approve", "executions/exec_1/hold", "events"])
@pytest.mark.parametrize("announced", [True, False])
async def test_a_body_beyond_all_bounds_is_refused_while_it_comes(
    client: httpx.AsyncClient, path: str, announced: bool
) -> None:
    body = b'{"decided_by": "' + b"a" * 3_000_000 + b'"}'

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    kind = {"content-type": "application/json"}
    content = body if announced else chunks()
    answer = await client.post(f"{API}/{path}", content=content, headers=kind)
    assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large")
