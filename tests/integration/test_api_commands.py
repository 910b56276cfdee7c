"""Commands by HTTP: what is produced, what is refused at once, and how receipts answer."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import psycopg
import pytest

from api.parts import id_for
from engine.ids import parse_execution_id, public_id
from streams.messages import Command, started_id
from tests.integration.seeds import an_execution, take
from tests.world import World

API = "/api/v1"
NOBODY = f"exec_{'0' * 32}"
HELD = ("paused", "hold:ops")
PAUSED = ("paused", "event:w_1", ("event",))


def path_of(execution: str, kind: str) -> str:
    return f"{API}/executions/{execution}/{kind}"


# S203 S205
@pytest.mark.parametrize(
    ("kind", "state", "body", "data"),
    [
        ("hold", ("running",), {}, {}),
        ("hold", PAUSED, {}, {}),
        ("resume", HELD, {}, {"resume_data": {}, "from_step": None}),
        (
            "resume",
            PAUSED,
            {"resume_data": {"a": [1]}, "from_step": "manager"},
            {"resume_data": {"a": [1]}, "from_step": "manager"},
        ),
        ("cancel", PAUSED, {}, {"compensate": False}),
        ("cancel", PAUSED, {"compensate": True}, {"compensate": True}),
        ("retry", ("failed",), {"from_step": "accept"}, {"from_step": "accept"}),
        ("skip", ("failed",), {"step": "accept"}, {"step": "accept"}),
        ("skip", PAUSED, {}, {"step": None}),
    ],
)
async def test_a_command_is_produced_as_the_consumer_reads_it(
    quiet_client: httpx.AsyncClient,
    quiet: World,
    kind: str,
    state: tuple[Any, ...],
    body: dict[str, Any],
    data: dict[str, Any],
) -> None:
    execution = an_execution(quiet, uuid4().hex, *state)
    asked = {**body, "by": "ops@example.com", "reason": "looked at it"}
    answer = await quiet_client.post(path_of(execution, kind), json=asked)
    assert answer.status_code == 202, answer.text
    sent = answer.json()
    assert sent == {"command_id": sent["command_id"], "execution_id": execution}
    record = quiet.command_sent(sent["command_id"])
    at = record.value.pop("at")
    assert record.key == execution
    assert record.value == {
        "command_id": sent["command_id"],
        "kind": kind,
        "execution_id": execution,
        "workflow": "order-approval",
        "data": data,
        "by": "ops@example.com",
        "reason": "looked at it",
    }
    Command.model_validate({**record.value, "at": at})


async def test_a_command_needs_no_body(quiet_client: httpx.AsyncClient, quiet: World) -> None:
    execution = an_execution(quiet, uuid4().hex)
    answer = await quiet_client.post(path_of(execution, "cancel"))
    assert answer.status_code == 202
    record = quiet.command_sent(answer.json()["command_id"])
    assert (record.value["by"], record.value["data"]) == ("api", {"compensate": False})


async def test_a_rerun_answers_the_id_of_the_execution_to_come(
    quiet_client: httpx.AsyncClient, quiet: World
) -> None:
    execution = an_execution(quiet, uuid4().hex, "blocked")
    answer = (await quiet_client.post(path_of(execution, "rerun"))).json()
    record = quiet.command_sent(answer["command_id"])
    command = Command.model_validate(record.value)
    assert answer["execution_id"] == public_id(started_id(command))
    assert answer["rerun_of"] == execution == record.key


# S94 S203
@pytest.mark.parametrize(
    ("kind", "state", "status", "code"),
    [
        ("resume", ("running",), 409, "not_paused"),
        ("resume", ("completed",), 409, "execution_finished"),
        ("resume", ("paused", "approval:w_1", ("approval",)), 409, "waits_for_approval"),
        ("hold", HELD, 409, "already_held"),
        ("hold", ("failed",), 409, "execution_finished"),
        ("cancel", ("cancelled",), 409, "execution_finished"),
        ("retry", ("blocked",), 409, "not_failed"),
        ("skip", ("completed",), 409, "execution_finished"),
    ],
)
async def test_what_the_database_already_tells_is_refused_at_once(
    quiet_client: httpx.AsyncClient,
    quiet: World,
    kind: str,
    state: tuple[Any, ...],
    status: int,
    code: str,
) -> None:
    execution = an_execution(quiet, uuid4().hex, *state)
    key = uuid4().hex
    answer = await quiet_client.post(path_of(execution, kind), headers={"idempotency-key": key})
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["type"] == "/problems/command-refused"
    assert answer.headers["content-type"] == "application/problem+json"
    assert quiet.all_seen(lambda r: r.topic == quiet.topic("commands") and r.key == execution) == []


@pytest.mark.parametrize("kind", ["hold", "resume", "cancel", "retry", "skip", "rerun"])
@pytest.mark.parametrize("id", [NOBODY, "nonsense"])
async def test_a_command_about_no_execution_is_not_found(
    quiet_client: httpx.AsyncClient, kind: str, id: str
) -> None:
    answer = await quiet_client.post(path_of(id, kind))
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown")


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("hold", {"steps": 1}),
        ("hold", {"by": ""}),
        ("resume", {"resume_data": 1}),
        ("resume", {"resumeData": {}}),
        ("cancel", {"compensate": "perhaps"}),
        ("skip", {"step": ""}),
        ("hold", {"reason": "x" * 2_001}),
    ],
)
async def test_a_body_that_does_not_fit_is_refused(
    quiet_client: httpx.AsyncClient, quiet: World, kind: str, body: dict[str, Any]
) -> None:
    execution = an_execution(quiet, uuid4().hex, *HELD)
    answer = await quiet_client.post(path_of(execution, kind), json=body)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-request")


async def test_text_that_no_database_stores_is_refused_before_it_is_produced(
    quiet_client: httpx.AsyncClient, quiet: World
) -> None:
    execution = an_execution(quiet, uuid4().hex)
    answer = await quiet_client.post(path_of(execution, "hold"), json={"reason": "a\x00b"})
    assert (answer.status_code, answer.json()["code"]) == (400, "nul_character")


# S93 S103
async def test_a_waiting_call_is_answered_by_its_receipt(
    quiet_client: httpx.AsyncClient, quiet: World
) -> None:
    execution, key = an_execution(quiet, uuid4().hex), uuid4().hex
    row_id = str(parse_execution_id(execution))
    path, headers = path_of(execution, "hold") + "?wait=20", {"idempotency-key": key}
    call = asyncio.create_task(quiet_client.post(path, headers=headers))
    await take(quiet, id_for(key, "hold", row_id), message="held by api")
    answer = await call
    assert answer.status_code == 200
    receipt = answer.json()
    assert (receipt["result"], receipt["message"]) == ("applied", "held by api")
    assert (receipt["kind"], receipt["execution_id"]) == ("hold", execution)
    stored = await quiet_client.get(f"{API}/receipts/{receipt['command_id']}")
    assert stored.json() == receipt


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("unknown", 404),
        ("unknown_step", 422),
        ("malformed", 422),
        ("not_allowed", 403),
        ("not_held", 409),
        ("busy", 409),
    ],
)
async def test_a_refusal_by_receipt_has_its_status(
    quiet_client: httpx.AsyncClient, quiet: World, code: str, status: int
) -> None:
    execution, key = an_execution(quiet, uuid4().hex), uuid4().hex
    call = asyncio.create_task(
        quiet_client.post(path_of(execution, "skip"), headers={"idempotency-key": key})
    )
    id = id_for(key, "skip", str(parse_execution_id(execution)))
    await take(quiet, id, code=code, message="no")
    answer = await call
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["detail"] == "no"


async def test_without_an_answer_in_time_the_call_is_accepted(
    quiet_client: httpx.AsyncClient, quiet: World
) -> None:
    execution = an_execution(quiet, uuid4().hex)
    answer = await quiet_client.post(path_of(execution, "hold") + "?wait=0.1")
    assert answer.status_code == 202
    missing = await quiet_client.get(f"{API}/receipts/{answer.json()['command_id']}")
    assert missing.status_code == 404


# S94
async def test_a_repeated_call_is_produced_once_and_answered_alike(
    quiet_client: httpx.AsyncClient, quiet: World
) -> None:
    execution, key = an_execution(quiet, uuid4().hex, *HELD), uuid4().hex
    headers, body = {"idempotency-key": key}, {"resume_data": {"a": 1}}
    path = path_of(execution, "resume")
    call = asyncio.create_task(quiet_client.post(path, json=body, headers=headers))
    id = id_for(key, "resume", str(parse_execution_id(execution)))
    await take(quiet, id)
    first = await call
    with psycopg.connect(quiet.database_url) as connection:
        connection.execute(
            "update workflow_executions set status = 'running', paused_at = null,"
            " paused_reason = null where execution_id = %s",
            (execution,),
        )
    again = await quiet_client.post(path, json=body, headers=headers)
    assert (again.status_code, again.json()) == (200, first.json())
    other = await quiet_client.post(path, json={"resume_data": {"a": 2}}, headers=headers)
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")
    fresh = await quiet_client.post(path, json=body, headers={"idempotency-key": uuid4().hex})
    assert fresh.json()["code"] == "not_paused"
    assert len(quiet.all_seen(lambda r: bool(r.value) and r.value.get("command_id") == id)) == 1


async def test_a_repeated_rerun_answers_the_execution_that_the_first_one_started(
    quiet_client: httpx.AsyncClient, quiet: World
) -> None:
    execution, key = an_execution(quiet, uuid4().hex, "failed"), uuid4().hex
    headers, path = {"idempotency-key": key}, path_of(execution, "rerun")
    call = asyncio.create_task(quiet_client.post(path, headers=headers))
    id = id_for(key, "rerun", str(parse_execution_id(execution)))
    record = await asyncio.to_thread(quiet.command_sent, id)
    started = public_id(started_id(Command.model_validate(record.value)))
    await take(quiet, id, execution=started)
    first, again = await call, await quiet_client.post(path, headers=headers)
    assert first.json()["execution_id"] == again.json()["execution_id"] == started
    assert first.json()["rerun_of"] == execution
