"""The one answer to a decision, note or grant, as a receipt and as cells of its row."""

from datetime import datetime

from engine.effects import Accept, Refuse
from engine.ids import ExecutionId, parse_execution_id, public_id
from engine.steps.approval import instant_text
from streams.notes import Answered, Grant

Answer = Accept | Refuse


def answer_cells(answer: Answer | None, now: datetime) -> dict[str, object]:
    """Return the cells of a row that hold its answer; all null while it is held."""
    if answer is None:
        return {"result": None, "code": None, "message": None, "answered_at": None}
    result, code = ("refused", answer.code) if isinstance(answer, Refuse) else (answer.result, None)
    return {"result": result, "code": code, "message": answer.message, "answered_at": now}


def receipt(
    answered: Answered, owner: ExecutionId | None, answer: Answer, now: datetime
) -> dict[str, object]:
    """Return the receipt's value (interfaces.md, Receipt)."""
    cells = answer_cells(answer, now)
    _, execution_id = about(answered)
    return {
        "decision_id": answered.decision_id,
        "request_id": request_of(answered, answer),
        "execution_id": public_id(owner) if owner is not None else as_named(execution_id),
        "result": cells["result"],
        "code": cells["code"],
        "message": cells["message"],
        "decided_by": answered.decided_by,
        "at": instant_text(now),
    }


def as_named(execution_id: str | None) -> str | None:
    """Return an execution's id in its public form; a text that is no id as it was sent."""
    found = parse_execution_id(execution_id or "")
    return execution_id if found is None else public_id(found)


def request_of(answered: Answered, answer: Answer | None) -> str | None:
    """Return the request that a record names, or that its answer found where it names none."""
    found = answer.wait_id if answer is not None else None
    return about(answered)[0] or found


def about(answered: Answered) -> tuple[str | None, str | None]:
    """Return the request and the execution that a record names; a grant names none."""
    if isinstance(answered, Grant):
        return None, None
    return answered.request_id, answered.execution_id
