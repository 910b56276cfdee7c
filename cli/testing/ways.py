"""The ways that lead on from a step, and which of them an effect shows to be taken."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias, assert_never

from engine.definition import (
    AllowVerb,
    ApprovalSpec,
    ApprovalVerb,
    BlockVerb,
    ConditionVerb,
    EventsWait,
    EventWait,
    ExecuteVerb,
    ForEachVerb,
    ParallelVerb,
    RepeatVerb,
    Step,
    TimeWait,
    WaitVerb,
    WorkflowVerb,
)
from engine.effects import Announce, CloseWait, Effect, RecordStep
from engine.execution import StepStatus
from engine.ids import StepPath

Output: TypeAlias = Mapping[str, object]


def ways_of(step: Step) -> Iterator[str]:
    """Yield the ways that lead on from a step, if there is more than one."""
    if step.when is not None:
        yield "when: false"
    match step.verb:
        case ConditionVerb():
            yield from ("on_true", "on_false")
        case ApprovalVerb(spec):
            yield from _of_approval(spec)
        case BlockVerb(approval=spec):
            if spec is not None:
                yield from _of_approval(spec)
        case WaitVerb(what):
            yield from _of_wait(what)
        case ParallelVerb(branches):
            yield from (_branch(name) for name in branches)
        case ForEachVerb():
            yield from ("items", "no items")
        case RepeatVerb(max=most):
            yield from ("until", "again") if most > 1 else ()
        case AllowVerb() | ExecuteVerb() | WorkflowVerb():
            pass
        case _:
            assert_never(step.verb)
    if step.on_error is not None:
        yield "on_error"


def _of_approval(spec: ApprovalSpec) -> Iterator[str]:
    yield from (_outcome(outcome) for outcome in spec.outcomes)
    if spec.expires_in is not None or spec.expires_at is not None:
        yield _outcome("expired")


def _outcome(outcome: str) -> str:
    fixed = outcome in ("approved", "rejected", "expired")
    return f"on_{outcome}" if fixed else f"on.{outcome}"


def _branch(name: str) -> str:
    return f"branch {name}"


def _of_wait(what: EventWait | EventsWait | TimeWait) -> Iterator[str]:
    match what:
        case TimeWait():
            return
        case EventWait():
            yield "event"
        case EventsWait("all_of"):
            yield "events"
        case EventsWait():
            yield from _events(what.events)
    events = what.events if isinstance(what, EventsWait) else (what,)
    if any(event.timeout is not None for event in events):
        yield "on_timeout"


def _events(events: Sequence[EventWait]) -> list[str]:
    """Return a name for each of several events, numbered where two are of one type."""
    count = Counter(event.event for event in events)
    return [
        f"event {event.event}" if count[event.event] == 1 else f"event {number}: {event.event}"
        for number, event in enumerate(events, 1)
    ]


def taken(effect: Effect, step: Step) -> Iterator[str]:
    """Yield the ways of a step that an effect about it shows to be taken."""
    match effect:
        case RecordStep(status=StepStatus.SKIPPED, first=True):
            yield "when: false"
        case RecordStep(status=StepStatus.COMPLETED):
            output = effect.output
            yield from _completed(step, output if isinstance(output, Mapping) else {})
        case RecordStep(status=StepStatus.FAILED, error_code="wait_timeout"):
            yield "on_timeout"
        case RecordStep(status=StepStatus.FAILED, error_code="repeat_exhausted"):
            yield "again"
        case RecordStep(status=StepStatus.RUNNING, step_type="for_each"):
            yield "items"
        case Announce(kind="step.failed"):
            yield "on_error"
        case CloseWait(wait, outcome) if wait.kind == "approval" and outcome != "cancelled":
            yield _outcome(outcome)
        case _:
            pass


def _completed(step: Step, output: Output) -> Iterator[str]:
    match step.verb:
        case ConditionVerb():
            yield "on_true" if output.get("result") else "on_false"
        case WaitVerb(what):
            yield from _waited(what, output)
        case ParallelVerb():
            branches = output.get("branches")
            statuses = branches if isinstance(branches, Mapping) else {}
            yield from (_branch(name) for name in statuses if statuses[name] == "completed")
        case ForEachVerb():
            yield "items" if output.get("items") else "no items"
        case RepeatVerb():
            yield "until"
            if output.get("rounds") != 1:
                yield "again"
        case _:
            pass


def _waited(what: EventWait | EventsWait | TimeWait, output: Output) -> Iterator[str]:
    if output.get("timed_out"):
        yield "on_timeout"
    elif "resumed_by" in output or "event" not in output:
        return
    elif isinstance(what, EventWait):
        yield "event"
    elif isinstance(what, EventsWait) and what.kind == "all_of":
        yield "events"
    elif isinstance(what, EventsWait) and isinstance(which := output.get("which"), int):
        yield _events(what.events)[which]


def path_of(effect: Effect) -> StepPath | None:
    """Return the path, as executed, of the step that an effect tells of."""
    match effect:
        case RecordStep(path=path) | Announce(step_path=path):
            return path
        case CloseWait(wait):
            return wait.path
        case _:
            return None
