"""The trace of an execution with what lies ahead of it (requirements.md S100, S135, S202)."""

from collections.abc import Mapping
from typing import Any

from engine.ahead import not_taken, remaining
from engine.course import defined_path
from engine.definition import Definition
from engine.execution import ENDED
from engine.ids import StepPath
from storage.reading import Reading
from streams.definitions import Definitions

UNDER_WAY = frozenset({"pending", "running", "waiting"})
"""Statuses of step executions that are not over."""
Row = dict[str, Any]


async def trace_of(reading: Reading, definitions: Definitions, id: str) -> Row | None:
    """Return an execution with everything that happened in it, and what may still."""
    found = await reading.trace(id)
    if found is None:
        return None
    execution = found["execution"]
    definition = await definitions.get(execution["workflow"], execution["version"])
    if definition is None:
        return {**found, "remaining": [], "not_taken": []}
    return {**found, **_course(definition, execution, found["steps"])}


def _course(definition: Definition, execution: Mapping[str, Any], steps: list[Row]) -> Row:
    paths = {step["step_path"]: defined_path(definition, step["step_path"]) for step in steps}
    ran = {path for path in paths.values() if path is not None}
    ahead: list[StepPath] = []
    if execution["status"] not in ENDED:
        open_at = {paths[step["step_path"]] for step in steps if step["status"] in UNDER_WAY}
        standing = [path for path in open_at if path is not None]
        ahead = remaining(definition, standing) if standing else _from(definition, ran)
    shown = [path for path in ahead if path not in ran]
    return {"remaining": shown, "not_taken": not_taken(definition, ran, ahead)}


def _from(definition: Definition, ran: set[StepPath]) -> list[StepPath]:
    """Return what lies ahead of an execution that stands between two steps, or before the first."""
    if not ran:
        return list(definition.steps)
    last = [path for path in definition.steps if path in ran][-1]
    return remaining(definition, [last])
