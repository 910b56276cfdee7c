"""Why an event starts a workflow, or does not: each trigger, its comparisons, key and input."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from engine.definition import Definition, Trigger
from engine.errors import SluicegateError
from engine.findings import Finding, describe, explain_condition
from engine.notes import cancellations, gathering_key, notes_of, rendered
from engine.patterns import matches
from engine.templates import Scope
from engine.values import dataclass

CheckInput: TypeAlias = Callable[[Mapping[str, object], Mapping[str, object]], str | None]
"""Returns what a JSON Schema refuses in a payload; given by the shell."""


@dataclass(frozen=True, slots=True)
class Event:
    """A domain event, as a publisher sends it."""

    type: str
    data: Mapping[str, object]
    id: str = "event-1"
    source: str = "/rehearsal"
    key: str | None = None
    time: datetime | None = None
    subject: str | None = None

    def meta(self, at: datetime) -> dict[str, object]:
        """Return what `event.meta` shows of it, had the broker taken it at an instant."""
        meta: dict[str, object] = {
            "id": self.id,
            "type": self.type,
            "source": self.source,
            "time": (self.time or at).isoformat(),
            "topic": "events",
            "key": self.key,
        }
        return meta if self.subject is None else {**meta, "subject": self.subject}


@dataclass(frozen=True, slots=True)
class TriggerExplanation:
    """What one trigger made of an event; `number` counts from 1."""

    number: int
    pattern: str | None
    starts: bool
    reason: str
    matches: bool = False
    when: Finding | None = None
    key: str | None = None
    gathers: str | None = None
    """The key under which the event is held back (`debounce`, `batch`); None: it is not."""
    notes: tuple[str, ...] = ()
    """What else decides, known only to a running deployment."""

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON shows it; the keys are a contract."""
        return {
            "trigger": self.number,
            "pattern": self.pattern,
            "matches": self.matches,
            "when": self.when.as_dict() if self.when is not None else None,
            "key": self.key,
            "starts": self.starts,
            "reason": self.reason,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether an event starts a workflow, and why."""

    workflow: str
    file: str
    starts: bool
    reason: str
    key: str | None = None
    input_problem: str | None = None
    triggers: tuple[TriggerExplanation, ...] = ()
    notes: tuple[str, ...] = ()
    """What the event does to executions that run already."""

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON shows it; the keys are a contract."""
        return {
            "workflow": self.workflow,
            "file": self.file,
            "starts": self.starts,
            "reason": self.reason,
            "key": self.key,
            "input_problem": self.input_problem,
            "triggers": [trigger.as_dict() for trigger in self.triggers],
            "notes": list(self.notes),
        }


def explain_all(
    definitions: Iterable[Definition], event: Event, at: datetime, check: CheckInput
) -> list[Explanation]:
    """Explain an event to all workflows, in the order in which they would start (D29)."""
    in_order = sorted(definitions, key=lambda found: (-found.priority, found.name))
    return [explain(definition, event, at, check) for definition in in_order]


def explain(definition: Definition, event: Event, at: datetime, check: CheckInput) -> Explanation:
    """Say whether an event that came at an instant starts a workflow, trigger by trigger."""
    problem = None
    if definition.input_schema is not None:
        problem = check(definition.input_schema, event.data)
    scope = {**event.data, "event": {**event.data, "meta": event.meta(at)}}
    raw = _raw_triggers(definition)
    found: list[TriggerExplanation] = []
    for number, trigger in enumerate(definition.triggers):
        started_by = next((other.number for other in found if other.starts), None)
        explained = _explain_trigger(number + 1, trigger, raw[number], event, scope, problem)
        if explained.starts and not definition.enabled:
            explained = replace(explained, starts=False, reason="the workflow is not enabled")
        elif explained.starts and started_by is not None:
            reason = f"trigger {started_by} has started it already"
            explained = replace(explained, starts=False, reason=reason)
        found.append(explained)
    first = next((trigger for trigger in found if trigger.starts), None)
    reason = first.reason if first else "; ".join(dict.fromkeys(each.reason for each in found))
    return Explanation(
        workflow=definition.name,
        file=definition.file,
        starts=first is not None,
        reason=reason,
        key=first.key if first else None,
        input_problem=problem,
        triggers=tuple(found),
        notes=tuple(cancellations(definition, event.type, event.data, event.key)),
    )


def _raw_triggers(definition: Definition) -> Sequence[Mapping[str, object]]:
    raw = definition.body.get("trigger", {})
    return [item for item in (raw if isinstance(raw, list) else [raw]) if isinstance(item, Mapping)]


def _explain_trigger(
    number: int,
    trigger: Trigger,
    raw: Mapping[str, object],
    event: Event,
    scope: Scope,
    input_problem: str | None,
) -> TriggerExplanation:
    pattern = trigger.event
    if pattern is None:
        what = "a hand" if trigger.schedule is None else "its schedule"
        return TriggerExplanation(number, None, False, f"only {what} starts it, no event")
    if not matches(pattern, event.type):
        reason = f"the event type {event.type} does not match {pattern}"
        return TriggerExplanation(number, pattern, False, reason)
    when = explain_condition(raw["when"], scope) if "when" in raw else None
    if when is not None and not when.holds:
        return TriggerExplanation(number, pattern, False, _why_not(when), True, when)
    if input_problem is not None and trigger.batch is None:
        reason = f"a dead letter, the payload breaks `input`: {input_problem}"
        return TriggerExplanation(number, pattern, False, reason, True, when)
    try:
        gathers, notes = gathering_key(trigger, scope), notes_of(trigger, scope)
        # The key of a batch is that of its events together.
        key = rendered(trigger.key, scope) if trigger.batch is None else None
    except SluicegateError as problem:
        reason = f"a dead letter, a key of the trigger has no value: {problem}"
        return TriggerExplanation(number, pattern, False, reason, True, when)
    reason = f"{event.type} matches {pattern}" + (" and `when` holds" if when is not None else "")
    return TriggerExplanation(number, pattern, True, reason, True, when, key, gathers, notes)


def _why_not(when: Finding) -> str:
    if when.holds is None:
        problems = [leaf.problem for leaf in when.leaves() if leaf.problem]
        return f"a dead letter, `when` cannot be evaluated: {'; '.join(problems)}"
    failing = [describe(part.leaf) for part in when.leaves() if part.leaf and not part.leaf.holds]
    return f"`when` does not hold: {', '.join(failing) or 'what it excludes is the case'}"
