"""The decisions agent: each decision is answered by one receipt, and resumes at most one pause."""

from collections.abc import Sequence
from datetime import datetime

from engine.effects import Refuse
from engine.ids import ExecutionId
from streams.agents.answering import Answering, Received
from streams.agents.hearing import Hearing, unknown
from streams.codecs import RawRecord, decode_answered
from streams.dead_letters import DeadLetters
from streams.intake import Apply
from streams.messages import Decision
from streams.notes import Answered, as_recorded, read_answered
from streams.outbound import Outbound
from streams.receipts import Answer, answer_cells, receipt, request_of
from streams.schemas import Schemas
from streams.work import Work

DUPLICATE = Refuse("duplicate", "this decision id was used before")


class DecisionsHandler:
    """Answers what comes on the decisions topic; what comes before its pause is held."""

    def __init__(self, outbound: Outbound, schemas: Schemas, dead_letters: DeadLetters) -> None:
        self._outbound, self._schemas = outbound, schemas
        blank = {"request_id": None, "decided_by": None}
        self._answering = Answering(decode_answered, "decision_id", blank, outbound, dead_letters)

    async def prepare(self, records: Sequence[RawRecord]) -> Apply:
        """Decode the batch."""
        return self._answering.prepare(records, self._carry_out)

    def reject(self, record: RawRecord, error_type: str, message: str) -> Apply:
        """Answer a record that cannot be stored as malformed, and keep its bytes."""
        return self._answering.reject(record, error_type, message)

    async def _carry_out(self, work: Work, received: list[Received[Answered]]) -> None:
        ids = [one.item.decision_id for one in received]
        rows = await work.transaction.fetch("known_decisions", ids=ids)
        used = {row["decision_id"] for row in rows}
        hearing = Hearing(work, self._schemas)
        owners = await hearing.open([one.item for one in received])
        answered = []
        for one, owner in zip(received, owners, strict=True):
            answer: Answer | None = DUPLICATE
            if one.item.decision_id not in used:
                used.add(one.item.decision_id)
                answer = hearing.answer(one.item, owner, one.received_at)
            if answer is not None:
                self._tell(work, one.item, owner, answer)
            answered.append(row_of(one, owner, answer, work.now))
        await work.transaction.write("insert_decisions", answered)
        await hearing.close()

    def _tell(self, work: Work, item: Answered, owner: ExecutionId | None, answer: Answer) -> None:
        value = receipt(item, owner, answer, work.now)
        work.ledger.messages.append(self._outbound.receipt(value, work.now))

    async def meet(self, work: Work, keep_seconds: float) -> int:
        """Answer what was held and whose pause has come; refuse what waited in vain."""
        rows = await work.transaction.fetch("claim_held_decisions", keep_seconds=keep_seconds)
        items = [read_answered(row["body"]) for row in rows]
        hearing = Hearing(work, self._schemas)
        owners = await hearing.open(items)
        answered = []
        for row, item, owner in zip(rows, items, owners, strict=True):
            answer = hearing.answer(item, owner, row["received_at"])
            if answer is None and row["given_up"]:
                answer = unknown(item)
            if answer is not None:
                self._tell(work, item, owner, answer)
                cells = answer_cells(answer, work.now)
                answered.append(
                    {
                        "id": row["id"],
                        "execution_id": owner,
                        "request_id": request_of(item, answer),
                        **cells,
                    }
                )
        await work.transaction.write("answer_held_decisions", answered)
        await hearing.close()
        return len(answered)


def row_of(
    one: Received[Answered], owner: ExecutionId | None, answer: Answer | None, now: datetime
) -> dict[str, object]:
    """Return the row of a decision, note or grant with its answer."""
    item, record = one.item, one.record
    form: dict[str, object] = {}
    if isinstance(item, Decision):
        outcome, form = item.outcome, item.form
    else:
        outcome = item.kind
    return {
        "decision_id": item.decision_id,
        "execution_id": owner,
        "request_id": request_of(item, answer),
        "outcome": outcome,
        "decided_by": item.decided_by,
        "reason": item.reason,
        "form": form,
        "body": as_recorded(item),
        "received_at": one.received_at,
        "topic": record.topic,
        "partition": record.partition,
        "record_offset": record.offset,
        **answer_cells(answer, now),
    }
