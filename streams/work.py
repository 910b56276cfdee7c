"""One transaction's work: executions locked, inputs applied, all written at the end."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from engine.effects import Accept, Effect, Perform, Refuse
from engine.execution import Closed, Execution, Wait
from engine.ids import ExecutionId, WaitId
from engine.inputs import ActionFailed, ActionSucceeded, DecisionArrived, EventArrived, Input
from engine.watching import watched_while_pending
from storage.rows import (
    changing_cells,
    execution_from_row,
    execution_row,
    row_ids_of_waits,
    wait_from_row,
)
from storage.store import Pending, Transaction, json_size
from streams.catalog import Catalog, Version
from streams.codecs import Outgoing
from streams.failpoints import reach
from streams.family import start_children, tell_parents
from streams.lanes import release
from streams.ledger import Ledger, RecordWrite
from streams.outbox import chunks, pack
from streams.oversize import instead_of
from streams.records import write_records
from streams.requesters import Requesters

Advance = Callable[[Version, Execution, Input], tuple[Execution, tuple[Effect, ...]]]
CheckInput = Callable[[Version, Mapping[str, object]], str | None]
"""Says what a definition's input schema refuses in a payload."""
LEASE_GRACE_SECONDS = 5
"""How much longer than its timeout an effect stays ours before another worker may claim it."""


@dataclass(slots=True)
class KeyHolder:
    """Which execution holds a trigger key, and which the row names."""

    execution_id: ExecutionId
    stored: ExecutionId


@dataclass(slots=True)
class Work:
    """What a transaction has loaded and what it will write."""

    transaction: Transaction
    catalog: Catalog
    ledger: Ledger
    advance: Advance
    check_input: CheckInput
    now: datetime
    worker: str
    executions: dict[ExecutionId, Execution] = field(default_factory=dict)
    versions: dict[ExecutionId, Version] = field(default_factory=dict)
    new: dict[ExecutionId, Mapping[str, object]] = field(default_factory=dict)
    changed: set[ExecutionId] = field(default_factory=set)
    keys: dict[tuple[str, str], KeyHolder] = field(default_factory=dict)
    key_of: dict[ExecutionId, str] = field(default_factory=dict)
    in_lanes: set[ExecutionId] = field(default_factory=set)
    """Loaded executions that count against a limit of concurrency."""
    outbox: dict[int, list[Outgoing]] = field(default_factory=dict)
    """Messages by the id of their row, once written."""

    async def load(self, ids: Collection[str], waits: Collection[str] = ()) -> None:
        """Lock executions and read them with their open waits, and how the named waits closed."""
        wanted = sorted({id for id in ids if id not in self.executions})
        if not wanted:
            return
        rows, open_waits, closed = await self.transaction.fetch_pipelined(
            ("lock_executions", {"ids": wanted}),
            ("load_open_waits", {"ids": wanted}),
            ("load_closed_waits", {"wait_ids": row_ids_of_waits(waits)}),
        )
        held: dict[str, list[Wait]] = {}
        for row in open_waits:
            held.setdefault(row["execution_id"], []).append(wait_from_row(row))
        over: dict[str, dict[WaitId, Closed]] = {}
        for row in closed:
            waits_over = over.setdefault(row["execution_id"], {})
            waits_over[WaitId(row["wait_id"])] = Closed(row["outcome"], row["decided_by"])
        for row in rows:
            id = ExecutionId(row["id"])
            self.executions[id] = execution_from_row(row, held.get(id, ()), over.get(id, {}))
            self.versions[id] = await self.catalog.version(
                self.transaction, row["workflow_name"], row["workflow_version"]
            )
            if row["trigger_key"] is not None:
                self.key_of[id] = row["trigger_key"]
            if "lanes" in row["metadata"]:
                self.in_lanes.add(id)

    def start(
        self,
        version: Version,
        execution: Execution,
        metadata: Mapping[str, object],
        given: Input,
        key: str | None,
    ) -> None:
        """Begin a new execution with its first input."""
        self.versions[execution.id] = version
        self.executions[execution.id] = execution
        self.new[execution.id] = metadata
        if key is not None:
            self.key_of[execution.id] = key
        self.apply(execution.id, given)

    def hold(
        self,
        version: Version,
        execution: Execution,
        metadata: Mapping[str, object],
        key: str | None,
    ) -> None:
        """Create an execution that waits for its turn: `pending`, without a first input."""
        watches = watched_while_pending(version.definition, execution, self.now)
        self.ledger.take(execution, watches)
        self.versions[execution.id] = version
        self.executions[execution.id] = execution
        self.new[execution.id] = metadata
        if key is not None:
            self.key_of[execution.id] = key

    def apply(self, id: ExecutionId, given: Input) -> Accept | Refuse | None:
        """Give one input to a loaded execution; return the answer to its sender, if any."""
        before = self.executions[id]
        after, effects = self.advance(self.versions[id], before, given)
        if after.context is not before.context:
            smaller = self._too_large(before, after, given)
            if smaller is not None:
                after, effects = self.advance(self.versions[id], before, smaller)
        if after is not before:
            self.executions[id] = after
            self.changed.add(id)
        self.ledger.outbound.caused_by(cause_of(given))
        return self.ledger.take(after, effects)

    def _too_large(self, before: Execution, after: Execution, given: Input) -> Input | None:
        """Return what to give instead of an input that lets the context grow above its bound."""
        size, most = json_size(after.context), self.catalog.bounds.max_context_bytes
        if size <= most or size <= json_size(before.context):
            return None
        return instead_of(given, size, most)

    async def finish(self) -> None:
        """Write everything; the caller commits."""
        requesters = Requesters()
        await self.settle()
        while await requesters.refuse_beyond(self):
            await self.settle()
        tell_parents(self)
        await self._leave_lanes()
        async with self.transaction.pipelined():
            await self._write_executions()
            await self._write_children()
            await self._write_keys()
            written = await self._write_outbox()
        for cursor, messages in written:
            row = await cursor.fetchone()
            if row is not None:
                self.outbox[row["id"]] = messages

    @property
    def unsettled(self) -> bool:
        """Whether steps have asked for what is done inside the transaction."""
        return bool(self.ledger.record_writes or self.ledger.children)

    async def settle(self) -> None:
        """Do inside the transaction what steps ask for inside it, until nothing is left."""
        while self.unsettled:
            writes, self.ledger.record_writes = self.ledger.record_writes, []
            await self._settle_records(writes)
            children, self.ledger.children = self.ledger.children, {}
            await start_children(self, children.values())

    async def _leave_lanes(self) -> None:
        new = {id for id, metadata in self.new.items() if "lanes" in metadata}
        ended = {id for id in self.in_lanes | new if self.executions[id].ended}
        if ended:
            await release(self, ended)

    async def _settle_records(self, writes: list[RecordWrite]) -> None:
        """Write records and let their executions go on, in this same transaction (rule 6)."""
        for item, result in await write_records(self.transaction, writes):
            effect = item.write.id
            if isinstance(result, Refuse):
                given: Input = ActionFailed(self.now, effect, result.code, result.message, False)
            else:
                execution = self.executions[item.execution_id]
                # What was applied last may be another execution's.
                self.ledger.outbound.caused_by(None)
                self.ledger.record_changed(execution, item.write, result, self.now)
                given = ActionSucceeded(self.now, effect, result)
            self.apply(item.execution_id, given)

    async def _write_executions(self) -> None:
        new = [
            execution_row(self.executions[id], self.versions[id].id, self.key_of.get(id), metadata)
            for id, metadata in self.new.items()
        ]
        updated = [
            changing_cells(self.executions[id]) for id in sorted(self.changed - self.new.keys())
        ]
        await self.transaction.write("insert_executions", new)
        await self.transaction.write("update_executions", updated)

    async def _write_children(self) -> None:
        transaction, ledger = self.transaction, self.ledger
        for name, rows in (
            ("insert_steps", ledger.new_steps),
            ("update_steps", ledger.changed_steps),
            ("insert_waits", ledger.new_waits),
            ("close_waits", ledger.closed_waits),
            ("insert_approvals", ledger.new_approvals),
            ("close_approvals", ledger.closed_approvals),
            ("insert_timers", ledger.timers),
            ("change_waits", ledger.changed_waits),
            ("change_approvals", ledger.changed_waits),
        ):
            await transaction.write(name, list(rows.values()))
        reach("resume.after_guard" if ledger.closed_waits else "")
        await transaction.write("insert_votes", ledger.votes)
        await transaction.write("insert_watches", ledger.watches)
        if ledger.unwatched:
            await transaction.run("delete_watches", ids=sorted(ledger.unwatched))
        if ledger.stopped_timers:
            await transaction.run("delete_timers", ids=sorted(ledger.stopped_timers))
        if ledger.dropped_effects:
            await transaction.run("drop_effects", ids=sorted(ledger.dropped_effects))
        await transaction.write(
            "insert_effects",
            ledger.effect_rows(),
            grace_seconds=LEASE_GRACE_SECONDS,
            lease_token=self.worker,
        )

    async def _write_keys(self) -> None:
        """Release the trigger keys of executions that have ended, and note who holds the others."""
        held = {holder.stored for holder in self.keys.values()}
        released = [
            {"workflow_name": self.executions[id].workflow, "key": key, "execution_id": id}
            for id, key in self.key_of.items()
            if id not in self.new and id not in held and self.executions[id].ended
        ]
        moved = []
        for (workflow, key), holder in self.keys.items():
            row = {"workflow_name": workflow, "key": key, "execution_id": holder.stored}
            if self.executions[holder.execution_id].ended:
                released.append(row)
            elif holder.execution_id != holder.stored:
                moved.append({**row, "holder": holder.execution_id})
        await self.transaction.write("release_trigger_keys", released)
        await self.transaction.write("move_trigger_keys", moved)

    async def _write_outbox(self) -> list[tuple[Pending, list[Outgoing]]]:
        """Insert the messages' rows; their ids are known once the pipeline has ended."""
        rows = chunks(self.ledger.messages)
        cursors = [
            await self.transaction.start("insert_outbox", shard=shard, messages=pack(messages))
            for shard, messages in rows
        ]
        return [(cursor, messages) for cursor, (_, messages) in zip(cursors, rows, strict=True)]

    @property
    def performs(self) -> Iterable[tuple[ExecutionId, Perform]]:
        """The effects that this worker performs after the commit."""
        return self.ledger.effects.values()


def cause_of(given: Input) -> str | None:
    """Return the id of the message that an input is; None for one that no message brought."""
    match given:
        case DecisionArrived():
            return given.decision_id
        case EventArrived():
            id = given.meta.get("id")
            return id if isinstance(id, str) else None
        case _:
            return None
