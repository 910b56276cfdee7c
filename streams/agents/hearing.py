"""What one batch of decisions is measured by, and what it leaves beside the executions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from engine.deciders import Delegation
from engine.definition import ForEachVerb, RepeatVerb
from engine.effects import Accept, Refuse
from engine.execution import Execution, Wait
from engine.ids import ExecutionId, WaitId, parse_execution_id, wait_id, wait_row_id
from engine.inputs import DecisionArrived, RequestChanged
from engine.steps.approval import instant_text
from streams.messages import Decision
from streams.notes import Answered, Grant, Note
from streams.receipts import Answer, about, as_named
from streams.schemas import Schemas
from streams.work import Work

CLOSED = frozenset({"already_decided", "expired", "cancelled", "execution_finished"})
"""Codes of requests that are over, of which one may still speak."""
Row = dict[str, object]


@dataclass(slots=True)
class Hearing:
    """Answers the decisions, notes and grants of one transaction, in their order."""

    work: Work
    schemas: Schemas
    delegations: list[Delegation] = field(default_factory=list)
    granted: list[Row] = field(default_factory=list)
    comments: list[Row] = field(default_factory=list)

    async def open(self, items: Sequence[Answered]) -> list[ExecutionId | None]:
        """Read what the items are about; return the execution that each means."""
        owners = await find_owners(self.work, items)
        requests = [request for item in items if (request := about(item)[0])]
        await self.work.load({owner for owner in owners if owner is not None}, requests)
        people = {item.on_behalf_of for item in items if isinstance(item, Decision)}
        people.discard(None)
        if people:
            rows = await self.work.transaction.fetch(
                "find_delegations", people=sorted(map(str, people))
            )
            self.delegations = [
                Delegation(row["delegator"], row["delegate"], row["valid_from"], row["valid_until"])
                for row in rows
            ]
        return owners

    def answer(
        self, item: Answered, owner: ExecutionId | None, received_at: datetime
    ) -> Answer | None:
        """Answer one item; None means that it is early and must be held."""
        if isinstance(item, Grant):
            return self._grant(item, received_at)
        if owner is None or owner not in self.work.executions:
            return None if may_be_early(item, owner) else unknown(item)
        if isinstance(item, Note):
            answer = self._note(item, owner, received_at)
        else:
            answer = self.work.apply(owner, self._decision(item, owner, received_at))
        is_unknown = isinstance(answer, Refuse) and answer.code == "unknown"
        return None if is_unknown and expects(self.work, owner, item) else answer

    async def close(self) -> None:
        """Write what the items left."""
        await self.work.transaction.write("insert_delegations", self.granted)
        await self.work.transaction.write("insert_comments", self.comments)

    def _grant(self, grant: Grant, received_at: datetime) -> Answer:
        given = grant.delegations(received_at)
        self.delegations.extend(given)
        self.granted.extend(
            {
                "delegator": one.user,
                "delegate": one.delegate,
                "valid_from": one.from_,
                "valid_until": one.until,
                "decision_id": grant.decision_id,
            }
            for one in given
        )
        names, until = ", ".join(grant.to), instant_text(given[0].until)
        return Accept("applied", f"{names} may decide for {grant.decided_by} until {until}")

    def _note(self, note: Note, owner: ExecutionId, received_at: datetime) -> Answer | None:
        request = WaitId(note.request_id) if note.request_id is not None else None
        wait = wait_meant(self.work.executions[owner], request)
        given = RequestChanged(
            self.work.now,
            request,
            note.kind,
            note.decided_by,
            note.to,
            note.roles,
            note.reason,
        )
        answer = self.work.apply(owner, given)
        if note.kind != "comment":
            return answer
        if isinstance(answer, Refuse):
            if request is None or answer.code not in CLOSED:
                return answer
            answer = Accept("applied", f"comment by {note.decided_by}, {answer.message}")
        self.comments.append(
            {
                "request_row_id": wait_row_id(wait.id if wait is not None else str(request)),
                "execution_id": owner,
                "decision_id": note.decision_id,
                "written_by": note.decided_by,
                "comment": note.reason,
                "written_at": received_at,
            }
        )
        return answer

    def _decision(
        self, decision: Decision, owner: ExecutionId, received_at: datetime
    ) -> DecisionArrived:
        """Return a decision as the engine takes it, with what its form's schema refuses."""
        request = WaitId(decision.request_id) if decision.request_id is not None else None
        wait = wait_meant(self.work.executions[owner], request)
        problem = None
        if wait is not None and wait.record.get("form"):
            problem = self.schemas.problem_of_form(
                wait.record, decision.form, partial=decision.outcome == "rejected"
            )
        return DecisionArrived(
            self.work.now,
            received_at,
            decision.decision_id,
            request,
            decision.outcome,
            decision.decided_by,
            decision.reason,
            decision.form,
            decision.request_hash,
            decision.on_behalf_of,
            delegations=tuple(self.delegations),
            form_problem=problem,
        )


def wait_meant(execution: Execution, request: WaitId | None) -> Wait | None:
    """Return the open request that is named, without a name the first."""
    waits = execution.waits
    if request is not None:
        return waits.get(request)
    return next((wait for wait in waits.values() if wait.kind == "approval"), None)


async def find_owners(work: Work, items: Sequence[Answered]) -> list[ExecutionId | None]:
    """Return the execution that each item means, None where it cannot be told."""
    named = [about(item) for item in items]
    unnamed = [
        row_id
        for request, execution in named
        if execution is None and (row_id := wait_row_id(request or ""))
    ]
    by_wait: Mapping[str, str] = {}
    if unnamed:
        rows = await work.transaction.fetch("find_wait_owners", wait_ids=unnamed)
        by_wait = {row["wait_id"]: row["execution_id"] for row in rows}
    return [
        parse_execution_id(execution or by_wait.get(request or "", ""))
        for request, execution in named
    ]


def may_be_early(item: Decision | Note, owner: ExecutionId | None) -> bool:
    """Tell whether the ids that an item names can belong to an execution yet to come."""
    request = wait_row_id(item.request_id) if item.request_id else None
    named = [id for id in (owner, request) if id is not None]
    well_formed = all(id[14] == "7" for id in named)
    belongs = owner is None or request is None or owner[:13] == request[:13]
    readable = (item.request_id is None) == (request is None)
    readable &= item.execution_id is None or owner is not None
    return bool(named) and well_formed and belongs and readable


def expects(work: Work, owner: ExecutionId, item: Decision | Note) -> bool:
    """Tell whether an unfinished execution may still open the request that an item names."""
    execution = work.executions[owner]
    is_readable = item.request_id is None or wait_row_id(item.request_id) is not None
    if execution.ended or not is_readable:
        return False
    if item.request_id is None:
        return not any(wait.kind == "approval" for wait in execution.waits.values())
    if item.request_id in execution.waits:
        return False
    steps = work.versions[owner].definition.steps
    # What runs in a loop has one id for each round: nobody knows yet how many there will be.
    return any(
        wait_id(owner, path) == item.request_id or isinstance(step.verb, ForEachVerb | RepeatVerb)
        for path, step in steps.items()
    )


def unknown(item: Answered) -> Refuse:
    """Return the refusal of an item about nothing we know."""
    request, execution = about(item)
    named = request or as_named(execution)
    return Refuse("unknown", f"no execution or request is called {named}")
