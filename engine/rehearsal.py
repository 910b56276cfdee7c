"""An execution and its children in memory: calls are answered at once, the clock moves when told.

Runs `advance` alone, so what a rehearsal shows is what production does; used by tests of workflows
and by previews. Nothing is random: jitter is always in the middle.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import assert_never

from engine.answers import Answer, Answerer, Doubtful, Fails, Runs, Succeeds
from engine.definition import Definition
from engine.effects import Accept, Perform, Refuse, StartChild, StartTimer, WriteRecord
from engine.execution import Execution, Wait
from engine.explain import Event
from engine.family import child_of
from engine.ids import ExecutionId, StepPath, public_id
from engine.inputs import (
    ActionFailed,
    ActionInDoubt,
    ActionSucceeded,
    CancelRequested,
    EventArrived,
    Input,
    Started,
    TimerFired,
)
from engine.rehearsed import Happening, Rehearsed, answered_end, end_of
from engine.values import dataclass

CHANCE = 0.5
"""Stands for the jitter of every retry."""


@dataclass(frozen=True, slots=True)
class _Signal:
    """An event that came, for waits that open later (D10)."""

    at: datetime
    event: Event


class Rehearsal:
    """An execution and the children that it starts, under one clock."""

    def __init__(
        self, definition: Definition, execution: Execution, now: datetime, answer: Answerer
    ) -> None:
        self.now = now
        self.root = Rehearsed(definition, execution)
        self._answer = answer
        self._parts: dict[ExecutionId, Rehearsed] = {execution.id: self.root}
        self._signals: list[_Signal] = []

    @property
    def execution(self) -> Execution:
        """The execution as it stands."""
        return self.root.execution

    @property
    def happened(self) -> list[Happening]:
        """What its inputs asked for so far, without those of its children."""
        return self.root.happened

    @property
    def parts(self) -> Iterator[Rehearsed]:
        """The execution and all children of it that are rehearsed, in the order of their start."""
        yield from self._parts.values()

    def children(self, parent: Rehearsed) -> dict[StepPath, Rehearsed]:
        """Return the rehearsed executions that one of them started, by the step that did."""
        children = (part for part in self._parts.values() if part.parent is parent)
        return {child.step: child for child in children if child.step is not None}

    def start(self, resources: Mapping[str, object] | None = None) -> None:
        """Begin; `resources` are the loads at hand, by their path."""
        self.give(Started(self.now, resources or {}))

    def give(self, given: Input, to: Rehearsed | None = None) -> Accept | Refuse | None:
        """Apply an input and all that follows until everything holds; return its answer."""
        answer = self._apply(to or self.root, given)
        self._settle()
        return answer

    def receive(self, event: Event) -> None:
        """Take a domain event: it ends the open waits it correlates with, and those to come."""
        signal = _Signal(self.now, event)
        self._signals.append(signal)
        for part in list(self._parts.values()):
            found = part.correlations(event)
            for wait in list(part.execution.waits.values()):
                if wait.correlation in found:
                    self._apply(part, self._arrival(wait, signal))
            if part.watched & found:
                reason = f"{event.type} {event.id}"
                self._apply(part, CancelRequested(self.now, "cancel_on", reason))
        self._settle()

    def pass_until(self, at: datetime) -> None:
        """Let time pass; the timers that come due on the way fire in order."""
        while (due := self._next_timer()) is not None and due[1].due_at <= at:
            self._fire(*due)
            self._settle()
        self.now = max(self.now, at)

    def _apply(self, part: Rehearsed, given: Input) -> Accept | Refuse | None:
        had_ended = part.execution.ended
        answer = part.take(given)
        for id in part.given_up:
            if id in self._parts:
                by = public_id(part.execution.id)
                self._apply(self._parts[id], CancelRequested(self.now, by))
        part.given_up.clear()
        if part.execution.ended and not had_ended and part.parent is not None:
            self._apply(part.parent, end_of(part, part.execution.id, self.now))
        return answer

    def _settle(self) -> None:
        """Answer calls, meet early events and make retries, until nothing goes on by itself."""
        while self._go_on():
            pass

    def _go_on(self) -> bool:
        """Let the next thing happen that happens by itself; tell whether there was one."""
        going = [part for part in self._parts.values() if not part.execution.ended]
        # A child that nobody waits for is asked for even by an execution that has ended since.
        for part in self._parts.values():
            if part.asked:
                self._answer_next(part)
                return True
        for part in going:
            if part.opened:
                self._meet_early_events(part, part.opened.pop(0))
                return True
        due = self._next_timer()
        if due is None or not any(part.goes_on for part in going):
            return False
        self._fire(*due)
        return True

    def _answer_next(self, part: Rehearsed) -> None:
        asked = part.asked.pop(next(iter(part.asked)))
        answer = self._answer(asked)
        if isinstance(asked, StartChild):
            self._begin_child(part, asked, answer)
            return
        match answer:
            case Succeeds(output):
                self._apply(part, ActionSucceeded(self.now, asked.id, output))
            case Fails(code, message, retryable):
                failed = ActionFailed(self.now, asked.id, code, message, retryable, chance=CHANCE)
                self._apply(part, failed)
            case Doubtful():
                self._doubt(part, asked)
            case Runs():
                raise ValueError(f"{asked.id} is a call; only a child can run")
            case _:
                assert_never(answer)

    def _doubt(self, part: Rehearsed, asked: Perform | WriteRecord) -> None:
        """Ask once more where that is how the step wants its doubts resolved."""
        if isinstance(asked, Perform) and asked.in_doubt == "retry":
            part.asked[asked.id] = asked
        else:
            self._apply(part, ActionInDoubt(self.now, asked.id))

    def _begin_child(self, part: Rehearsed, asked: StartChild, answer: Answer) -> None:
        if isinstance(answer, Runs):
            execution = child_of(part.execution, asked, answer.definition, self.now)
            child = Rehearsed(answer.definition, execution, part, asked.path)
            self._parts[asked.id] = child
            self._apply(child, Started(self.now))
        elif asked.awaited:
            self._apply(part, answered_end(asked, answer, self.now))

    def _meet_early_events(self, part: Rehearsed, wait: Wait) -> None:
        for signal in self._signals:
            is_early = wait.since is not None and signal.at >= wait.since
            if is_early and wait.correlation in part.correlations(signal.event):
                self._apply(part, self._arrival(wait, signal))

    def _arrival(self, wait: Wait, signal: _Signal) -> EventArrived:
        return EventArrived(
            self.now, wait.id, dict(signal.event.data), signal.event.meta(signal.at)
        )

    def _next_timer(self) -> tuple[Rehearsed, StartTimer] | None:
        timers = ((part, part.next_timer()) for part in self._parts.values())
        found = [(part, timer) for part, timer in timers if timer is not None]
        return min(found, key=lambda due: due[1].due_at, default=None)

    def _fire(self, part: Rehearsed, timer: StartTimer) -> None:
        del part.timers[timer.id]
        self.now = max(self.now, timer.due_at)
        self._apply(part, TimerFired(self.now, timer.id))
