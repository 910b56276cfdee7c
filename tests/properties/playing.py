"""The engine in a scripted world: effects become inputs at the times that the script says."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush
from itertools import count
from typing import Any

from engine.advance import advance
from engine.definition import Definition
from engine.effects import (
    Accept,
    CloseWait,
    Effect,
    Emit,
    OpenWait,
    Perform,
    RecordStep,
    Refuse,
    StartChild,
    StartTimer,
    WriteLog,
    WriteRecord,
)
from engine.execution import Execution, StepStatus, Wait
from engine.ids import WaitId, wait_id
from engine.inputs import (
    ActionFailed,
    ActionInDoubt,
    ActionSucceeded,
    CancelRequested,
    ChildEnded,
    DecisionArrived,
    EventArrived,
    HoldRequested,
    Input,
    ResumeRequested,
    RetryRequested,
    SkipRequested,
    Started,
    TimerFired,
)
from tests.builders import NOW, an_execution
from tests.properties.answers import Answers, Order, Said
from tests.properties.story import Story, plain

Coming = Callable[[datetime], Input]


@dataclass(slots=True)
class World:
    """An execution of the engine, and all that is on its way to it; nothing is ever recalled."""

    definition: Definition
    answers: Answers
    execution: Execution
    story: Story = field(default_factory=Story)
    asked: dict[str, int] = field(default_factory=dict)
    agenda: list[tuple[datetime, int, str, Coming]] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)
    now: datetime = NOW

    def send(self, at: datetime, name: str, coming: Coming) -> None:
        """Let an input come at an instant; its receipt is noted under the name."""
        heappush(self.agenda, (at, next(self.numbers), name, coming))

    def inputs(self) -> Iterator[tuple[str, Input]]:
        """Yield the inputs in order of time until nothing more comes."""
        for order in self.answers.orders():
            self.send(order.at, order.kind, _coming_of(order))
        yield "", Started(NOW)
        while self.agenda:
            at, _, name, coming = heappop(self.agenda)
            self.now = max(self.now, at)
            yield name, coming(self.now)

    def take(self, name: str, given: Input) -> tuple[Execution, tuple[Effect, ...]]:
        """Advance by one input; note what came of it, and send what answers it."""
        self.execution, effects = advance(self.definition, self.execution, given)
        for effect in effects:
            self._note(name, effect)
            self._answer(effect)
        return self.execution, effects

    def _note(self, name: str, effect: Effect) -> None:
        story = self.story
        match effect:
            case RecordStep():
                story.rows[effect.path, effect.attempt] = effect.status.value
            case OpenWait():
                story.waits[effect.wait.path, self._part(effect.wait)] = "open"
            case CloseWait():
                story.waits[effect.wait.path, self._part(effect.wait)] = effect.outcome
            case WriteLog():
                story.told.append(("log", plain(effect.fields)))
            case Emit():
                story.told.append(("emit", effect.event, plain(effect.payload)))
            case StartChild():
                story.told.append(("child", effect.path, plain(effect.payload)))
            case Accept():
                story.receipts[name] = effect.result
            case Refuse():
                story.receipts[name] = effect.code
            case _:
                pass

    def _answer(self, effect: Effect) -> None:
        match effect:
            case Perform():
                self._perform(effect, plain(effect.params))
            case WriteRecord():
                self._perform(effect, plain(effect.values))
            case StartTimer():
                id = effect.id
                self.send(effect.due_at, "", lambda now: TimerFired(now, id))
            case OpenWait():
                self._open(effect.wait)
            case StartChild() if effect.awaited:
                self._grow(effect)
            case RecordStep(status=StepStatus.WAITING, error_code="in_doubt"):
                self._look_after(effect.path)
            case _:
                pass

    def _perform(self, effect: Perform | WriteRecord, shown: object) -> None:
        name = effect.idempotency_key.partition(":")[2]
        number = self.asked[name] = self.asked.get(name, 0) + 1
        self.story.told.append(("ask", name, number, shown))
        answer = self.answers.effect(name, number, may_doubt=self._may_doubt(effect))
        at = self.now + answer.after
        match answer.kind:
            case "done":
                self.send(at, "", lambda now: ActionSucceeded(now, effect.id, answer.output))
            case "doubt":
                self.send(at, "", lambda now: ActionInDoubt(now, effect.id))
            case _:
                again = answer.kind == "retryable"
                code, late, chance = f"http_{number}", answer.retry_after, answer.chance
                failed = (effect.id, code, "no luck", again, late, chance)
                self.send(at, "", lambda now: ActionFailed(now, *failed))

    def _may_doubt(self, effect: Perform | WriteRecord) -> bool:
        return isinstance(effect, Perform) and effect.in_doubt != "retry"

    def _look_after(self, path: str) -> None:
        """Let an operator look at a step in doubt."""
        name = next(name for name in reversed(self.asked) if name.rpartition(":")[0] == path)
        after, act = self.answers.after_doubt(name, self.asked[name])
        kind = SkipRequested if act == "skip" else RetryRequested
        receipt = f"{name}@{self.asked[name]}"
        self.send(self.now + after, receipt, lambda now: kind(now, "ops", path))

    def _open(self, wait: Wait) -> None:
        if wait.kind == "event":
            for came in self.answers.events(wait.path, self._part(wait)):
                self.send(self.now + came.after, "", arriving(wait.id, came.payload))
        elif wait.kind == "approval":
            outcomes = wait.record["outcomes"]
            assert isinstance(outcomes, list)
            for said in self.answers.decisions(wait.path, outcomes):
                self.send(self.now + said.after, said.name, _decision(wait, said))

    def _grow(self, started: StartChild) -> None:
        grown = self.answers.child(started.path)
        self.send(
            self.now + grown.after,
            "",
            lambda now: ChildEnded(
                now, started.id, grown.status, grown.result, grown.code, grown.code, {}
            ),
        )

    def _part(self, wait: Wait) -> int:
        parts = (
            part for part in range(3) if wait_id(self.execution.id, wait.path, part) == wait.id
        )
        return next(parts)


def _decision(wait: Wait, said: Said) -> Coming:
    return lambda now: DecisionArrived(now, now, said.name, wait.id, said.outcome, said.by)


def _coming_of(order: Order) -> Coming:
    match order.kind:
        case "hold":
            return lambda now: HoldRequested(now, "ops")
        case "resume":
            return lambda now: ResumeRequested(now, "ops")
        case kind:
            return lambda now: CancelRequested(now, "ops", None, compensate=kind == "undo")


def a_world(definition: Definition, answers: Answers) -> World:
    """Return a world before the first input."""
    return World(definition, answers, an_execution(definition, answers.payload()))


def as_told(world: World) -> Story:
    """Return the story of a world whose last input has come."""
    execution, story = world.execution, world.story
    error = execution.error
    story.status, story.result = execution.status.value, execution.result
    story.error = None if error is None else (error.code, error.step)
    story.completed_at = execution.completed_at
    story.paused_ms = execution.paused_ms if execution.ended else 0
    story.context = context_of(execution.context)
    return story


def context_of(context: Mapping[str, object]) -> dict[str, object]:
    """Return those parts of a context that the model predicts."""
    found: dict[str, object] = {}
    for part in ("steps", "approvals", "waits"):
        known = context.get(part)
        for id, value in (known if isinstance(known, dict) else {}).items():
            found[f"{part}.{id}"] = plain(value)
    for path in context:
        if path in ("rates", "more") or path.startswith("extra"):
            found[path] = plain(context[path])
    return found


def play(definition: Definition, answers: Answers) -> Story:
    """Return what is left of an execution in a scripted world."""
    world = a_world(definition, answers)
    for name, given in world.inputs():
        world.take(name, given)
    return as_told(world)


def arriving(id: WaitId, payload: Mapping[str, Any]) -> Callable[[datetime], Input]:
    """Return what gives an event to a wait at an instant."""
    return lambda now: EventArrived(now, id, payload, {"id": id})
