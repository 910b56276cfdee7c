"""Starts by hand over HTTP (requirements.md S9)."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import psycopg
import pytest

from api.parts import id_for
from engine.ids import public_id
from streams.messages import Command, started_id
from tests.integration.seeds import EXECUTION, answer, take
from tests.world import World

API = "/api/v1"
PATH = f"{API}/workflows/order-approval/trigger"


def an_order(**more: object) -> dict[str, object]:
    return {
        "order_id": uuid4().hex,
        "customer_id": "c-77",
        "total": 20,
        "currency": "EUR",
        "country": "DE",
        **more,
    }


# S9 S205
@pytest.mark.parametrize("match", [False, True])
async def test_a_start_is_produced_with_its_payload_and_answers_its_execution(
    quiet_client: httpx.AsyncClient, quiet: World, match: bool
) -> None:
    order = an_order()
    asked = {"by": "ops", "reason": "by hand", **({"match": "true"} if match else {})}
    found = await quiet_client.post(PATH, json=order, params=asked)
    assert found.status_code == 202, found.text
    sent = found.json()
    record = quiet.command_sent(sent["command_id"])
    command = Command.model_validate(record.value)
    assert record.key == order["order_id"]
    assert command.data == {"payload": order, "match": match}
    assert (command.kind, command.workflow, command.execution_id) == (
        "start",
        "order-approval",
        None,
    )
    assert (command.by, command.reason) == ("ops", "by hand")
    assert sent["execution_id"] == public_id(started_id(command))


@pytest.mark.parametrize(
    ("workflow", "body", "status", "code"),
    [
        ("nobody", {}, 404, "unknown_workflow"),
        ("order-approval", {"order_id": "o-1"}, 422, "invalid_input"),
        ("order-approval", [1], 400, "payload_not_an_object"),
        ("order-approval", {"a": "\x00"}, 400, "nul_character"),
    ],
)
async def test_a_start_that_cannot_be_is_refused_at_once(
    quiet_client: httpx.AsyncClient, workflow: str, body: Any, status: int, code: str
) -> None:
    found = await quiet_client.post(f"{API}/workflows/{workflow}/trigger", json=body)
    assert (found.status_code, found.json()["code"]) == (status, code)


async def test_a_payload_that_is_too_large_is_refused(quiet_client: httpx.AsyncClient) -> None:
    found = await quiet_client.post(PATH, json=an_order(note="x" * 300_000))
    assert found.status_code == 413


# S9
async def test_repeated_starts_with_one_key_name_one_execution(
    quiet_client: httpx.AsyncClient, quiet: World
) -> None:
    key, order = uuid4().hex, an_order()
    headers, id = {"idempotency-key": key}, id_for(key, "start", "order-approval")
    call = asyncio.create_task(quiet_client.post(PATH, json=order, headers=headers))
    record = await asyncio.to_thread(quiet.command_sent, id)
    started = public_id(started_id(Command.model_validate(record.value)))
    await take(quiet, id, execution=started)
    first = await call
    again = await quiet_client.post(PATH, json=order, headers=headers)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json() == again.json()
    assert first.json()["execution_id"] == started
    other = await quiet_client.post(PATH, json=an_order(), headers=headers)
    assert other.json()["type"] == "/problems/idempotency-key-reused"


async def test_a_refused_start_answers_its_receipt(
    quiet_client: httpx.AsyncClient, quiet: World
) -> None:
    key = uuid4().hex
    call = asyncio.create_task(
        quiet_client.post(PATH, json=an_order(), headers={"idempotency-key": key})
    )
    await take(quiet, id_for(key, "start", "order-approval"), code="busy", message="key in use")
    found = await call
    assert (found.status_code, found.json()["code"]) == (409, "busy")


# S23
@pytest.mark.parametrize(
    ("status", "result", "reason"),
    [("completed", "allowed", None), ("blocked", "blocked", None), ("paused", None, "approval:w")],
)
async def test_a_waiting_start_answers_how_its_execution_ended(
    quiet_client: httpx.AsyncClient,
    quiet: World,
    status: str,
    result: str | None,
    reason: str | None,
) -> None:
    key = uuid4().hex
    call = asyncio.create_task(
        quiet_client.post(PATH + "?wait=20", json=an_order(), headers={"idempotency-key": key})
    )
    id = id_for(key, "start", "order-approval")
    record = await asyncio.to_thread(quiet.command_sent, id)
    row_id = started_id(Command.model_validate(record.value))
    answer(quiet, record, code=None, message="started", execution=row_id)
    with psycopg.connect(quiet.database_url) as connection:
        row = {"id": row_id, "status": status, "result": result, "reason": reason}
        connection.execute(
            EXECUTION, {**row, "ended": reason is None, "metadata": "{}", "labels": "{}"}
        )
    found = await call
    assert found.status_code == 200
    body = found.json()
    assert (body["status"], body["result"], body["paused_reason"]) == (status, result, reason)
    assert (body["command_id"], body["execution_id"]) == (id, public_id(row_id))


# S23
async def test_a_start_that_does_not_end_in_time_is_accepted(
    quiet_client: httpx.AsyncClient, quiet: World
) -> None:
    found = await quiet_client.post(PATH + "?wait=0.2", json=an_order())
    assert found.status_code == 202
    assert "status" not in found.json()
