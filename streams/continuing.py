"""Where a new execution goes on after a failed one, and what it knows of it."""

from collections.abc import Mapping

from engine.definition import Definition, Trigger
from engine.execution import Execution
from engine.ids import StepPath
from engine.patterns import matches
from streams.catalog import Version

SKIPPED = {"status": "skipped"}
"""What later steps read of a step that was passed."""


def steps_of(execution: Execution) -> Mapping[str, object]:
    """Return what the steps of an execution came to."""
    steps = execution.context.get("steps")
    return steps if isinstance(steps, Mapping) else {}


def failed_step(execution: Execution, version: Version) -> str | None:
    """Return the outermost step in which an execution failed."""
    failed = {
        id
        for id, step in steps_of(execution).items()
        if isinstance(step, Mapping) and step.get("status") == "failed"
    }
    for path, step in version.definition.steps.items():
        if step.id in failed:
            return path.partition("/")[0]
    return None


def context_before(
    execution: Execution, version: Version, first: StepPath, *, skipped: bool = False
) -> dict[str, object]:
    """Return a context without what a step, and the steps inside it, left behind."""
    inside = {
        step.id
        for path, step in version.definition.steps.items()
        if path == first or path.startswith(f"{first}/")
    }
    context = {key: value for key, value in execution.context.items() if key != "error"}
    for part in ("steps", "approvals", "waits"):
        held = context.get(part)
        if isinstance(held, Mapping):
            context[part] = {id: value for id, value in held.items() if id not in inside}
    if skipped:
        steps = context.get("steps")
        context["steps"] = {**(steps if isinstance(steps, Mapping) else {}), first: SKIPPED}
    return context


def trigger_of(definition: Definition, trigger_event: str) -> Trigger:
    """Return the trigger that started an execution, as the definition has it now."""
    fitting = [
        trigger
        for trigger in definition.triggers
        if trigger.event is not None and matches(trigger.event, trigger_event)
    ]
    return fitting[0] if fitting else definition.triggers[0]
