"""Random histories: an execution fed with inputs that fit, come late, come twice or are foreign."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import orjson
from hypothesis.vendor.pretty import RepresentationPrinter

from engine.advance import advance
from engine.definition import Definition
from engine.effects import (
    ChangeWait,
    Effect,
    OpenWait,
    Perform,
    StartChild,
    StartTimer,
    WriteRecord,
)
from engine.execution import Execution, Wait
from engine.ids import ChildId, ExecutionId
from engine.inputs import (
    ActionFailed,
    ActionInDoubt,
    ActionSucceeded,
    ChildEnded,
    DecisionArrived,
    EventArrived,
    Input,
    Started,
    TimerFired,
)
from storage.rows import Row, execution_from_row, execution_row
from tests.builders import NOW, an_execution
from tests.properties.orders import an_order
from tests.properties.programs import Written, a_program
from tests.properties.samples import DEFINITIONS

PAYLOADS: tuple[dict[str, object], ...] = (
    {"total": 5, "requested_by": "bob", "items": [1, 2, 3], "customer": "c1"},
    {"total": 15, "requested_by": "bob", "items": [1]},
    {"total": 50, "requested_by": "bob", "items": [1, 2], "customer": "c1"},
)


@dataclass(frozen=True, slots=True)
class Turned:
    """One input of a history, with what was before and what came of it."""

    before: Execution
    given: Input
    after: Execution
    effects: tuple[Effect, ...]

    @property
    def changed(self) -> bool:
        """Tell whether the input was taken at all."""
        return self.after is not self.before


@dataclass(slots=True, repr=False)
class History:
    """What the world knows about an execution: all that was ever asked, open or not."""

    definition: Definition
    execution: Execution
    now: datetime = NOW
    timers: dict[ChildId, datetime] = field(default_factory=dict)
    asked: list[ChildId] = field(default_factory=list)
    waits: dict[str, Wait] = field(default_factory=dict)
    children: list[ExecutionId] = field(default_factory=list)

    def choose(self, byte: int) -> Input:
        """Return the input that a byte stands for."""
        self.now += timedelta(minutes=(0, 7, 50, 600)[byte % 4])
        choices = list(self._choices(byte))
        return choices[(byte >> 2) % len(choices)]()

    def _choices(self, byte: int) -> Iterator[Callable[[], Input]]:
        if not self.execution.sequence:
            yield lambda: Started(self.now, {"rates": {"usd": 1.5}} if byte & 64 else {})
        for effect in reversed(self.asked):
            yield partial(self._result, effect, byte)
        for timer, due_at in reversed(self.timers.items()):
            yield partial(self._fire, timer, due_at)
        for wait in reversed(self.waits.values()):
            yield partial(self._answer, wait, byte)
        for child in reversed(self.children):
            yield partial(self._grow, child, byte)
        yield lambda: self._decide(None, byte)
        yield lambda: an_order(self.execution, self.now, byte)
        yield lambda: an_order(self.execution, self.now, byte ^ 5)
        yield lambda: Started(self.now)

    def _result(self, effect: ChildId, byte: int) -> Input:
        if byte % 7 == 0:
            return ActionInDoubt(self.now, effect)
        if byte % 3:
            return ActionSucceeded(self.now, effect, {"n": byte, "list": [byte, None]})
        return ActionFailed(self.now, effect, "http_500", "no", byte % 2 == 0, None, byte / 256)

    def _fire(self, timer: ChildId, due_at: datetime) -> Input:
        self.now = max(self.now, due_at)
        return TimerFired(self.now, timer)

    def _answer(self, wait: Wait, byte: int) -> Input:
        if wait.kind != "approval":
            return EventArrived(self.now, wait.id, {"n": byte}, {"id": wait.id, "type": "paid"})
        return self._decide(wait, byte)

    def _decide(self, wait: Wait | None, byte: int) -> Input:
        outcome = ("approved", "rejected", "fine", "bad", "maybe")[byte % 5]
        person = ("ada", "bob", "ben", "mallory", "cleo", "eve")[(byte >> 1) % 6]
        request = None if wait is None else wait.id
        return DecisionArrived(self.now, self.now, f"d{byte}", request, outcome, person)

    def _grow(self, child: ExecutionId, byte: int) -> Input:
        status = ("completed", "blocked", "failed", "cancelled")[byte % 4]
        code = "http_500" if status == "failed" else None
        return ChildEnded(self.now, child, status, None, code, code, {"a": {"n": byte}})

    def take(self, given: Input) -> Turned:
        """Advance by one input and remember what it asked for."""
        before = self.execution
        self.execution, effects = advance(self.definition, before, given)
        for effect in effects:
            match effect:
                case StartTimer():
                    self.timers[effect.id] = effect.due_at
                case Perform() | WriteRecord():
                    self.asked.append(effect.id)
                case OpenWait() | ChangeWait():
                    self.waits[effect.wait.id] = effect.wait
                case StartChild():
                    self.children.append(effect.id)
                case _:
                    pass
        return Turned(before, given, self.execution, effects)

    def __repr__(self) -> str:
        """Return the definition, for the report of a failure."""
        return repr(Written(dict(self.definition.body)))

    def _repr_pretty_(self, printer: RepresentationPrinter, _cycle: bool) -> None:
        printer.text("the history of this definition:")
        for line in repr(self).splitlines():
            printer.break_()
            printer.text(line)


def a_history(number: int, total: int) -> History:
    """Return a history of a sample definition before its first input."""
    definition = DEFINITIONS[number % len(DEFINITIONS)]
    payload: dict[str, object] = {"total": total, "requested_by": "bob"}
    if total != 15:
        payload["customer"] = "c1"
    return History(definition, an_execution(definition, payload))


def a_random_history(program: bytes) -> History:
    """Return a history of a random definition before its first input."""
    definition = a_program(program)
    return History(definition, an_execution(definition, PAYLOADS[program[-1] % 3]))


def play(
    history: History, choices: bytes, say: Callable[[object], None] | None = None
) -> Iterator[Turned]:
    """Take one input per byte; `say` hears the definition and every input."""
    for byte in choices:
        # Zeros stand for nothing, so that a failure shrinks to few inputs.
        if byte == 0:
            continue
        given = history.choose(byte)
        if say is not None:
            say(given)
        yield history.take(given)


def as_jsonb(value: object) -> object:
    """Return a value as a jsonb column gives it back: shorter keys first."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
        return {key: as_jsonb(value[key]) for key in keys}
    return [as_jsonb(item) for item in value] if isinstance(value, list) else value


def stored(value: object) -> object:
    """Return what is left of a JSON cell after a round trip through the database."""
    return as_jsonb(orjson.loads(orjson.dumps(value, default=dict)))


JSON_CELLS = ("context", "trigger_payload", "resume_data", "cursor", "metadata")


def restarted(execution: Execution) -> Execution:
    """Return an execution as another process reads it from its rows."""
    at = execution.triggered_at
    metadata: Mapping[str, object] = {
        "event": execution.meta,
        "triggered_at": None if at is None else at.isoformat(),
    }
    row: dict[str, object] = execution_row(execution, "wf", "k1", metadata)
    cells: Row = {name: stored(cell) if name in JSON_CELLS else cell for name, cell in row.items()}
    waits = [_stored_wait(wait) for wait in execution.waits.values()]
    return execution_from_row(cells, waits, dict(execution.closed_waits))


def _stored_wait(wait: Wait) -> Wait:
    record, state = stored(wait.record), stored(wait.state)
    assert isinstance(record, dict)
    assert isinstance(state, dict)
    return replace(wait, record=record, state=state, since=None)
