"""How a test starts its execution: by events, by hand, or by a schedule."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from cli.testing.documents import Given, Manual, Slot
from cli.testing.moves import EventText
from cli.testing.schemas import problem_of
from engine.definition import Definition, Trigger
from engine.errors import SluicegateError
from engine.execution import Execution
from engine.explain import Event, explain
from engine.notes import rendered
from engine.rehearsed import new_execution
from engine.steps.approval import instant_text


class NotStarted(Exception):
    """What is given starts nothing; says why."""


def event_of(text: EventText, number: int) -> Event:
    """Return an event of a test; `number` tells those without id apart."""
    id = text.id or f"event-{number}"
    return Event(text.type, text.data, id, text.source, text.key, subject=text.subject)


def begin(definition: Definition, given: Given, now: datetime) -> Execution:
    """Return the execution that starts; raises NotStarted."""
    if given.manual is not None:
        return _by_hand(definition, given.manual, now)
    if given.schedule is not None:
        return _by_schedule(definition, given.schedule, now)
    texts = given.events or [text for text in (given.event,) if text is not None]
    events = [event_of(text, number) for number, text in enumerate(texts, 1)]
    return new_execution(definition, _started_by(definition, events, now), now)


def _by_hand(definition: Definition, manual: Manual, now: datetime) -> Execution:
    _check_input(definition, manual.data)
    return new_execution(definition, Event("manual", manual.data, "manual-1", "/tests"), now)


def _by_schedule(definition: Definition, slot: Slot, now: datetime) -> Execution:
    names = _schedule_names(definition)
    if not names:
        raise NotStarted("no trigger of the workflow has a schedule")
    name = slot.name or names[0]
    if name not in names or (slot.name is None and len(names) > 1):
        raise NotStarted(f"name one of its schedules: {', '.join(names)}")
    at = slot.slot or now
    payload = {"schedule": name, "slot": instant_text(at)}
    id = f"{name}@{instant_text(at)}"
    event = Event(f"schedule:{name}", payload, id, "/sluicegate/schedules", None, at)
    return new_execution(definition, event, now)


def _schedule_names(definition: Definition) -> list[str]:
    """Return the names that the schedules of a workflow have in a deployment."""
    triggers = enumerate(definition.triggers)
    numbers = [number for number, trigger in triggers if trigger.schedule is not None]
    if len(numbers) == 1:
        return [definition.name]
    return [f"{definition.name}:{number}" for number in numbers]


def _check_input(definition: Definition, payload: dict[str, object]) -> None:
    if definition.input_schema is None:
        return
    problem = problem_of(definition.input_schema, payload)
    if problem is not None:
        raise NotStarted(problem)


def _started_by(definition: Definition, events: Sequence[Event], now: datetime) -> Event:
    """Return the one event that the execution gets: the last, or one made of all."""
    places = set()
    for number, event in enumerate(events, 1):
        explained = explain(definition, event, now, problem_of)
        which = f"event {number}: " if len(events) > 1 else ""
        if not explained.starts:
            raise NotStarted(f"{which}{explained.reason}")
        first = next(trigger for trigger in explained.triggers if trigger.starts)
        places.add((first.number, first.gathers))
    if len(places) > 1:
        raise NotStarted("the events are not gathered together: another trigger, or another key")
    ((number, _),) = places
    trigger = definition.triggers[number - 1]
    if trigger.batch is not None:
        return _batched(definition, trigger, events)
    if trigger.debounce is None and len(events) > 1:
        raise NotStarted("the trigger gathers no events; give one, as given: event")
    return events[-1]


def _batched(definition: Definition, trigger: Trigger, events: Sequence[Event]) -> Event:
    size = trigger.batch.size if trigger.batch is not None else 0
    if len(events) > size:
        raise NotStarted(f"a batch of this trigger has at most {size} events")
    payload: dict[str, object] = {"events": [dict(event.data) for event in events]}
    _check_input(definition, payload)
    try:
        rendered(trigger.key, {**payload, "event": payload})
    except SluicegateError as problem:
        raise NotStarted(f"`key` has no value: {problem}") from problem
    return replace(events[0], data=payload)
