"""Rows as the consuming side writes them, for a deployment without a worker."""

import asyncio
import json
import time
from typing import Any
from uuid import UUID

import psycopg

from engine.ids import ExecutionId, execution_id, parse_execution_id, public_id
from streams.notes import as_recorded, read_answered
from tests.world import Seen, World

EXECUTION = """
insert into workflow_executions (
    id, workflow_id, workflow_name, workflow_version, trigger_event, trigger_payload, status,
    result, completed_at, paused_at, paused_reason, metadata
)
select
    %(id)s, w.id, w.name, w.version, 'order.created', '{}', %(status)s, %(result)s,
    case when %(ended)s then now() end, case when %(reason)s::text is not null then now() end,
    %(reason)s, %(metadata)s
from workflows w
where w.name = 'order-approval'
"""
LABELLED = """
with version as (
    insert into workflows (id, name, version, content_hash, definition, body, labels)
    select gen_random_uuid(), 'labelled', count(*) + 1, '', '', '{}', %(labels)s
    from workflows
    where name = 'labelled'
    returning id, name, version
)
update workflow_executions e
set workflow_id = v.id, workflow_name = v.name, workflow_version = v.version
from version v
where e.id = %(id)s
"""
WAIT = """
insert into waits (
    id, execution_id, step_path, kind, status, outcome, closed_at, record, opened_at, since
)
values (
    %(id)s, %(execution_id)s, 'manager', %(kind)s,
    case when %(outcome)s::text is null then 'open' else 'closed' end, %(outcome)s,
    case when %(outcome)s::text is not null then now() end, %(record)s, now(), now()
)
"""
APPROVAL = """
insert into approval_requests (
    id, execution_id, step_path, status, decided_at, roles, workflow_name
)
values (
    %(id)s, %(execution_id)s, 'manager', %(status)s, %(decided_at)s, %(roles)s, 'order-approval'
)
"""
COMMAND = """
insert into commands (
    command_id, kind, execution_id, workflow, data, by, reason, received_at, result, code, message,
    answered_at
)
values (
    %(command_id)s, %(kind)s, %(row_id)s, %(workflow)s, %(data)s, %(by)s, %(reason)s, now(),
    %(result)s, %(code)s, %(message)s, now()
)
"""
DECISION = """
insert into decisions (
    decision_id, execution_id, request_id, outcome, decided_by, body, received_at, topic, partition,
    record_offset, result, code, message, answered_at
)
values (
    %(decision_id)s, %(execution_id)s, %(request_id)s, 'comment', 'ana', %(body)s, now(), 't', 0, 0,
    %(result)s, %(code)s, %(message)s, now()
)
"""
RESULTS = {"completed": "allowed", "blocked": "blocked", "failed": "failed"}
ENDED = ("completed", "blocked", "failed", "cancelled")


def _new_id(name: str) -> ExecutionId:
    return execution_id("order-approval", "/seeds", name, round(time.time() * 1000))


def an_execution(
    world: World,
    name: str,
    status: str = "running",
    reason: str | None = None,
    waits: tuple[str, ...] = (),
    labels: dict[str, str] | None = None,
) -> str:
    """Insert an execution with open waits; return its public id."""
    id = _new_id(name)
    with psycopg.connect(world.database_url) as connection:
        connection.execute(
            EXECUTION,
            {
                "id": id,
                "status": status,
                "result": RESULTS.get(status),
                "ended": status in ENDED,
                "reason": reason,
                "metadata": json.dumps({"labels": labels or {}}),
            },
        )
        if labels:
            connection.execute(LABELLED, {"id": id, "labels": json.dumps(labels)})
        for kind in waits:
            record = {"workflow": "order-approval"}
            record |= {"event": "stock.counted"} if kind == "event" else {}
            row = {"id": _new_id(f"{name}/{kind}"), "execution_id": id, "kind": kind}
            connection.execute(WAIT, {**row, "record": json.dumps(record), "outcome": None})
            if kind == "approval":
                asked = {"status": "pending", "decided_at": None, "roles": ["clerk"]}
                connection.execute(APPROVAL, {**row, **asked})
    return public_id(id)


def a_request(world: World, name: str, status: str = "pending") -> str:
    """Insert an approval request; return its id."""
    id = parse_execution_id(an_execution(world, name, "paused", "approval:w"))
    row_id = _new_id(f"{name}/request")
    wait_id = "w_" + row_id.replace("-", "")
    assert id is not None
    record = {
        "execution_id": public_id(id),
        "wait_id": wait_id,
        "outcomes": ["approved", "rejected"],
        "request_hash": "sha256:1",
    }
    with psycopg.connect(world.database_url) as connection:
        row = {"id": row_id, "execution_id": id, "kind": "approval", "record": json.dumps(record)}
        outcome = None if status == "pending" else status
        connection.execute(WAIT, {**row, "outcome": outcome})
        decided_at = None if status == "pending" else "2026-03-02T09:00:00Z"
        asked: dict[str, Any] = {"status": status, "decided_at": decided_at, "roles": []}
        connection.execute(APPROVAL, {**row, **asked})
    return wait_id


async def take(
    world: World,
    command_id: str,
    *,
    code: str | None = None,
    message: str = "done",
    execution: str | None = None,
) -> Seen:
    """Answer a command as the consuming side does, once its record has come."""
    sent = await asyncio.to_thread(world.command_sent, command_id)
    answer(world, sent, code=code, message=message, execution=execution)
    return sent


def answer(
    world: World, sent: Seen, *, code: str | None, message: str, execution: str | None
) -> None:
    """Insert the row of a command with its answer."""
    value = sent.value
    named = parse_execution_id(execution or value["execution_id"] or "")
    with psycopg.connect(world.database_url) as connection:
        connection.execute(
            COMMAND,
            {
                **value,
                "row_id": None if named is None else UUID(named),
                "data": json.dumps(value["data"]),
                "result": "applied" if code is None else "refused",
                "code": code,
                "message": message,
            },
        )


def answer_decision(world: World, value: dict[str, str], code: str | None = None) -> None:
    """Insert the row of a decision, or of a note about a request, with its answer."""
    with psycopg.connect(world.database_url) as connection:
        connection.execute(
            DECISION,
            {
                "decision_id": value["decision_id"],
                "execution_id": parse_execution_id(value.get("execution_id") or ""),
                "request_id": value.get("request_id"),
                "body": json.dumps(as_recorded(read_answered(value))),
                "result": "applied" if code is None else "refused",
                "code": code,
                "message": "done",
            },
        )
