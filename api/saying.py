"""Decisions, notes and grants on their way: produced once, answered by their receipt."""

from collections.abc import Mapping
from typing import Any

from fastapi import Response
from pydantic import ValidationError

from api.keyed import reused
from api.parts import Parts, patience, point_to_receipt
from api.problems import Problem
from api.wording import describe
from engine.codes import RECEIPT_CODES
from engine.effects import Refuse
from streams.issuing import decision_record
from streams.json_check import check_value
from streams.notes import Answered, as_recorded, read_answered

Row = dict[str, Any]
STATUS_OF_CODE = {code.name: code.http for code in RECEIPT_CODES}
"""HTTP status of a refusal; all others are conflicts (interfaces.md, Receipt)."""


async def produce(parts: Parts, value: Mapping[str, Any]) -> None:
    """Produce what somebody said onto the decisions topic, keyed by its execution."""
    record = decision_record(parts.topics.decisions, value, value.get("execution_id"))
    await parts.out.send([record])


async def await_receipt(parts: Parts, decision_id: str, seconds: float) -> Row | None:
    """Return the receipt of a decision, None if it has not come in time."""
    return await parts.answers.wait(("receipt", decision_id), seconds)


async def say(
    parts: Parts,
    value: Row,
    response: Response,
    wait: float,
    key: str | None,
    misfit: Refuse | None = None,
) -> Row:
    """Produce what somebody says unless it was taken before; return its receipt, or ids (202).

    `misfit` refuses what is new. Raises the problem of a refusal, and of an id that stands for
    other words.
    """
    id, said = str(value["decision_id"]), _read(value)
    if key is None or not await _taken_before(parts, said, key):
        if misfit is not None:
            raise Problem(409, "decision-refused", misfit.message, misfit.code)
        parts.sent.claim(key and id, value)
        await produce(parts, value)
    point_to_receipt(response, id)
    seconds = patience(wait, key)
    receipt = await await_receipt(parts, id, seconds) if seconds else None
    if receipt is None:
        names = ("decision_id", "execution_id", "request_id")
        return {name: value[name] for name in names if name in value}
    await _taken_before(parts, said, key)
    if receipt["result"] == "refused":
        code = receipt["code"]
        raise Problem(STATUS_OF_CODE.get(code, 409), "decision-refused", receipt["message"], code)
    response.status_code = 200
    return receipt


def _read(value: Row) -> Answered:
    """Read what is about to be sent as the worker will; raises Undecodable, or a 422 problem."""
    # First of all: the database cannot even be asked for an id that it cannot hold.
    check_value(value)
    try:
        return read_answered(value)
    except ValidationError as problem:
        raise Problem(422, "invalid-request", describe(problem.errors())) from None


async def _taken_before(parts: Parts, said: Answered, key: str | None) -> bool:
    """Tell whether a decision, note or grant was taken; raises a problem if it was another one."""
    known = await parts.answering.decision(said.decision_id)
    if known is None or known == as_recorded(said):
        return known is not None
    if key is not None:
        raise reused()
    used = "this decision id was used before, with other words or about another request"
    raise Problem(409, "decision-refused", used, "duplicate")
