"""How executions begin, whoever asks: keys, lanes, then the first input (D29, S9, S16)."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from engine.definition import Trigger
from engine.execution import Execution
from engine.ids import ExecutionId
from engine.inputs import CancelRequested, Started
from engine.notes import key_of
from streams.budget import LIMIT_CODE, refusal, spend
from streams.catalog import Version
from streams.lanes import Lane, Reservations
from streams.work import KeyHolder, Work

log = logging.getLogger("sluicegate.starts")
KeyName = tuple[str, str]
"""A workflow and one of its trigger keys."""


@dataclass(slots=True)
class Proposal:
    """An execution that somebody asks for: an event, a schedule, a hand."""

    version: Version
    id: ExecutionId
    trigger_event: str
    payload: Mapping[str, object]
    meta: Mapping[str, object]
    triggered_at: datetime
    key: str | None = None
    """At most one unfinished execution of the workflow has it."""
    replaces: bool = False
    """Whether it takes the place of the unfinished execution with its key."""
    queue_key: str | None = None
    """Its key where those with one key wait for each other: a lane sees to that."""
    lanes: tuple[Lane, ...] = ()
    resources: Mapping[str, object] = field(default_factory=dict)
    refusal: tuple[str, str] | None = None
    """Code and text, once a bound keeps it from starting."""
    note: Mapping[str, object] = field(default_factory=dict)
    """What the execution's metadata says beside the event: `retry_of`, `schedule`, ..."""

    @property
    def name(self) -> str:
        """The workflow's name."""
        return self.version.definition.name


def apply_trigger(proposal: Proposal, trigger: Trigger, scope: Mapping[str, object]) -> None:
    """Give a proposal the key and lanes of its trigger; raises Unresolved and TooLong."""
    if trigger.key is not None:
        give_key(proposal, trigger, key_of(trigger.key, scope))
    proposal.lanes = lanes_of(proposal.name, trigger, scope)


def give_key(proposal: Proposal, trigger: Trigger, key: str | None) -> None:
    """Give a proposal its key, as its trigger treats others that have it."""
    if trigger.on_busy == "queue":
        proposal.queue_key = key
    else:
        proposal.key, proposal.replaces = key, trigger.on_busy == "replace"


def lanes_of(workflow: str, trigger: Trigger, scope: Mapping[str, object]) -> tuple[Lane, ...]:
    """Return the lanes in which what a trigger starts runs; raises Unresolved and TooLong."""
    lanes = []
    if trigger.key is not None and trigger.on_busy == "queue":
        lanes.append(Lane(workflow, f"key:{key_of(trigger.key, scope)}", 1))
    if trigger.concurrency is not None:
        lane = key_of(trigger.concurrency.key, scope)
        lanes.append(Lane(workflow, f"concurrency:{lane}", trigger.concurrency.limit))
    return tuple(lanes)


async def start_all(work: Work, proposals: Sequence[Proposal]) -> set[ExecutionId]:
    """Start what may start, hold what must wait its turn; return the ids of both."""
    await _spend_budgets(work, proposals)
    return await begin_all(work, [one for one in proposals if one.refusal is None])


async def start_uncontended(
    work: Work, proposals: Sequence[Proposal]
) -> tuple[set[ExecutionId], set[ExecutionId]]:
    """Start what no busy key keeps back; return the ids of what began, and of what is kept back."""
    await _spend_budgets(work, proposals)
    proposals = [one for one in proposals if one.refusal is None]
    await _claim_keys(work, proposals)
    contended = {one.id for one in proposals if one.key is not None and not _holds_key(work, one)}
    return await begin_all(work, [one for one in proposals if one.id not in contended]), contended


def _holds_key(work: Work, proposal: Proposal) -> bool:
    holder = work.keys.get((proposal.name, str(proposal.key)))
    return holder is not None and holder.execution_id == proposal.id


async def begin_all(work: Work, proposals: Sequence[Proposal]) -> set[ExecutionId]:
    """Start or hold what no bound refuses, unless its key is busy; return the ids."""
    await _claim_keys(work, proposals)
    places = await Reservations.lock(work, {lane for item in proposals for lane in item.lanes})
    begun = set()
    for proposal in proposals:
        if proposal.id in work.executions or not _takes_key(work, proposal):
            continue
        if places.take(proposal.id, proposal.lanes):
            version, execution, metadata, key = new_execution(proposal)
            given = Started(work.now, proposal.resources)
            work.start(version, execution, metadata, given, key)
        else:
            work.hold(*_held(proposal))
        begun.add(proposal.id)
    await places.save()
    return begun


async def with_freed_keys(work: Work, contended: Sequence[Proposal]) -> list[Proposal]:
    """Return those that replace the holder of their key, or whose holder this transaction ended."""
    names = {(one.name, str(one.key)) for one in contended if not one.replaces}
    ended = {
        (work.executions[id].workflow, key)
        for id, key in work.key_of.items()
        if work.executions[id].ended
    }
    stored = await _find_holders(work, names & ended - work.keys.keys())
    for name, holder in stored.items():
        if holder in work.executions:
            work.keys[name] = KeyHolder(holder, holder)
    return [one for one in contended if one.replaces or _is_free(work, (one.name, str(one.key)))]


def _is_free(work: Work, name: KeyName) -> bool:
    holder = work.keys.get(name)
    return holder is not None and work.executions[holder.execution_id].ended


async def _spend_budgets(work: Work, proposals: Sequence[Proposal]) -> None:
    """Refuse what goes back to a root that has led to as many executions as it may."""
    of_root: dict[str, list[Proposal]] = {}
    for proposal in proposals:
        root = proposal.meta.get("root")
        if isinstance(root, str) and proposal.id not in work.executions:
            of_root.setdefault(root, []).append(proposal)
    allowed = await spend(work, {root: len(caused) for root, caused in of_root.items()})
    for root, caused in of_root.items():
        for proposal in caused[allowed[root] :]:
            proposal.refusal = LIMIT_CODE, refusal(work, root)
            log.warning("%s is not started: %s", proposal.name, proposal.refusal[1])


async def take_key(work: Work, proposal: Proposal) -> bool:
    """Take a proposal's key for it; tell whether it may begin."""
    await _claim_keys(work, [proposal])
    return _takes_key(work, proposal)


def new_execution(
    proposal: Proposal,
) -> tuple[Version, Execution, Mapping[str, object], str | None]:
    """Return a proposal's execution with its version, its metadata and its key."""
    definition = proposal.version.definition
    execution = Execution(
        proposal.id,
        definition.name,
        definition.version,
        proposal.trigger_event,
        proposal.payload,
        proposal.meta,
        proposal.triggered_at,
    )
    metadata: dict[str, object] = {
        "event": proposal.meta,
        "triggered_at": proposal.triggered_at,
        **proposal.note,
    }
    if definition.labels:
        metadata["labels"] = dict(definition.labels)
    if proposal.lanes:
        metadata["lanes"] = [lane.name for lane in proposal.lanes]
    return proposal.version, execution, metadata, proposal.key or proposal.queue_key


def _held(
    proposal: Proposal,
) -> tuple[Version, Execution, Mapping[str, object], str | None]:
    """Return a new execution that says, as `<kind>:<ref>`, what it waits for (S16)."""
    version, execution, metadata, key = new_execution(proposal)
    reason = ", ".join(lane.name for lane in proposal.lanes)
    return version, execution, {**metadata, "pending_reason": reason}, key


async def _claim_keys(work: Work, proposals: Iterable[Proposal]) -> None:
    """Take the trigger keys that no unfinished execution holds; find who holds the others."""
    wanted: dict[KeyName, Proposal] = {}
    for proposal in proposals:
        if proposal.key is not None and (proposal.name, proposal.key) not in work.keys:
            wanted.setdefault((proposal.name, proposal.key), proposal)
    while wanted:
        wanted = await _claim(work, wanted)


async def _claim(work: Work, wanted: Mapping[KeyName, Proposal]) -> dict[KeyName, Proposal]:
    """Claim keys once; return those that changed hands while their holder was locked elsewhere."""
    rows = [
        {"workflow_name": name[0], "key": name[1], "execution_id": wanted[name].id}
        for name in sorted(wanted)
    ]
    claimed = await work.transaction.fetch_written("claim_trigger_keys", rows)
    granted = {row["execution_id"] for row in claimed}
    busy = []
    for name, proposal in wanted.items():
        if proposal.id in granted:
            work.keys[name] = KeyHolder(proposal.id, proposal.id)
        elif proposal.replaces:
            busy.append(name)
    before = await _find_holders(work, busy)
    await work.load(before.values())
    # Only under its holder's lock does a key stay where it is.
    holders = await _find_holders(work, busy)
    moved = {}
    for name in busy:
        holder = holders.get(name)
        if holder is None or holder != before.get(name):
            moved[name] = wanted[name]
        elif holder in work.executions:
            work.keys[name] = KeyHolder(holder, holder)
    return moved


async def _find_holders(work: Work, names: Iterable[KeyName]) -> dict[KeyName, ExecutionId]:
    rows = [{"workflow_name": workflow, "key": key} for workflow, key in sorted(names)]
    found = await work.transaction.fetch_written("find_trigger_keys", rows)
    return {(row["workflow_name"], row["key"]): ExecutionId(row["execution_id"]) for row in found}


def _takes_key(work: Work, proposal: Proposal) -> bool:
    """Tell whether an execution may have its key, after it has replaced another if it should."""
    if proposal.key is None:
        return True
    holder = work.keys.get((proposal.name, proposal.key))
    if holder is None:
        return False
    if holder.execution_id == proposal.id:
        return True
    if not work.executions[holder.execution_id].ended:
        if not proposal.replaces:
            return False
        reason = f"replaced by a newer execution with the key {proposal.key}"
        given = CancelRequested(work.now, "trigger", reason)
        work.apply(holder.execution_id, given)
    holder.execution_id = proposal.id
    return True
