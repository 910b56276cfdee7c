"""What one transaction writes: effects as rows and messages, folded by what they are about."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import assert_never

from engine.effects import (
    Accept,
    Announce,
    CancelChild,
    ChangeWait,
    CloseWait,
    DropEffect,
    Effect,
    Emit,
    OpenWait,
    Perform,
    RecordStep,
    RecordVote,
    Refuse,
    StartChild,
    StartTimer,
    StopTimer,
    StopWatching,
    Watch,
    WriteLog,
    WriteRecord,
)
from engine.execution import Execution, Wait
from engine.ids import ExecutionId, child_id, public_id
from storage.rows import milliseconds, record_cell
from streams.codecs import Outgoing
from streams.notices import Notices
from streams.outbound import Outbound
from streams.wait_rows import (
    Row,
    approval_people,
    approval_row,
    approval_status,
    row_id,
    vote_row,
    wait_row,
    wait_state,
)

NO_NOTICES = Notices()
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""Due instant of what is due at once."""


@dataclass(frozen=True, slots=True)
class RecordWrite:
    """A row of `records` that an execution asks for."""

    execution_id: ExecutionId
    write: WriteRecord


@dataclass(frozen=True, slots=True)
class ChildStart:
    """An execution that a step of another one starts."""

    parent: ExecutionId
    start: StartChild


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line for the log, written once the transaction is committed."""

    execution_id: ExecutionId
    workflow: str
    line: WriteLog


@dataclass(slots=True)
class Ledger:
    """Rows of one transaction by table; a row written twice is kept once, as it ends."""

    outbound: Outbound
    notices: Notices = NO_NOTICES
    new_steps: dict[str, Row] = field(default_factory=dict)
    changed_steps: dict[str, Row] = field(default_factory=dict)
    new_waits: dict[str, Row] = field(default_factory=dict)
    closed_waits: dict[str, Row] = field(default_factory=dict)
    new_approvals: dict[str, Row] = field(default_factory=dict)
    closed_approvals: dict[str, Row] = field(default_factory=dict)
    timers: dict[str, Row] = field(default_factory=dict)
    stopped_timers: set[str] = field(default_factory=set)
    effects: dict[str, tuple[ExecutionId, Perform]] = field(default_factory=dict)
    children: dict[ExecutionId, ChildStart] = field(default_factory=dict)
    changed_waits: dict[str, Row] = field(default_factory=dict)
    votes: list[Row] = field(default_factory=list)
    watches: list[Row] = field(default_factory=list)
    unwatched: set[str] = field(default_factory=set)
    dropped_effects: set[str] = field(default_factory=set)
    record_writes: list[RecordWrite] = field(default_factory=list)
    messages: list[Outgoing] = field(default_factory=list)
    log_lines: list[LogLine] = field(default_factory=list)

    def take(self, execution: Execution, effects: Iterable[Effect]) -> Accept | Refuse | None:
        """Enter all effects of one input; return the answer to its sender, if there is one."""
        answer: Accept | Refuse | None = None
        for effect in effects:
            if isinstance(effect, Accept | Refuse):
                answer = effect
            else:
                self._enter(execution, effect)
        return answer

    def _enter(self, execution: Execution, effect: Effect) -> None:
        match effect:
            case RecordStep():
                self._enter_step(execution, effect)
            case Announce():
                self.messages.append(self.outbound.life_cycle(execution, effect))
            case OpenWait():
                self._open(execution, effect.wait)
            case CloseWait():
                self._close(execution, effect)
            case StartTimer():
                self._start_timer(execution, effect)
            case StopTimer():
                if self.timers.pop(effect.id, None) is None:
                    self.stopped_timers.add(effect.id)
            case Perform():
                self.effects[effect.id] = (execution.id, effect)
            case DropEffect():
                self._drop(effect)
            case WriteRecord():
                self.record_writes.append(RecordWrite(execution.id, effect))
            case StartChild():
                self.children[effect.id] = ChildStart(execution.id, effect)
            case CancelChild():
                if self.children.pop(effect.id, None) is None:
                    body = {"by": public_id(execution.id), "compensate": effect.compensate}
                    self.nudge(effect.id, "cancel", body)
            case Emit():
                self.messages.append(self.outbound.emitted(execution, effect))
            case WriteLog():
                self.log_lines.append(LogLine(execution.id, execution.workflow, effect))
            case Accept() | Refuse():
                pass
            case _:
                self._enter_rare(execution, effect)

    def _drop(self, dropped: DropEffect) -> None:
        """Withdraw what this transaction asked for, or what an earlier one left."""
        writes = [item for item in self.record_writes if item.write.id != dropped.id]
        known = self.effects.pop(dropped.id, None) or len(writes) < len(self.record_writes)
        self.record_writes = writes
        if not known:
            self.dropped_effects.add(dropped.id)

    def _enter_rare(
        self, execution: Execution, effect: ChangeWait | RecordVote | Watch | StopWatching
    ) -> None:
        match effect:
            case ChangeWait():
                self._change(execution, effect.wait)
                self._tell(execution, self.notices.changed(execution, effect.wait, effect.about))
            case RecordVote():
                self.votes.append(vote_row(execution, effect))
            case Watch():
                self.watches.append(
                    {"correlation": effect.correlation, "execution_id": execution.id}
                )
            case StopWatching():
                self.unwatched.add(execution.id)
            case _:
                assert_never(effect)

    def _enter_step(self, execution: Execution, step: RecordStep) -> None:
        row: Row = {
            "id": step.id,
            "status": step.status,
            "output": step.output,
            "started_at": step.started_at,
            "completed_at": step.completed_at,
            "error_code": step.error_code,
            "error_message": step.error_message,
        }
        if step.input is not None:
            row["input"] = step.input
        known = self.new_steps.get(step.id)
        if known is not None:
            known.update(row)
            known["duration_ms"] = milliseconds(step.started_at, step.completed_at)
        elif step.first:
            row["execution_id"] = execution.id
            row["step_id"], row["step_path"] = step.step_id, step.path
            row["step_type"], row["attempt"] = step.step_type, step.attempt
            row["duration_ms"] = milliseconds(step.started_at, step.completed_at)
            self.new_steps[step.id] = row
        else:
            self.changed_steps[step.id] = {**self.changed_steps.get(step.id, {}), **row}

    def _open(self, execution: Execution, wait: Wait) -> None:
        self.new_waits[wait.id] = wait_row(execution, wait)
        if wait.kind == "approval":
            self.new_approvals[wait.id] = approval_row(execution, wait)
            self._tell(execution, self.notices.opened(execution, wait))
        self.messages.append(self.outbound.wait_opened(execution, wait))

    def _change(self, execution: Execution, wait: Wait) -> None:
        """Keep an open wait as it is now, and announce it once more."""
        cells: Row = {"record": record_cell(wait.record), "state": wait_state(wait)}
        new, people = self.new_waits.get(wait.id), approval_people(wait)
        if new is not None:
            new.update(cells)
            self.new_approvals[wait.id].update(people)
        else:
            self.changed_waits[wait.id] = {"id": row_id(wait.id), **cells, **people}
        self.messages.append(self.outbound.wait_changed(execution, wait))

    def _tell(self, execution: Execution, notices: Iterable[Effect]) -> None:
        """Enter what tells people of an approval request."""
        for notice in notices:
            self._enter(execution, notice)

    def nudge(
        self, execution_id: ExecutionId, kind: str, body: Mapping[str, object], about: str = ""
    ) -> None:
        """Leave an input for another execution: a timer that is due at once."""
        id = child_id(execution_id, kind, about)
        self.timers[id] = {
            "id": id,
            "execution_id": execution_id,
            "kind": kind,
            "due_at": EPOCH,
            "body": body,
        }

    def _close(self, execution: Execution, closing: CloseWait) -> None:
        wait = closing.wait
        closed: Row = {"status": "closed", "outcome": closing.outcome, "closed_at": closing.at}
        new = self.new_waits.get(wait.id)
        if new is not None:
            new.update(closed)
        else:
            self.closed_waits[wait.id] = {"id": row_id(wait.id), **closed}
        if wait.kind == "approval":
            self._close_approval(wait, closing)
            self._tell(execution, self.notices.closed(execution, closing))
        self.messages.append(self.outbound.wait_closed(execution, closing))

    def _close_approval(self, wait: Wait, closing: CloseWait) -> None:
        decided: Row = {
            "status": approval_status(closing.outcome, wait.record.get("outcomes")),
            "outcome": closing.outcome,
            "decision_reason": closing.reason,
            "decided_by": closing.decided_by,
            "decided_for": closing.decided_for,
            "decided_at": closing.at,
        }
        new = self.new_approvals.get(wait.id)
        if new is not None:
            new.update(decided)
        else:
            self.closed_approvals[wait.id] = {"id": row_id(wait.id), **decided}

    def _start_timer(self, execution: Execution, timer: StartTimer) -> None:
        self.stopped_timers.discard(timer.id)
        self.timers[timer.id] = {
            "id": timer.id,
            "execution_id": execution.id,
            "wait_id": timer.wait_id,
            "kind": timer.kind,
            "due_at": timer.due_at,
        }

    def record_changed(
        self, execution: Execution, write: WriteRecord, result: Mapping[str, object], at: datetime
    ) -> None:
        """Tell the event topic that a record was created or updated (D30)."""
        self.messages.append(self.outbound.record_changed(execution, write, result, at))

    def effect_rows(self) -> list[Row]:
        """Return the rows of the effects to be performed after the commit."""
        return [
            {
                "id": effect.id,
                "execution_id": execution_id,
                "step_path": effect.path,
                "kind": effect.kind,
                "params": effect.params,
                "secrets": [asdict(slot) for slot in effect.secrets],
                "idempotency_key": effect.idempotency_key,
                "attempt": effect.attempt,
                "timeout_ms": round(effect.timeout.total_seconds() * 1000),
                "in_doubt": effect.in_doubt,
            }
            for execution_id, effect in self.effects.values()
        ]

    @property
    def nudged(self) -> bool:
        """Whether this transaction leaves something that is due at once."""
        return any(row["due_at"] is EPOCH for row in self.timers.values())

    @property
    def opened_kinds(self) -> frozenset[object]:
        """The kinds of the waits that this transaction leaves open."""
        return frozenset(row["kind"] for row in self.new_waits.values() if row["status"] == "open")

    @property
    def opened_event_waits(self) -> list[object]:
        """Row ids of the event waits that this transaction leaves open."""
        rows = self.new_waits.values()
        return [row["id"] for row in rows if row["status"] == "open" and row["kind"] == "event"]
