"""Executions that steps of others start: their birth, and the news of their end (S103)."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from engine.effects import StartChild
from engine.execution import Execution
from engine.family import child_of, outputs_of
from engine.ids import ExecutionId
from engine.inputs import ChildEnded, Started
from streams.budget import LIMIT_CODE, refusal, root_of, spend
from streams.catalog import Version
from streams.ledger import ChildStart

if TYPE_CHECKING:
    from streams.work import Work


async def start_children(work: "Work", children: Iterable[ChildStart]) -> None:
    """Create the children of a transaction and give each its first input."""
    children = list(children)
    budgets = await _budgets(work, children)
    for child in children:
        parent, asked = work.executions[child.parent], child.start
        root = root_of(parent)
        budgets[root] -= 1
        version = await _version(work, asked)
        problem = None if version is None else work.check_input(version, asked.payload)
        if version is None:
            number = f" in version {asked.version}" if asked.version is not None else ""
            text = f"no enabled workflow is called {asked.workflow}{number}"
            _refuse(work, parent, asked, "unknown_workflow", text)
        elif problem is not None:
            _refuse(work, parent, asked, "invalid_input", f"{asked.workflow}: {problem}")
        elif budgets[root] < 0:
            _refuse(work, parent, asked, LIMIT_CODE, refusal(work, root))
        else:
            _start(work, parent, asked, version)


async def _budgets(work: "Work", children: Iterable[ChildStart]) -> dict[str, int]:
    """Return how many more children each root may lead to, with these counted."""
    wanted = Counter(root_of(work.executions[child.parent]) for child in children)
    return dict(await spend(work, wanted))


async def _version(work: "Work", asked: StartChild) -> Version | None:
    if asked.version is None:
        return work.catalog.latest(asked.workflow)
    return await work.catalog.find(work.transaction, asked.workflow, asked.version)


def _refuse(work: "Work", parent: Execution, asked: StartChild, code: str, text: str) -> None:
    if asked.awaited:
        given = ChildEnded(work.now, asked.id, "failed", "failed", code, text, {})
        work.apply(parent.id, given)


def _start(work: "Work", parent: Execution, asked: StartChild, version: Version) -> None:
    definition = version.definition
    child = child_of(parent, asked, definition, work.now)
    execution = replace(child, meta={**child.meta, "root": root_of(parent)})
    metadata: dict[str, object] = {"event": execution.meta, "triggered_at": work.now}
    if definition.labels:
        metadata["labels"] = dict(definition.labels)
    work.start(version, execution, metadata, Started(work.now), None)


def parent_of(execution: Execution) -> ExecutionId | None:
    """Return the execution that waits for the end of this one, if any."""
    parent = execution.meta.get("parent")
    if isinstance(parent, Mapping) and parent.get("awaited"):
        return ExecutionId(str(parent["id"]))
    return None


def tell_parents(work: "Work") -> None:
    """Leave the news of each child that ended for its parent, which another transaction locks."""
    for id in work.changed:
        execution = work.executions[id]
        parent = parent_of(execution) if execution.ended else None
        if parent is not None:
            work.ledger.nudge(parent, "child_ended", _end_of(execution), execution.id)


def _end_of(execution: Execution) -> dict[str, object]:
    error = execution.error
    return {
        "child": execution.id,
        "status": execution.status,
        "result": execution.result,
        "error_code": error.code if error else None,
        "error_message": error.message if error else None,
        "outputs": outputs_of(execution),
    }
