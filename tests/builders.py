"""Definitions, executions and inputs with defaults, for tests of the engine."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from textwrap import dedent
from typing import Any, TypeVar

from actions.definitions import read_definition
from engine.advance import advance
from engine.definition import Definition
from engine.effects import Announce, Effect, Perform, RecordStep
from engine.execution import Execution, Wait
from engine.ids import ExecutionId, execution_id
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
from engine.turn import expiry_timer

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
E = TypeVar("E")
Outcome = tuple[Execution, tuple[Effect, ...]]


def later(**length: float) -> datetime:
    """Return an instant after NOW, by the words of timedelta."""
    return NOW + timedelta(**length)


def a_definition(text: str) -> Definition:
    """Return a checked definition; a text without name and trigger gets both."""
    text = dedent(text)
    for line in ("trigger: {event: thing.made}", "name: test"):
        key = line.partition(":")[0]
        if f"\n{key}:" not in f"\n{text}":
            text = f"{line}\n{text}"
    return read_definition(text, file="test.yaml", version=1)


def an_execution(
    definition: Definition, payload: Mapping[str, object] | None = None, *, key: str | None = "k1"
) -> Execution:
    """Return an execution that was created and not yet taken."""
    return Execution(
        id=an_id(definition),
        workflow=definition.name,
        version=definition.version,
        trigger_event="thing.made",
        payload=payload or {},
        meta={"id": "e1", "type": "thing.made", "source": "/test", "key": key},
        triggered_at=NOW,
    )


def an_id(definition: Definition) -> ExecutionId:
    """Return the id that every test execution of a definition has."""
    return execution_id(definition.name, "/test", "e1", 1_772_442_000_000)


def started(
    definition: Definition,
    payload: Mapping[str, object] | None = None,
    resources: Mapping[str, object] | None = None,
) -> Outcome:
    """Start an execution at NOW; return it with the effects of its first turn."""
    return advance(definition, an_execution(definition, payload), Started(NOW, resources or {}))


def of_kind(effects: tuple[Effect, ...], kind: type[E]) -> list[E]:
    """Return the effects of one kind, in order."""
    return [effect for effect in effects if isinstance(effect, kind)]


def one(effects: tuple[Effect, ...], kind: type[E]) -> E:
    """Return the only effect of a kind."""
    (effect,) = of_kind(effects, kind)
    return effect


def the_wait(execution: Execution) -> Wait:
    """Return the only open wait."""
    (wait,) = execution.waits.values()
    return wait


def step_state(execution: Execution, step_id: str) -> dict[str, Any]:
    """Return what the context holds about a step."""
    steps = execution.context["steps"]
    assert isinstance(steps, dict)
    state: dict[str, Any] = steps[step_id]
    return state


def announced(effects: tuple[Effect, ...]) -> list[str]:
    """Return the kinds of the life-cycle records, in order."""
    return [announce.kind for announce in of_kind(effects, Announce)]


def last_records(effects: tuple[Effect, ...]) -> dict[str, RecordStep]:
    """Return what the table holds after these effects: the last record of each step."""
    return {record.step_id: record for record in of_kind(effects, RecordStep)}


def a_decision(execution: Execution, outcome: str = "approved", **more: Any) -> DecisionArrived:
    """Return Ada's decision at NOW about the oldest open wait; `more` are other fields."""
    wait = next(iter(execution.waits), None)
    decision = DecisionArrived(NOW, NOW, "d1", wait, outcome, "ada")
    return replace(decision, **more)


def decided(
    definition: Definition, execution: Execution, outcome: str = "approved", **more: Any
) -> Outcome:
    """Apply a decision about the oldest open wait."""
    return advance(definition, execution, a_decision(execution, outcome, **more))


def expired(definition: Definition, execution: Execution) -> Outcome:
    """Fire the timer of the only open wait when it is due."""
    wait = the_wait(execution)
    assert wait.due_at is not None
    fired = TimerFired(wait.due_at, expiry_timer(execution, wait.id))
    return advance(definition, execution, fired)


def received(
    definition: Definition,
    execution: Execution,
    payload: Mapping[str, object],
    at: datetime = NOW,
    *,
    id: str = "e2",
) -> Outcome:
    """Give the event that the only open wait is held for."""
    event = EventArrived(at, the_wait(execution).id, payload, {"id": id, "type": "x"})
    return advance(definition, execution, event)


def succeeded(
    definition: Definition, execution: Execution, asked: Perform, output: object = None
) -> Outcome:
    """Give the result of an effect that was performed."""
    return advance(definition, execution, ActionSucceeded(NOW, asked.id, output))


def failed(
    definition: Definition,
    execution: Execution,
    asked: Perform,
    *,
    retryable: bool = False,
    code: str = "http_500",
    at: datetime = NOW,
) -> Outcome:
    """Give the failure of an attempt."""
    given = ActionFailed(at, asked.id, code, "no luck", retryable, chance=0.5)
    return advance(definition, execution, given)


def cancelled(definition: Definition, execution: Execution, reason: str | None = None) -> Outcome:
    """Ask for the end of an execution."""
    return advance(definition, execution, CancelRequested(NOW, "ops", reason))


def follow(definition: Definition, execution: Execution, *inputs: Input) -> Outcome:
    """Give inputs one after another; return the last execution and all effects together."""
    effects: list[Effect] = []
    for given in inputs:
        execution, more = advance(definition, execution, given)
        effects.extend(more)
    return execution, tuple(effects)
