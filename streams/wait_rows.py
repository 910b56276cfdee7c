"""The rows of waits, approval requests and votes."""

from collections.abc import Mapping

from engine.deciders import texts
from engine.effects import RecordVote
from engine.execution import Execution, Wait
from engine.ids import child_id
from storage.rows import record_cell

Row = dict[str, object]


def row_id(wait_id: str) -> str:
    """Return the UUID text behind a wait id."""
    digits = wait_id[2:]
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def wait_row(execution: Execution, wait: Wait) -> Row:
    """Return the row of an open wait."""
    return {
        "id": row_id(wait.id),
        "execution_id": execution.id,
        "step_path": wait.path,
        "kind": wait.kind,
        "status": "open",
        "outcome": None,
        "correlation": wait.correlation,
        "record": record_cell(wait.record),
        "state": wait_state(wait),
        "opened_at": wait.opened_at,
        "since": wait.since or wait.opened_at,
        "due_at": wait.due_at,
        "closed_at": None,
    }


def wait_state(wait: Wait) -> Mapping[str, object] | None:
    """Return what has come to an open approval so far, None where nothing has."""
    return dict(wait.state) if wait.state else None


def approval_row(execution: Execution, wait: Wait) -> Row:
    """Return the row of an open approval request."""
    record = wait.record
    entity = record.get("entity")
    entity = entity if isinstance(entity, dict) else {}
    return {
        "id": row_id(wait.id),
        "execution_id": execution.id,
        "workflow_name": execution.workflow,
        "step_path": wait.path,
        "entity_type": entity.get("type"),
        "entity_id": entity.get("id"),
        "requester_id": record.get("requester"),
        **approval_people(wait),
        "priority": record.get("priority", "normal"),
        "status": "pending",
        "reason": record.get("title"),
        "requested_at": wait.opened_at,
        "expires_at": wait.due_at,
    }


def approval_people(wait: Wait) -> Row:
    """Return the cells that say who may decide."""
    roles, users = list(texts(wait.record.get("roles"))), list(texts(wait.record.get("users")))
    return {
        "approver_role": roles[0] if roles else None,
        "approver_id": users[0] if users else None,
        "roles": roles,
        "users": users,
    }


def approval_status(outcome: str, outcomes: object) -> str:
    """Return the status column of an outcome; of own outcomes the first counts as approval."""
    if outcome in ("approved", "rejected", "expired", "cancelled"):
        return outcome
    first = outcomes[0] if isinstance(outcomes, list) and outcomes else None
    return "approved" if outcome == first else "rejected"


def vote_row(execution: Execution, vote: RecordVote) -> Row:
    """Return the row of a counted vote."""
    return {
        "id": child_id(execution.id, vote.wait.id, "vote", vote.number),
        "request_row_id": row_id(vote.wait.id),
        "execution_id": execution.id,
        "decision_id": vote.decision_id,
        "stage": vote.stage,
        "outcome": vote.outcome,
        "decided_by": vote.by,
        "decided_for": vote.on_behalf_of,
        "reason": vote.reason,
        "form": vote.form,
        "voted_at": vote.at,
    }
