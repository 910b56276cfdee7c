"""What an execution that a step starts has of its parent, and what it leaves to it (S103)."""

from collections.abc import Mapping
from datetime import datetime

from engine.definition import Definition
from engine.effects import StartChild
from engine.execution import Execution
from engine.ids import public_id

HANDED_DOWN = ("traceparent", "tracestate")


def child_of(
    parent: Execution, asked: StartChild, definition: Definition, now: datetime
) -> Execution:
    """Return the execution that a step of another asked for; not yet started."""
    hops = parent.meta.get("hops", 0)
    meta: dict[str, object] = {
        "id": f"{public_id(parent.id)}:{asked.path}",
        "type": f"workflow:{parent.workflow}",
        "source": f"/sluicegate/{parent.workflow}",
        "time": now.isoformat(),
        "topic": None,
        "key": None,
        "hops": (hops if isinstance(hops, int) else 0) + 1,
        "parent": {"id": parent.id, "step": asked.path, "awaited": asked.awaited},
    }
    meta |= {name: parent.meta[name] for name in HANDED_DOWN if name in parent.meta}
    return Execution(
        asked.id,
        definition.name,
        definition.version,
        f"workflow:{parent.workflow}",
        asked.payload,
        meta,
        now,
    )


def outputs_of(execution: Execution) -> dict[str, object]:
    """Return what the steps of an execution left, by step id."""
    steps = execution.context.get("steps")
    return {
        id: step["output"]
        for id, step in (steps.items() if isinstance(steps, Mapping) else ())
        if isinstance(step, Mapping) and "output" in step
    }
