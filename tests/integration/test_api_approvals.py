"""What people do with requests by HTTP, beside deciding on the form (requirements.md S204)."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest

from api.parts import id_for
from tests.integration.conftest import a_client
from tests.integration.seeds import a_request, answer_decision
from tests.world import Seen, World

API = "/api/v1"


def path_of(request: str, what: str) -> str:
    return f"{API}/approvals/{request}/{what}"


def sent_decision(quiet: World, id: str) -> Seen:
    topic = quiet.topic("decisions")
    return quiet.wait_for(lambda r: r.topic == topic and r.value["decision_id"] == id, id)


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "k-nul"}])
async def test_an_id_that_no_database_holds_is_refused_with_a_key_too(
    quiet_client: httpx.AsyncClient, quiet: World, headers: dict[str, str]
) -> None:
    request = a_request(quiet, uuid4().hex)
    body = {"decided_by": "ana", "decision_id": "a\x00b"}
    answer = await quiet_client.post(path_of(request, "approve"), json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "nul_character")


# S204 S112
@pytest.mark.parametrize(
    ("what", "body", "outcome"),
    [
        ("approve", {}, "approved"),
        ("reject", {"reason": "no"}, "rejected"),
        ("decision", {"outcome": "approved"}, "approved"),
        ("decision", {"outcome": "reject"}, "rejected"),
        ("decision", {"approved": True}, "approved"),
        ("decision", {"approved": False}, "rejected"),
    ],
)
async def test_every_way_to_decide_produces_the_same_decision(
    quiet_client: httpx.AsyncClient, quiet: World, what: str, body: dict[str, Any], outcome: str
) -> None:
    request = a_request(quiet, uuid4().hex)
    asked = {**body, "decided_by": "ana", "form": {"a": 1}, "request_hash": "sha256:1"}
    answer = await quiet_client.post(path_of(request, what), json=asked)
    assert answer.status_code == 202, answer.text
    record = sent_decision(quiet, answer.json()["decision_id"])
    assert record.key == answer.json()["execution_id"]
    assert record.value == {
        "decision_id": answer.json()["decision_id"],
        "execution_id": record.key,
        "request_id": request,
        "outcome": outcome,
        "decided_by": "ana",
        "reason": body.get("reason"),
        "form": {"a": 1},
        "request_hash": "sha256:1",
        "on_behalf_of": None,
    }


@pytest.mark.parametrize(
    ("what", "body", "status", "kind"),
    [
        ("approve", b'{"decided_by": "ana", "approved": false}', 422, "invalid-request"),
        ("reject", b'{"decided_by": "ana", "outcome": "approved"}', 422, "invalid-request"),
        ("decision", b'{"approved": true, "decided_by": "a", "request_id": "w_1"}', 422, None),
        ("decision", b'{"outcome": "approved", "decided_by": "ana"', 400, "malformed"),
        ("approve", b'{"decided_by": "ana", "form": {"a": 1%s}}' % (b"0" * 30), 400, "malformed"),
        ("delegate", b'{"decided_by": "a", "to": "b", "until": "2020-01-01T00:00:00Z"}', 422, None),
    ],
)
async def test_a_body_that_contradicts_its_path_or_cannot_be_is_refused_and_not_sent(
    quiet_client: httpx.AsyncClient,
    quiet: World,
    what: str,
    body: bytes,
    status: int,
    kind: str | None,
) -> None:
    request = a_request(quiet, uuid4().hex)
    headers = {"content-type": "application/json", "idempotency-key": uuid4().hex}
    answer = await quiet_client.post(path_of(request, what), content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert answer.json()["type"] == f"/problems/{kind or 'invalid-request'}"


# S204
@pytest.mark.parametrize(
    ("what", "kind", "body", "said"),
    [
        ("comments", "comment", {"text": "looks odd"}, {"reason": "looks odd"}),
        ("claim", "claim", {}, {"reason": None}),
        (
            "reassign",
            "reassign",
            {"to": ["bo"], "roles": ["finance"], "reason": "away"},
            {"to": ["bo"], "roles": ["finance"], "reason": "away"},
        ),
        ("reassign", "reassign", {"to": ["bo"]}, {"to": ["bo"], "roles": [], "reason": None}),
    ],
)
async def test_a_note_about_a_request_is_produced_with_its_kind(
    quiet_client: httpx.AsyncClient,
    quiet: World,
    what: str,
    kind: str,
    body: dict[str, Any],
    said: dict[str, Any],
) -> None:
    request = a_request(quiet, uuid4().hex)
    answer = await quiet_client.post(path_of(request, what), json={**body, "decided_by": "ana"})
    assert answer.status_code == 202, answer.text
    record = sent_decision(quiet, answer.json()["decision_id"])
    assert record.key == answer.json()["execution_id"]
    assert record.value == {
        "decision_id": answer.json()["decision_id"],
        "execution_id": record.key,
        "request_id": request,
        "kind": kind,
        "decided_by": "ana",
        **said,
    }


@pytest.mark.parametrize("of_request", [True, False])
async def test_a_delegation_names_people_and_a_period_and_no_request(
    quiet_client: httpx.AsyncClient, quiet: World, of_request: bool
) -> None:
    path = f"{API}/approvals/delegate"
    if of_request:
        path = path_of(a_request(quiet, uuid4().hex), "delegate")
    period = {"from": "2098-12-24T00:00:00Z", "until": "2099-01-02T00:00:00+01:00"}
    asked = {"decided_by": "ana", "to": "bo", "reason": "holiday", **period}
    answer = await quiet_client.post(path, json=asked)
    assert answer.status_code == 202, answer.text
    record = sent_decision(quiet, answer.json()["decision_id"])
    assert record.key == "ana"
    assert record.value == {
        "decision_id": answer.json()["decision_id"],
        "kind": "delegate",
        "decided_by": "ana",
        "to": ["bo"],
        "from": "2098-12-24T00:00:00+00:00",
        "until": "2099-01-01T23:00:00+00:00",
        "reason": "holiday",
    }


async def test_a_delegation_may_name_several_as_on_the_topic(
    quiet_client: httpx.AsyncClient, quiet: World
) -> None:
    asked = {"decided_by": "ana", "to": ["bo", "cy"]}
    answer = await quiet_client.post(f"{API}/approvals/delegate", json=asked)
    assert answer.status_code == 202, answer.text
    assert sent_decision(quiet, answer.json()["decision_id"]).value["to"] == ["bo", "cy"]


@pytest.mark.parametrize("what", ["decision", "approve", "comments", "delegate"])
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
async def test_what_is_not_sent_as_json_is_an_unsupported_media_type(
    quiet_client: httpx.AsyncClient, quiet: World, what: str, kind: str
) -> None:
    answer = await quiet_client.post(
        path_of(a_request(quiet, uuid4().hex), what),
        content=b'{"decided_by": "ana"}',
        headers={"content-type": kind},
    )
    assert answer.status_code == 415, answer.text
    assert answer.json()["type"] == "/problems/unsupported-media-type"
    assert answer.json()["detail"] == "send application/json"


@pytest.mark.parametrize(
    ("what", "body", "said"),
    [
        ("decision", [], "body: must be a JSON object"),
        ("approve", {}, "body.decided_by: is missing"),
        (
            "reassign",
            {"decided_by": "ana"},
            "body: name the people or roles who shall decide instead",
        ),
        (
            "claim",
            {"decided_by": "ana", "to": "bo"},
            "body.to: is not taken here; what is: decided_by, reason",
        ),
    ],
)
async def test_misfits_are_told_in_plain_words(
    quiet_client: httpx.AsyncClient, quiet: World, what: str, body: object, said: str
) -> None:
    answer = await quiet_client.post(path_of(a_request(quiet, uuid4().hex), what), json=body)
    assert (answer.status_code, answer.json()["detail"]) == (422, said)


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("comments", {"decided_by": "ana"}),
        ("comments", {"decided_by": "ana", "text": ""}),
        ("claim", {}),
        ("claim", {"decided_by": "ana", "to": "bo"}),
        ("reassign", {"decided_by": "ana"}),
        ("delegate", {"decided_by": "ana"}),
        ("delegate", {"decided_by": "ana", "to": "bo", "until": "tomorrow"}),
        (
            "delegate",
            {
                "decided_by": "ana",
                "to": "bo",
                "from": "2026-12-24T00:00:00Z",
                "until": "2026-12-23T00:00:00Z",
            },
        ),
        ("decision", {"decided_by": "ana"}),
        ("approve", {}),
    ],
)
async def test_a_body_that_does_not_fit_is_refused(
    quiet_client: httpx.AsyncClient, quiet: World, what: str, body: dict[str, Any]
) -> None:
    request = a_request(quiet, uuid4().hex)
    answer = await quiet_client.post(path_of(request, what), json=body)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-request")


@pytest.mark.parametrize("what", ["comments", "claim", "reassign", "delegate"])
async def test_a_note_about_no_request_is_not_found(
    quiet_client: httpx.AsyncClient, what: str
) -> None:
    bodies: dict[str, dict[str, Any]] = {
        "comments": {"text": "a"},
        "claim": {},
        "reassign": {"to": ["bo"]},
        "delegate": {"to": "bo"},
    }
    path = path_of(f"w_{'0' * 32}", what)
    answer = await quiet_client.post(path, json={**bodies[what], "decided_by": "ana"})
    assert answer.status_code == 404


async def test_a_closed_request_can_be_commented_and_not_claimed(
    quiet_client: httpx.AsyncClient, quiet: World
) -> None:
    request = a_request(quiet, uuid4().hex, "approved")
    refused = await quiet_client.post(path_of(request, "claim"), json={"decided_by": "ana"})
    assert (refused.status_code, refused.json()["code"]) == (409, "already_decided")
    taken = {"decided_by": "ana", "text": "good"}
    assert (await quiet_client.post(path_of(request, "comments"), json=taken)).status_code == 202


# S204
@pytest.mark.parametrize(
    ("code", "status"), [(None, 200), ("not_allowed", 403), ("already_decided", 409)]
)
async def test_a_keyed_note_is_produced_once_and_answered_by_its_receipt(
    quiet_client: httpx.AsyncClient, quiet: World, code: str | None, status: int
) -> None:
    request, key = a_request(quiet, uuid4().hex), uuid4().hex
    path, headers = path_of(request, "claim"), {"idempotency-key": key}
    body = {"decided_by": "ana"}
    call = asyncio.create_task(quiet_client.post(path, json=body, headers=headers))
    record = await asyncio.to_thread(sent_decision, quiet, id_for(key, "claim", request))
    answer_decision(quiet, record.value, code)
    answers = [await call, await quiet_client.post(path, json=body, headers=headers)]
    assert [answer.status_code for answer in answers] == [status, status]
    assert answers[0].json() == answers[1].json()
    id = record.value["decision_id"]
    assert len(quiet.all_seen(lambda r: bool(r.value) and r.value.get("decision_id") == id)) == 1


# S112 S204
async def test_a_repeated_decision_with_one_key_has_one_receipt(
    client: httpx.AsyncClient, shop: World
) -> None:
    order = {"order_id": uuid4().hex, "customer_id": "c-77", "total": 4650}
    event = {"type": "order.created", "data": {**order, "currency": "EUR", "country": "DE"}}
    await client.post(f"{API}/events", json=event)
    request = (await asyncio.to_thread(shop.waiting, order_id=order["order_id"]))["wait_id"]
    body, headers = {"approved": True, "decided_by": "ana"}, {"idempotency-key": uuid4().hex}
    answers = [
        await client.post(path_of(request, "decision"), json=body, headers=headers)
        for _ in range(2)
    ]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["result"] == "applied"


# S204
@pytest.mark.parametrize(
    ("what", "body", "other"),
    [
        ("decision", {"outcome": "approved"}, {"outcome": "rejected"}),
        ("decision", {"outcome": "approved"}, {"outcome": "approved", "form": {"a": 1}}),
        ("comments", {"text": "one"}, {"text": "two"}),
        ("claim", {}, {"reason": "later"}),
        ("delegate", {"to": "bo"}, {"to": "cy"}),
    ],
)
async def test_a_key_that_comes_with_other_words_is_refused(
    quiet_client: httpx.AsyncClient,
    quiet: World,
    what: str,
    body: dict[str, Any],
    other: dict[str, Any],
) -> None:
    request, key = a_request(quiet, uuid4().hex), uuid4().hex
    path, headers = path_of(request, what), {"idempotency-key": key}
    person = {"decided_by": key}
    call = asyncio.create_task(quiet_client.post(path, json=body | person, headers=headers))
    scope = (what.removesuffix("s"), key if what == "delegate" else request)
    record = await asyncio.to_thread(sent_decision, quiet, id_for(key, *scope))
    # Another call before the answer: this process knows what it sent.
    at_once = await quiet_client.post(path, json=other | person, headers=headers)
    answer_decision(quiet, record.value)
    assert (await call).status_code == 200
    # Another process knows it from the database.
    async with a_client(quiet) as fresh:
        later = await fresh.post(path, json=other | person, headers=headers)
        again = await fresh.post(path, json=body | person, headers=headers)
    for refused in (at_once, later):
        assert refused.status_code == 422
        assert refused.json()["type"] == "/problems/idempotency-key-reused"
    assert again.status_code == 200


async def test_a_decision_id_answers_for_its_own_request_only(
    quiet_client: httpx.AsyncClient, quiet: World
) -> None:
    first, second = (a_request(quiet, uuid4().hex) for _ in range(2))
    body = {"outcome": "approved", "decided_by": "ana", "decision_id": uuid4().hex}
    await quiet_client.post(path_of(first, "decision"), json=body)
    record = await asyncio.to_thread(sent_decision, quiet, body["decision_id"])
    answer_decision(quiet, record.value)
    same = await quiet_client.post(path_of(first, "decision") + "?wait=5", json=body)
    assert (same.status_code, same.json()["result"]) == (200, "applied")
    other = await quiet_client.post(path_of(second, "decision") + "?wait=5", json=body)
    assert (other.status_code, other.json()["code"]) == (409, "duplicate")
