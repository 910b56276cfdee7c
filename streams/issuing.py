"""What API and command line produce about executions, and what can be refused at once.

The receipt decides; what is refused here would be refused by it too.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from engine.codes import COMMAND_CODES
from engine.definition import Definition
from engine.effects import Refuse
from engine.errors import SluicegateError
from streams.codecs import MAX_DECISION_BYTES, Outgoing, encode
from streams.messages import Command, CommandKind
from streams.schemas import compile_schema, first_problem

HELD = "hold"
"""Start of the reason of an execution that an operator has paused."""
ENDED = frozenset({"completed", "blocked", "failed", "cancelled"})
HTTP_STATUS = {code.name: code.http for code in COMMAND_CODES}
"""HTTP status of a refused command."""


def new_command(
    kind: CommandKind,
    command_id: str,
    by: str,
    *,
    execution_id: str | None = None,
    workflow: str | None = None,
    data: Mapping[str, object] | None = None,
    reason: str | None = None,
) -> Command:
    """Return a command of this instant, in the milliseconds that ids are made of."""
    at = datetime.now(UTC)
    return Command(
        command_id=command_id,
        kind=kind,
        execution_id=execution_id,
        workflow=workflow,
        data=dict(data or {}),
        by=by,
        reason=reason,
        at=at.replace(microsecond=at.microsecond // 1000 * 1000),
    )


def is_held(target: Mapping[str, Any]) -> bool:
    """Tell whether an operator holds an execution."""
    return str(target["paused_reason"] or "").partition(":")[0] == HELD


def refusal(kind: CommandKind, target: Mapping[str, Any]) -> Refuse | None:
    """Return why a command about an execution, as the database has it now, cannot be applied."""
    status = target["status"]
    restarts = kind == "rerun" or (status == "failed" and kind in ("retry", "skip"))
    if status in ENDED and not restarts:
        if kind == "retry":
            return _not_failed(status)
        return Refuse(
            "execution_finished", f"the execution has ended: {status}; rerun it to run it again"
        )
    match kind:
        case "hold" if is_held(target):
            return Refuse("already_held", "the execution is held; resume it first")
        case "retry" if status != "failed":
            return _not_failed(status)
        case "resume":
            return _refusal_of_resume(target)
    return None


def _not_failed(status: str) -> Refuse:
    return Refuse("not_failed", f"only a failed execution can be retried; this one is {status}")


def _refusal_of_resume(target: Mapping[str, Any]) -> Refuse | None:
    if target["status"] != "paused":
        return Refuse("not_paused", f"the execution is {target['status']}, not paused")
    waits = target["open_waits"]
    if waits and not is_held(target) and all(wait == "approval" for wait in waits):
        return Refuse(
            "waits_for_approval", "the execution waits for an approval: send a decision instead"
        )
    return None


def refusal_of_start(definition: Definition, payload: Mapping[str, object]) -> Refuse | None:
    """Return why a workflow cannot start with a payload."""
    if definition.input_schema is None:
        return None
    problem = first_problem(compile_schema(definition.input_schema), payload)
    return None if problem is None else Refuse("invalid_input", f"{definition.name}: {problem}")


def key_of_start(
    definition: Definition, payload: Mapping[str, object], command_id: str
) -> str | None:
    """Return the trigger key that a start will have; None where there is none."""
    key = next((trigger.key for trigger in definition.triggers if trigger.key is not None), None)
    if key is None:
        return None
    scope = {**payload, "event": {**payload, "meta": {"id": command_id}}}
    try:
        return key.text(scope)
    except SluicegateError:
        return None


def decision_record(topic: str, value: Mapping[str, object], execution_id: str | None) -> Outgoing:
    """Return a record of the decisions topic: keyed by its execution, else by its author."""
    key = execution_id or str(value["decided_by"])
    headers = {"content-type": "application/json"}
    return Outgoing(topic, key, encode(value, MAX_DECISION_BYTES), headers)


def delegation(
    decision_id: str,
    decided_by: str,
    to: str | Sequence[str],
    since: datetime | None,
    until: datetime | None,
    reason: str | None,
) -> dict[str, object]:
    """Return the record by which somebody lets others decide for them, for a period."""
    return {
        "decision_id": decision_id,
        "kind": "delegate",
        "decided_by": decided_by,
        "to": [to] if isinstance(to, str) else list(to),
        "from": since and since.isoformat(),
        "until": until and until.isoformat(),
        "reason": reason,
    }


def note(
    kind: str, decision_id: str, record: Mapping[str, Any], decided_by: str, **more: object
) -> dict[str, object]:
    """Return a record about a request that is no decision: a comment, claim or reassignment."""
    return {
        "decision_id": decision_id,
        "kind": kind,
        "execution_id": record["execution_id"],
        "request_id": record["wait_id"],
        "decided_by": decided_by,
        **more,
    }


def refusal_of_note(kind: str, approval: Mapping[str, Any]) -> Refuse | None:
    """Return why a request cannot be claimed or handed on; a comment is always taken."""
    status = str(approval["status"])
    if kind == "comment" or status == "pending":
        return None
    code = status if status in ("expired", "cancelled") else "already_decided"
    return Refuse(code, f"the request is closed: {approval['outcome'] or status}")
