"""The decisions agent: each decision is answered by one receipt, and resumes at most one pause."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from engine.effects import Accept, Refuse
from engine.ids import ExecutionId, WaitId, parse_execution_id, public_id, wait_id, wait_row_id
from engine.inputs import DecisionArrived
from engine.steps.approval import instant_text
from streams.codecs import RawRecord, Undecodable, decode_decision
from streams.dead_letters import DeadLetters
from streams.intake import Apply
from streams.messages import Decision
from streams.outbound import Outbound
from streams.schemas import Schemas
from streams.work import Work


@dataclass(frozen=True, slots=True)
class Received:
    """A decoded decision and where it stood."""

    decision: Decision
    record: RawRecord
    received_at: datetime


class DecisionsHandler:
    """Applies decisions; those that come before their pause are held."""

    def __init__(self, outbound: Outbound, schemas: Schemas, dead_letters: DeadLetters) -> None:
        self._outbound, self._schemas, self._dead_letters = outbound, schemas, dead_letters

    async def prepare(self, records: Sequence[RawRecord]) -> Apply:
        """Decode the batch."""
        received: list[Received] = []
        malformed: list[tuple[RawRecord, Undecodable]] = []
        for record in records:
            try:
                received.append(Received(decode_decision(record), record, record.received_at))
            except Undecodable as problem:
                malformed.append((record, problem))

        async def apply(work: Work) -> None:
            for record, problem in malformed:
                await self._refuse_record(work, record, problem.error_type, problem.message)
            if received:
                await self._carry_out(work, received)

        return apply

    def reject(self, record: RawRecord, error_type: str, message: str) -> Apply:
        """Answer a record that cannot be stored as malformed, and keep its bytes."""

        async def apply(work: Work) -> None:
            await self._refuse_record(work, record, error_type, message)

        return apply

    async def _refuse_record(
        self, work: Work, record: RawRecord, error_type: str, message: str
    ) -> None:
        await self._dead_letters.put(work, record, error_type, message)
        key = None if record.key is None else record.key.decode("utf-8", "replace")
        value = {
            "decision_id": f"{record.topic}:{record.partition}:{record.offset}",
            "request_id": None,
            "execution_id": key,
            "result": "refused",
            "code": "malformed",
            "message": message,
            "decided_by": None,
            "at": instant_text(work.now),
        }
        work.ledger.messages.append(self._outbound.receipt(value, work.now))

    async def _carry_out(self, work: Work, received: list[Received]) -> None:
        ids = [item.decision.decision_id for item in received]
        rows = await work.transaction.fetch("known_decisions", ids=ids)
        used = {row["decision_id"] for row in rows}
        owners = await find_owners(work, [item.decision for item in received])
        await work.load(
            {owner for owner in owners if owner is not None},
            [item.decision.request_id for item in received if item.decision.request_id],
        )
        answered = []
        for item, owner in zip(received, owners, strict=True):
            decision = item.decision
            if decision.decision_id in used:
                answer: Accept | Refuse | None = Refuse(
                    "duplicate", "this decision id was used before"
                )
            else:
                used.add(decision.decision_id)
                answer = self._decide(work, decision, owner, item.received_at)
            answered.append(self._answer(work, item, owner, answer))
        await work.transaction.write("insert_decisions", answered)

    def _decide(
        self, work: Work, decision: Decision, owner: ExecutionId | None, received_at: datetime
    ) -> Accept | Refuse | None:
        """Give a decision to its execution; None means that it is early and must be held."""
        if owner is None or owner not in work.executions:
            return None if may_be_early(decision, owner) else unknown(decision)
        given = to_input(decision, received_at, work.now, self._schemas, work, owner)
        answer = work.apply(owner, given)
        if (
            isinstance(answer, Refuse)
            and answer.code == "unknown"
            and expects(work, owner, decision)
        ):
            return None
        return answer

    def _answer(
        self, work: Work, item: Received, owner: ExecutionId | None, answer: Accept | Refuse | None
    ) -> dict[str, object]:
        decision = item.decision
        if answer is not None:
            value = receipt(decision, owner, answer, work.now)
            work.ledger.messages.append(self._outbound.receipt(value, work.now))
        return {
            "decision_id": decision.decision_id,
            "execution_id": owner,
            "request_id": decision.request_id,
            "outcome": decision.outcome,
            "decided_by": decision.decided_by,
            "reason": decision.reason,
            "form": decision.form,
            "body": decision.model_dump(mode="json"),
            "received_at": item.received_at,
            "topic": item.record.topic,
            "partition": item.record.partition,
            "record_offset": item.record.offset,
            **answer_cells(answer, work.now),
        }

    async def meet(self, work: Work, keep_seconds: float) -> int:
        """Apply held decisions whose pause has come; refuse those that waited in vain."""
        rows = await work.transaction.fetch("claim_held_decisions", keep_seconds=keep_seconds)
        decisions = [Decision.model_validate(row["body"]) for row in rows]
        owners = await find_owners(work, decisions)
        await work.load(
            {owner for owner in owners if owner is not None},
            [decision.request_id for decision in decisions if decision.request_id],
        )
        answered = []
        for row, decision, owner in zip(rows, decisions, owners, strict=True):
            answer = self._decide(work, decision, owner, row["received_at"])
            if answer is None and row["given_up"]:
                answer = unknown(decision)
            if answer is not None:
                value = receipt(decision, owner, answer, work.now)
                work.ledger.messages.append(self._outbound.receipt(value, work.now))
                cells = answer_cells(answer, work.now)
                answered.append({"id": row["id"], "execution_id": owner, **cells})
        await work.transaction.write("answer_held_decisions", answered)
        return len(answered)


async def find_owners(work: Work, decisions: Sequence[Decision]) -> list[ExecutionId | None]:
    """Return the execution that each decision means, None where it cannot be told."""
    unnamed = [
        row_id
        for decision in decisions
        if decision.execution_id is None and (row_id := wait_row_id(decision.request_id or ""))
    ]
    by_wait: Mapping[str, str] = {}
    if unnamed:
        rows = await work.transaction.fetch("find_wait_owners", wait_ids=unnamed)
        by_wait = {row["wait_id"]: row["execution_id"] for row in rows}
    return [
        parse_execution_id(decision.execution_id or by_wait.get(decision.request_id or "", ""))
        for decision in decisions
    ]


def may_be_early(decision: Decision, owner: ExecutionId | None) -> bool:
    """Tell whether the ids that a decision names can belong to an execution yet to come."""
    request = wait_row_id(decision.request_id) if decision.request_id else None
    named = [id for id in (owner, request) if id is not None]
    well_formed = all(id[14] == "7" for id in named)
    belongs = owner is None or request is None or owner[:13] == request[:13]
    readable = (decision.request_id is None) == (request is None)
    return bool(named) and well_formed and belongs and readable


def expects(work: Work, owner: ExecutionId, decision: Decision) -> bool:
    """Tell whether an unfinished execution may still open the request that a decision names."""
    execution = work.executions[owner]
    if execution.ended:
        return False
    if decision.request_id is None:
        return not any(wait.kind == "approval" for wait in execution.waits.values())
    steps = work.versions[owner].definition.steps
    return any(wait_id(owner, path) == decision.request_id for path in steps)


def unknown(decision: Decision) -> Refuse:
    """Return the refusal of a decision about nothing we know."""
    about = decision.request_id or decision.execution_id
    return Refuse("unknown", f"no execution or request is called {about}")


def to_input(
    decision: Decision,
    received_at: datetime,
    now: datetime,
    schemas: Schemas,
    work: Work,
    owner: ExecutionId,
) -> DecisionArrived:
    """Return a decision as the engine takes it, with what its form's schema refuses."""
    waits = work.executions[owner].waits
    request = WaitId(decision.request_id) if decision.request_id is not None else None
    if request is not None:
        wait = waits.get(request)
    else:
        wait = next((wait for wait in waits.values() if wait.kind == "approval"), None)
    problem = None
    if wait is not None and wait.record.get("form"):
        problem = schemas.problem_of_form(
            wait.record, decision.form, partial=decision.outcome == "rejected"
        )
    return DecisionArrived(
        now,
        received_at,
        decision.decision_id,
        request,
        decision.outcome,
        decision.decided_by,
        decision.reason,
        decision.form,
        decision.request_hash,
        decision.on_behalf_of,
        form_problem=problem,
    )


def answer_cells(answer: Accept | Refuse | None, now: datetime) -> dict[str, object]:
    """Return the cells of a decision's row that hold its answer; all null while it is held."""
    if answer is None:
        return {"result": None, "code": None, "message": None, "answered_at": None}
    result, code = ("refused", answer.code) if isinstance(answer, Refuse) else (answer.result, None)
    return {"result": result, "code": code, "message": answer.message, "answered_at": now}


def receipt(
    decision: Decision, owner: ExecutionId | None, answer: Accept | Refuse, now: datetime
) -> dict[str, object]:
    """Return the receipt's value (interfaces.md, Receipt)."""
    cells = answer_cells(answer, now)
    return {
        "decision_id": decision.decision_id,
        "request_id": decision.request_id,
        "execution_id": public_id(owner) if owner is not None else decision.execution_id,
        "result": cells["result"],
        "code": cells["code"],
        "message": cells["message"],
        "decided_by": decision.decided_by,
        "at": instant_text(now),
    }
