"""The commands agent: starts by hand and operators' requests, each answered by one receipt."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from engine.effects import Accept, Refuse
from engine.errors import SluicegateError
from engine.execution import Execution, Status
from engine.ids import ExecutionId, StepPath, public_id
from engine.inputs import (
    CancelRequested,
    HoldRequested,
    Input,
    ResumeRequested,
    RetryRequested,
    SkipRequested,
    Started,
)
from engine.passing import not_passed, unanswered
from engine.steps.approval import instant_text
from streams.agents.answering import Answering, Received
from streams.catalog import Catalog, Version
from streams.codecs import RawRecord, decode_command
from streams.continuing import context_before, failed_step, steps_of, trigger_of
from streams.dead_letters import DeadLetters
from streams.intake import Apply
from streams.lanes import Reservations
from streams.messages import COMMAND_SOURCE, Command, started_id
from streams.outbound import Outbound
from streams.receipts import Answer, answer_cells
from streams.schemas import Schemas
from streams.starts import (
    Proposal,
    apply_trigger,
    give_key,
    lanes_of,
    new_execution,
    start_all,
    take_key,
)
from streams.work import Work


class CommandsHandler:
    """Carries out commands in the order in which they come."""

    def __init__(
        self, catalog: Catalog, outbound: Outbound, schemas: Schemas, dead_letters: DeadLetters
    ) -> None:
        self._catalog, self._outbound, self._schemas = catalog, outbound, schemas
        blank = {"kind": None, "workflow": None, "by": None}
        self._answering = Answering(decode_command, "command_id", blank, outbound, dead_letters)

    async def prepare(self, records: Sequence[RawRecord]) -> Apply:
        """Decode the batch."""
        return self._answering.prepare(records, self._carry_out)

    def reject(self, record: RawRecord, error_type: str, message: str) -> Apply:
        """Answer a record that cannot be stored as malformed, and keep its bytes."""
        return self._answering.reject(record, error_type, message)

    async def _carry_out(self, work: Work, received: list[Received[Command]]) -> None:
        ids = [one.item.command_id for one in received]
        rows = await work.transaction.fetch("known_commands", ids=ids)
        used = {row["command_id"] for row in rows}
        await work.load({one.item.execution_id for one in received if one.item.execution_id})
        answered = []
        for one in received:
            command = one.item
            if command.command_id in used:
                self._tell(work, command, None, DUPLICATE)
                continue
            used.add(command.command_id)
            owner, answer = await self._obey(work, command)
            self._tell(work, command, owner, answer)
            answered.append(row_of(one, owner, answer, work.now))
        await work.transaction.write("insert_commands", answered)

    async def _obey(self, work: Work, command: Command) -> tuple[ExecutionId | None, Answer]:
        """Carry out one command; return the execution that it is about now, and the answer."""
        if command.kind == "start":
            return await self._start(work, command)
        id = ExecutionId(str(command.execution_id))
        if id not in work.executions:
            return id, Refuse("unknown", f"no execution is called {public_id(id)}")
        if command.kind == "rerun":
            return await self._run_again(work, command, work.executions[id])
        if command.kind in ("retry", "skip") and work.executions[id].status is Status.FAILED:
            return await self._continue(work, command, work.executions[id])
        answer = work.apply(id, input_of(command, work.now))
        return id, answer or Accept("applied", f"{command.kind} by {command.by}")

    async def _start(self, work: Work, command: Command) -> tuple[ExecutionId | None, Answer]:
        version = self._catalog.latest(str(command.workflow))
        if version is None:
            return None, Refuse("unknown_workflow", f"no workflow is called {command.workflow}")
        payload = command.data["payload"]
        meta = meta_of(command)
        proposal = self._proposal(command, version, "manual", payload, meta)
        scope = {**payload, "event": {**payload, "meta": meta}}
        try:
            refused = self._choose_trigger(proposal, command, scope)
        except SluicegateError as problem:
            refused = Refuse("invalid_input", f"{version.definition.name}: {problem}")
        return await self._begin(work, command, proposal, refused)

    def _choose_trigger(
        self, proposal: Proposal, command: Command, scope: Mapping[str, object]
    ) -> Refuse | None:
        """Give a start its key and lanes; with `match` a trigger's condition must hold (S9)."""
        triggers = [
            trigger
            for trigger in proposal.version.definition.triggers
            if not command.data["match"] or trigger.when is None or trigger.when.holds(scope)
        ]
        if not triggers:
            return Refuse("invalid_input", "no trigger's condition holds for this payload")
        apply_trigger(proposal, triggers[0], scope)
        return None

    async def _run_again(
        self, work: Work, command: Command, old: Execution
    ) -> tuple[ExecutionId, Answer]:
        """Start the newest version with the payload of an earlier execution."""
        version = self._catalog.latest(old.workflow)
        if version is None:
            text = f"{old.workflow} is not enabled any more"
            return old.id, Refuse("unknown_workflow", text)
        meta = {**old.meta, "command": command.command_id}
        proposal = self._proposal(command, version, old.trigger_event, old.payload, meta)
        proposal.note = {"rerun_of": public_id(old.id), "by": command.by}
        refused = None
        try:
            scope = {**old.payload, "event": {**old.payload, "meta": meta}}
            apply_trigger(proposal, trigger_of(version.definition, old.trigger_event), scope)
        except SluicegateError as problem:
            refused = Refuse("invalid_input", f"{proposal.name}: {problem}")
        return await self._begin(work, command, proposal, refused)

    async def _continue(
        self, work: Work, command: Command, old: Execution
    ) -> tuple[ExecutionId, Answer]:
        """Go on from a step, or after it, in a new execution: an ended one never moves (S143)."""
        version = work.versions[old.id]
        wanted = from_where(command, old, version)
        if isinstance(wanted, Refuse):
            return old.id, wanted
        at, first = wanted
        meta = {**old.meta, "command": command.command_id}
        proposal = self._proposal(command, version, old.trigger_event, old.payload, meta)
        proposal.triggered_at = old.triggered_at or command.at
        proposal.note = {"retry_of": public_id(old.id), "by": command.by}
        scope = {**old.payload, "event": {**old.payload, "meta": meta}}
        trigger = trigger_of(version.definition, old.trigger_event)
        give_key(proposal, trigger, work.key_of.get(old.id))
        proposal.replaces = False
        proposal.lanes = lanes_of(old.workflow, trigger, scope)
        if refused := await take_place(work, proposal):
            return proposal.id, refused
        _, execution, metadata, key = new_execution(proposal)
        context = context_before(old, version, at, skipped=command.kind == "skip")
        execution = replace(execution, context=context)
        work.start(version, execution, metadata, Started(work.now, first=first), key)
        return execution.id, Accept("applied", f"goes on at {first} in {public_id(execution.id)}")

    def _proposal(
        self,
        command: Command,
        version: Version,
        trigger_event: str,
        payload: Mapping[str, object],
        meta: Mapping[str, object],
    ) -> Proposal:
        id = started_id(command, version.definition.name)
        note = {"by": command.by}
        return Proposal(version, id, trigger_event, payload, meta, command.at, note=note)

    async def _begin(
        self, work: Work, command: Command, proposal: Proposal, refused: Refuse | None
    ) -> tuple[ExecutionId, Answer]:
        problem = self._schemas.problem_of_input(proposal.version, proposal.payload)
        if refused is None and problem is not None:
            refused = Refuse("invalid_input", f"{proposal.name}: {problem}")
        if refused is not None:
            return proposal.id, refused
        if not await start_all(work, [proposal]):
            return proposal.id, busy(proposal)
        return proposal.id, Accept("applied", f"started by {command.by}")

    def _tell(
        self, work: Work, command: Command, owner: ExecutionId | None, answer: Answer
    ) -> None:
        value = receipt_of(command, owner, answer, work.now)
        work.ledger.messages.append(self._outbound.receipt(value, work.now))


DUPLICATE = Refuse("duplicate", "this command id was used before")


def busy(proposal: Proposal) -> Refuse:
    """Return the refusal of a start whose key another execution has."""
    text = f"an unfinished execution of {proposal.name} has the key {proposal.key}"
    return Refuse("busy", text)


async def take_place(work: Work, proposal: Proposal) -> Refuse | None:
    """Take an execution's places and key for it at once, or tell why it may not begin now."""
    places = await Reservations.lock(work, proposal.lanes)
    if not places.has_room(proposal.lanes):
        text = f"{proposal.name} runs as often as it may at once; try again when one has ended"
        return Refuse("busy", text)
    if not await take_key(work, proposal):
        return busy(proposal)
    places.take(proposal.id, proposal.lanes)
    await places.save()
    return None


def from_where(
    command: Command, old: Execution, version: Version
) -> tuple[StepPath, StepPath] | Refuse:
    """Return the step that a retry or a skip names, and the one to go on at."""
    skips, steps = command.kind == "skip", version.definition.steps
    wanted = command.data["step" if skips else "from_step"] or failed_step(old, version)
    at = StepPath(str(wanted))
    if at not in steps or "/" in at:
        text = f"name an outermost step of {old.workflow} to go on from; {wanted!r} is none"
        return Refuse("unknown_step", text)
    first = steps[at].then if skips else at
    if first is None:
        text = f"nothing follows {at}: there is nothing to go on with"
        return Refuse("unknown_step", text)
    asked = unanswered(version.definition, steps_of(old), first)
    if asked is not None:
        return Refuse("waits_for_approval", not_passed(asked))
    return at, first


def meta_of(command: Command) -> dict[str, object]:
    """Return what `event.meta` shows of an execution that a command starts."""
    return {
        "id": command.command_id,
        "type": "manual",
        "source": COMMAND_SOURCE,
        "time": command.at.isoformat(),
        "topic": None,
        "key": None,
    }


def input_of(command: Command, now: datetime) -> Input:
    """Return a command about an execution as the engine takes it."""
    data, by, reason = command.data, command.by, command.reason
    match command.kind:
        case "hold":
            return HoldRequested(now, by, reason)
        case "resume":
            return ResumeRequested(now, by, data["resume_data"], data["from_step"])
        case "cancel":
            return CancelRequested(now, by, reason, data["compensate"])
        case "skip":
            return SkipRequested(now, by, data["step"])
        case "retry":
            return RetryRequested(now, by, data["from_step"])
        case _:
            raise ValueError(f"{command.kind} is not about one execution")


def receipt_of(
    command: Command, owner: ExecutionId | None, answer: Answer, now: datetime
) -> dict[str, object]:
    """Return the receipt's value (interfaces.md, Receipt)."""
    named, cells = owner or command.execution_id, answer_cells(answer, now)
    return {
        "command_id": command.command_id,
        "kind": command.kind,
        "execution_id": public_id(ExecutionId(named)) if named else None,
        "workflow": command.workflow,
        "result": cells["result"],
        "code": cells["code"],
        "message": cells["message"],
        "by": command.by,
        "at": instant_text(now),
    }


def row_of(
    one: Received[Command], owner: ExecutionId | None, answer: Answer, now: datetime
) -> dict[str, object]:
    """Return the row of a command with its answer."""
    command = one.item
    return {
        "command_id": command.command_id,
        "kind": command.kind,
        "execution_id": owner or command.execution_id,
        "workflow": command.workflow,
        "data": command.data,
        "by": command.by,
        "reason": command.reason,
        "received_at": one.received_at,
        **answer_cells(answer, now),
    }
