"""Random histories: an execution fed with inputs that fit, come late, come twice or are foreign."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

import orjson

from engine.advance import advance
from engine.definition import Definition
from engine.effects import Effect, OpenWait, Perform, StartTimer, WriteRecord
from engine.execution import Execution, Wait
from engine.ids import ChildId
from engine.inputs import (
    ActionFailed,
    ActionSucceeded,
    CancelRequested,
    DecisionArrived,
    EventArrived,
    Input,
    Started,
    TimerFired,
)
from storage.rows import Row, execution_from_row, execution_row
from tests.builders import NOW, a_definition, an_execution

APPROVALS = a_definition("""
name: approvals
timeout: 40h
steps:
  - id: gate
    condition: {total: {gte: 50}}
    on_true:
      - id: boss
        approval: {title: "Order ${total}", roles: [manager], expires_in: 24h}
        on_rejected: [{id: told, execute: [{log: {message: no}}]}, {id: out, block: {code: no}}]
    on_false: [{id: pass, allow: {stop: true}}]
  - {id: again, block: {code: held, approval: {title: B, users: [ada, eve], exclude: [bob]}}}
  - {id: own, approval: {title: C, anyone: true, outcomes: [fine, bad], expires_in: 1h}}
  - {id: end, allow: {reason: "${approvals.own.outcome} ${approvals.again.decided_by}"}}
""")
CALLS = a_definition("""
name: calls
on_error: [{id: mend, approval: {title: "${error.code}", anyone: true, expires_in: 1h}}]
context:
  load:
    rates: {resource: rates, id: "${total}"}
    extra: {resource: extra, id: "${customer}"}
    maybe: {resource: maybe, id: "${customer}", optional: true}
  derive: {is_high: {total: {gt: 10}}}
steps:
  - id: call
    execute:
      - log: {message: "${is_high}"}
      - webhook: {url: "https://x.example/1", json: {rates: "${rates}"}}
      - create_record: {entity: e, id: "${total}", set: {rates: "${rates}"}}
    retry: {max: 1}
    on_error: [{id: retry_call, execute: [{webhook: {url: "https://x.example/2"}}]}]
  - {id: loose, continue_on_error: true, execute: [{webhook: {url: "https://x.example/3"}}]}
  - {id: sent, execute: [{emit: {event: done, data: {first: "${steps.call.output:-none}"}}}]}
""")
WAITS = a_definition("""
name: waits
timeout: 3d
include_paused: true
steps:
  - id: paid
    wait: {event: paid, match: {id: "${total}"}, when: {n: {lt: 200}}, timeout: 5h}
    on_timeout: [{id: nap, wait: {for: 30m}}]
  - {id: until, when: {total: {gt: 20}}, wait: {until: "2026-03-04T00:00:00Z"}}
  - {id: strict, wait: {event: shipped, timeout: 1h}}
  - {id: call, execute: [{webhook: {url: "https://x.example/${waits.strict.event.n}"}}]}
""")
DEFINITIONS = (APPROVALS, CALLS, WAITS)


@dataclass(frozen=True, slots=True)
class Turned:
    """One input of a history, with what was before and what came of it."""

    before: Execution
    given: Input
    after: Execution
    effects: tuple[Effect, ...]


@dataclass(slots=True)
class History:
    """What the world knows about an execution: all that was ever asked, open or not."""

    definition: Definition
    execution: Execution
    now: datetime = NOW
    timers: dict[ChildId, datetime] = field(default_factory=dict)
    asked: list[ChildId] = field(default_factory=list)
    waits: list[Wait] = field(default_factory=list)

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
        for wait in reversed(self.waits):
            yield partial(self._answer, wait, byte)
        yield lambda: self._decide(None, byte)
        yield lambda: Started(self.now)
        yield lambda: CancelRequested(self.now, "ops")

    def _result(self, effect: ChildId, byte: int) -> Input:
        if byte % 3:
            return ActionSucceeded(self.now, effect, {"n": byte, "list": [byte, None]})
        return ActionFailed(self.now, effect, "http_500", "no", byte % 2 == 0, None, byte / 256)

    def _fire(self, timer: ChildId, due_at: datetime) -> Input:
        self.now = max(self.now, due_at)
        return TimerFired(self.now, timer)

    def _answer(self, wait: Wait, byte: int) -> Input:
        if wait.kind != "approval":
            return EventArrived(self.now, wait.id, {"n": byte}, {"id": "e2", "type": "paid"})
        return self._decide(wait, byte)

    def _decide(self, wait: Wait | None, byte: int) -> Input:
        outcome = ("approved", "rejected", "fine", "bad", "maybe")[byte % 5]
        person = ("ada", "bob", "eve", "mallory")[(byte >> 1) % 4]
        request = None if wait is None else wait.id
        return DecisionArrived(self.now, self.now, f"d{byte}", request, outcome, person)

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
                case OpenWait():
                    self.waits.append(effect.wait)
                case _:
                    pass
        return Turned(before, given, self.execution, effects)


def a_history(number: int, total: int) -> History:
    """Return a history before its first input."""
    definition = DEFINITIONS[number % len(DEFINITIONS)]
    payload: dict[str, object] = {"total": total, "requested_by": "bob"}
    if total != 15:
        payload["customer"] = "c1"
    return History(definition, an_execution(definition, payload))


def play(history: History, choices: bytes) -> Iterator[Turned]:
    """Take one input per byte."""
    for byte in choices:
        yield history.take(history.choose(byte))


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
    record = stored(wait.record)
    assert isinstance(record, dict)
    return replace(wait, record=record, since=None)
