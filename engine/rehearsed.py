"""One execution of a rehearsal: what happened to it, and what it asks of others still."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import assert_never

from engine.advance import advance
from engine.answers import Answer, Asked, Doubtful, Fails, Runs, Succeeds
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
from engine.family import outputs_of
from engine.ids import ChildId, ExecutionId, StepPath, execution_id
from engine.inputs import ChildEnded, Input
from engine.patterns import matches
from engine.values import dataclass


@dataclass(frozen=True, slots=True)
class Happening:
    """An effect, and when it was asked for."""

    at: datetime
    effect: Effect


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


class Rehearsed:
    """An execution with its timers, open calls and waits; `parent` asked for it at `step`."""

    def __init__(
        self,
        definition: Definition,
        execution: Execution,
        parent: "Rehearsed | None" = None,
        step: StepPath | None = None,
    ) -> None:
        self.definition, self.execution = definition, execution
        self.parent, self.step = parent, step
        self.happened: list[Happening] = []
        self.timers: dict[ChildId, StartTimer] = {}
        self.asked: dict[str, Asked] = {}
        self.opened: list[Wait] = []
        self.watched: set[str] = set()
        self.given_up: list[ExecutionId] = []
        """Children that it has cancelled."""
        self._shapes = shapes_of(definition)

    def take(self, given: Input) -> Accept | Refuse | None:
        """Apply an input, and keep what it asks for; return its answer."""
        self.execution, effects = advance(self.definition, self.execution, given)
        for effect in effects:
            self.happened.append(Happening(given.at, effect))
            self._enter(effect)
        return next((effect for effect in effects if isinstance(effect, Accept | Refuse)), None)

    def _enter(self, effect: Effect) -> None:
        match effect:
            case StartTimer():
                self.timers[effect.id] = effect
            case StopTimer():
                self.timers.pop(effect.id, None)
            case Perform() | WriteRecord() | StartChild():
                self.asked[effect.id] = effect
            case DropEffect():
                self.asked.pop(effect.id, None)
            case CancelChild():
                if self.asked.pop(effect.id, None) is None:
                    self.given_up.append(effect.id)
            case Watch():
                self.watched.add(effect.correlation)
            case StopWatching():
                self.watched.clear()
            case OpenWait():
                self.opened.append(effect.wait)
            case RecordStep() | CloseWait() | Emit() | WriteLog() | Announce():
                pass
            case ChangeWait() | RecordVote() | Accept() | Refuse():
                pass
            case _:
                assert_never(effect)

    def next_timer(self) -> StartTimer | None:
        """Return what comes due first, None if time changes nothing any more."""
        if self.execution.ended:
            return None
        return min(self.timers.values(), key=lambda timer: timer.due_at, default=None)

    @property
    def goes_on(self) -> bool:
        """Tell whether it waits for nothing but its next attempt of something."""
        retries = any(timer.kind == "retry" for timer in self.timers.values())
        return retries and self.execution.status is Status.RUNNING

    def correlations(self, event: Event) -> set[str]:
        """Return all texts under which its waits may be held for an event."""
        found = (
            correlation_of_event(shape, event.data, event.key)
            for shape in self._shapes
            if matches(shape.event, event.type)
        )
        return {text for text in found if text is not None}


def end_of(child: Rehearsed, id: ExecutionId, at: datetime) -> ChildEnded:
    """Return the news of a rehearsed child's end."""
    execution, error = child.execution, child.execution.error
    return ChildEnded(
        at,
        id,
        execution.status,
        execution.result,
        error.code if error else None,
        error.message if error else None,
        outputs_of(execution),
    )


def answered_end(child: StartChild, answer: Answer, at: datetime) -> ChildEnded:
    """Return the end of a child that is answered like a call: it completed, or it failed."""
    match answer:
        case Fails(code, message):
            return ChildEnded(at, child.id, "failed", "failed", code, message, {})
        case Succeeds(output):
            said = output if isinstance(output, Mapping) else {}
            result = str(said.get("result", "allowed"))
            status = "blocked" if result == "blocked" else "completed"
            outputs = said.get("outputs")
            left = outputs if isinstance(outputs, Mapping) else {}
            return ChildEnded(at, child.id, status, result, None, None, left)
        case Doubtful() | Runs():
            raise ValueError("a child either runs, or its end is told")
        case _:
            assert_never(answer)


def visited(happened: Iterable[Happening]) -> list[RecordStep]:
    """Return the first record of each step that was entered, in order."""
    records = (each.effect for each in happened if isinstance(each.effect, RecordStep))
    return [
        record
        for record in records
        if record.first and record.attempt == 1 and record.status is not StepStatus.SKIPPED
    ]
