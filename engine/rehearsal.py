"""One execution in memory: its effects are answered at once, its clock moves when it is told to.

Runs `advance` alone, so what a rehearsal shows is what production does; used by tests of workflows
and by previews. Nothing is random: jitter is always in the middle.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TypeAlias, assert_never

from engine.advance import advance
from engine.correlation import correlation_of_event, shapes_of
from engine.definition import Definition
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
from engine.execution import Execution, Status, StepStatus, Wait
from engine.explain import Event
from engine.ids import ChildId, execution_id
from engine.inputs import (
    ActionFailed,
    ActionSucceeded,
    CancelRequested,
    ChildEnded,
    EventArrived,
    Input,
    Started,
    TimerFired,
)
from engine.patterns import matches
from engine.templates import Secret
from engine.values import dataclass

CHANCE = 0.5
"""Stands for the jitter of every retry."""


@dataclass(frozen=True, slots=True)
class Succeeds:
    """The answer to a call: it was done."""

    output: object = None


@dataclass(frozen=True, slots=True)
class Fails:
    """The answer to a call: this attempt failed."""

    code: str
    message: str
    retryable: bool = False


Answer: TypeAlias = Succeeds | Fails
Asked: TypeAlias = Perform | WriteRecord | StartChild
"""What somebody else must answer; of a child the output is `{result, outputs}`."""
Answerer: TypeAlias = Callable[[Asked], Answer]


@dataclass(frozen=True, slots=True)
class Happening:
    """An effect, and when it was asked for."""

    at: datetime
    effect: Effect


@dataclass(frozen=True, slots=True)
class Row:
    """A row of `records`."""

    data: Mapping[str, object]
    version: int = 1


@dataclass(frozen=True, slots=True)
class _Signal:
    """An event that came, for waits that open later (D10)."""

    at: datetime
    event: Event
    correlations: frozenset[str]


class Records:
    """The table `records`, in memory."""

    def __init__(self, rows: Mapping[tuple[str, str], Row] | None = None) -> None:
        self.rows: dict[tuple[str, str], Row] = dict(rows or {})

    def write(self, write: WriteRecord) -> Answer:
        """Write as the batch does: create once, merge an update, respect an expected version."""
        key, about = (write.entity, write.entity_id), f"{write.entity} {write.entity_id}"
        held, wanted = self.rows.get(key), write.expected_version
        if write.mode == "create" and held is not None:
            return Fails("record_exists", f"{about} exists already; use update_record to change it")
        if wanted is not None and (held is None or held.version != wanted):
            return Fails("stale_version", f"{about} is not at version {wanted}; read it again")
        row = Row(write.values)
        if held is not None:
            row = Row({**held.data, **write.values}, held.version + 1)
        self.rows[key] = row
        return Succeeds({"entity": write.entity, "id": write.entity_id, "version": row.version})


def shown_params(asked: Perform) -> dict[str, object]:
    """Return what a call sends, with `${secrets.NAME}` where a secret will stand."""
    shown: object = dict(asked.params)
    for slot in asked.secrets:
        text = "".join(
            f"${{secrets.{part.name}}}" if isinstance(part, Secret) else part for part in slot.parts
        )
        shown = _put(shown, slot.at, text)
    return shown if isinstance(shown, dict) else {}


def _put(node: object, at: tuple[str | int, ...], text: str) -> object:
    """Return a value with a text at a place inside it."""
    if not at:
        return text
    key, rest = at[0], at[1:]
    if isinstance(node, dict):
        return {**node, key: _put(node.get(key), rest, text)}
    if isinstance(node, list) and isinstance(key, int):
        return [_put(item, rest, text) if n == key else item for n, item in enumerate(node)]
    return node


def new_execution(
    definition: Definition, event: Event, at: datetime, trigger: str | None = None
) -> Execution:
    """Return the execution that an event, or a hand, gives at an instant; not yet started."""
    id = execution_id(definition.name, event.source, event.id, round(at.timestamp() * 1000))
    return Execution(
        id,
        definition.name,
        definition.version,
        trigger or event.type,
        event.data,
        event.meta(at),
        at,
    )


class Rehearsal:
    """An execution with its timers, calls, records and events, all in memory."""

    def __init__(
        self,
        definition: Definition,
        execution: Execution,
        now: datetime,
        answer: Answerer,
    ) -> None:
        self.definition, self.execution, self.now = definition, execution, now
        self.happened: list[Happening] = []
        self._answer = answer
        self._shapes = shapes_of(definition)
        self._timers: dict[ChildId, StartTimer] = {}
        self._asked: dict[str, Asked] = {}
        self._watched: set[str] = set()
        self._opened: list[Wait] = []
        self._signals: list[_Signal] = []

    def start(self, resources: Mapping[str, object] | None = None) -> None:
        """Begin; `resources` are the loads at hand, by their path."""
        self.give(Started(self.now, resources or {}))

    def give(self, given: Input) -> Accept | Refuse | None:
        """Apply an input and all that follows until the execution holds; return its answer."""
        answer = self._apply(given)
        self._settle()
        return answer

    def receive(self, event: Event) -> None:
        """Take a domain event: it ends the open waits it correlates with, and those to come."""
        found = {
            correlation_of_event(shape, event.data, event.key)
            for shape in self._shapes
            if matches(shape.event, event.type)
        }
        signal = _Signal(self.now, event, frozenset(text for text in found if text is not None))
        self._signals.append(signal)
        for wait in list(self.execution.waits.values()):
            if wait.correlation in signal.correlations:
                self._apply(self._arrival(wait, signal))
        if self._watched & signal.correlations:
            self._apply(CancelRequested(self.now, "cancel_on", f"{event.type} {event.id}"))
        self._settle()

    def pass_until(self, at: datetime) -> None:
        """Let time pass; the timers that come due on the way fire in order."""
        while not self.execution.ended:
            timer = self._next_timer()
            if timer is None or timer.due_at > at:
                break
            self._fire(timer)
            self._settle()
        self.now = max(self.now, at)

    def _apply(self, given: Input) -> Accept | Refuse | None:
        self.execution, effects = advance(self.definition, self.execution, given)
        for effect in effects:
            self.happened.append(Happening(self.now, effect))
            self._enter(effect)
        return next((effect for effect in effects if isinstance(effect, Accept | Refuse)), None)

    def _enter(self, effect: Effect) -> None:
        match effect:
            case StartTimer():
                self._timers[effect.id] = effect
            case StopTimer():
                self._timers.pop(effect.id, None)
            case Perform() | WriteRecord() | StartChild(awaited=True):
                self._asked[effect.id] = effect
            case DropEffect() | CancelChild():
                self._asked.pop(effect.id, None)
            case Watch():
                self._watched.add(effect.correlation)
            case StopWatching():
                self._watched.clear()
            case OpenWait():
                self._opened.append(effect.wait)
            case RecordStep() | CloseWait() | Emit() | WriteLog() | Announce():
                pass
            case ChangeWait() | RecordVote() | StartChild() | Accept() | Refuse():
                pass
            case _:
                assert_never(effect)

    def _settle(self) -> None:
        """Answer calls, meet early events and make retries, until nothing goes on by itself."""
        while not self.execution.ended:
            if self._asked:
                self._answer_next()
            elif self._opened:
                self._meet_early_events(self._opened.pop(0))
            elif (
                self.execution.status is Status.RUNNING
                and (timer := self._next_timer()) is not None
            ):
                self._fire(timer)
            else:
                return

    def _answer_next(self) -> None:
        id = next(iter(self._asked))
        asked = self._asked.pop(id)
        answer = self._answer(asked)
        if isinstance(asked, StartChild):
            self._apply(_ended(asked, answer, self.now))
            return
        match answer:
            case Succeeds(output):
                self._apply(ActionSucceeded(self.now, asked.id, output))
            case Fails(code, message, retryable):
                failed = ActionFailed(self.now, asked.id, code, message, retryable, chance=CHANCE)
                self._apply(failed)
            case _:
                assert_never(answer)

    def _meet_early_events(self, wait: Wait) -> None:
        for signal in self._signals:
            is_early = wait.since is not None and signal.at >= wait.since
            if is_early and wait.correlation in signal.correlations:
                self._apply(self._arrival(wait, signal))

    def _arrival(self, wait: Wait, signal: _Signal) -> EventArrived:
        return EventArrived(
            self.now, wait.id, dict(signal.event.data), signal.event.meta(signal.at)
        )

    def _next_timer(self) -> StartTimer | None:
        return min(self._timers.values(), key=lambda timer: timer.due_at, default=None)

    def _fire(self, timer: StartTimer) -> None:
        del self._timers[timer.id]
        self.now = max(self.now, timer.due_at)
        self._apply(TimerFired(self.now, timer.id))


def _ended(child: StartChild, answer: Answer, now: datetime) -> ChildEnded:
    """Return the end of a child that is answered like a call: it completed, or it failed."""
    match answer:
        case Fails(code, message):
            return ChildEnded(now, child.id, "failed", "failed", code, message, {})
        case Succeeds(output):
            said = output if isinstance(output, Mapping) else {}
            result = str(said.get("result", "allowed"))
            status = "blocked" if result == "blocked" else "completed"
            outputs = said.get("outputs")
            left = outputs if isinstance(outputs, Mapping) else {}
            return ChildEnded(now, child.id, status, result, None, None, left)


def visited(happened: Iterable[Happening]) -> list[RecordStep]:
    """Return the first record of each step that was entered, in order."""
    records = (each.effect for each in happened if isinstance(each.effect, RecordStep))
    return [
        record
        for record in records
        if record.first and record.attempt == 1 and record.status is not StepStatus.SKIPPED
    ]
