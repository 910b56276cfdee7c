"""What tests of the language ask of a deployment: begin, follow, command, read back."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from tests.world import World


def begin(world: World, type: str, data: Mapping[str, Any], **more: Any) -> str:
    """Publish an event that starts exactly one execution; return its public id."""
    (execution_id,) = world.started_by(world.publish(type, data, **more))
    return execution_id


def ended(world: World, execution_id: str) -> dict[str, Any]:
    """Return the row of an execution once it has ended."""
    sql = "select * from workflow_executions where execution_id = %s and completed_at is not null"
    return world.until(sql, execution_id)[0]


def stands(world: World, execution_id: str, status: str) -> dict[str, Any]:
    """Return the row of an execution once it has a status."""
    sql = "select * from workflow_executions where execution_id = %s and status = %s"
    return world.until(sql, execution_id, status)[0]


def steps_of(world: World, execution_id: str) -> dict[str, str]:
    """Return the status of each step execution by its path, as its last attempt left it."""
    sql = """
        select s.step_path, s.status
        from step_executions s
        join workflow_executions e on e.id = s.execution_id
        where e.execution_id = %s
        order by s.started_at, s.id
    """
    return {row["step_path"]: row["status"] for row in world.query(sql, execution_id)}


def request_status(world: World, wait_id: str) -> str:
    """Return where an approval request stands."""
    sql = "select status from approval_requests where request_id = %s"
    return str(world.query(sql, wait_id)[0]["status"])


def record_of(world: World, entity: str, id: str) -> Any:
    """Return the data of a record once it is there."""
    sql = "select data from records where entity_type = %s and entity_id = %s"
    return world.until(sql, entity, id)[0]["data"]


def order(
    world: World,
    kind: str,
    execution_id: str | None = None,
    *,
    command_id: str | None = None,
    workflow: str | None = None,
    **data: Any,
) -> str:
    """Send a command as an operator's tool does; return its id."""
    value = {
        "command_id": command_id or uuid4().hex,
        "kind": kind,
        "execution_id": execution_id,
        "workflow": workflow,
        "data": data,
        "by": "ops@example.com",
        "reason": "seen by eye",
    }
    key = execution_id or str(value["command_id"])
    world.produce(world.topic("commands"), json.dumps(value), key=key)
    return str(value["command_id"])


def answers(world: World, command_id: str, number: int = 1) -> list[dict[str, Any]]:
    """Return the receipts of a command once there are so many."""
    topic = world.topic("receipts")
    found: list[dict[str, Any]] = []

    def enough(record: Any) -> bool:
        if record.topic == topic and record.value.get("command_id") == command_id:
            found.append(record.value)
        return len(found) >= number

    world.wait_for(enough, f"{number} receipts of the command {command_id}")
    return found


def obeyed(world: World, command_id: str) -> dict[str, Any]:
    """Return the receipt of a command that was applied."""
    (receipt,) = answers(world, command_id)
    assert receipt["result"] == "applied", receipt
    return receipt


def refused(world: World, command_id: str) -> str:
    """Return the code with which a command was refused."""
    (receipt,) = answers(world, command_id)
    assert receipt["result"] == "refused", receipt
    return str(receipt["code"])


def answer(world: World, decision_id: str) -> tuple[str, str | None]:
    """Return the result and the code of a decision's receipt."""
    receipt = world.receipt(decision_id)
    return receipt["result"], receipt["code"]
