"""How many executions one leads to, over events and children: counted by their root (F26)."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from engine.execution import Execution
from engine.ids import ExecutionId

if TYPE_CHECKING:
    from streams.work import Work

LIMIT_CODE = "root_limit"


def root_of(execution: Execution) -> str:
    """Return the execution that an execution goes back to: itself, if nothing of ours caused it."""
    root = execution.meta.get("root")
    return root if isinstance(root, str) else execution.id


async def find_roots(work: "Work", emitters: Iterable[str]) -> Mapping[str, str]:
    """Return the roots of executions that emitted events, without those that are not ours."""
    ids = sorted(set(emitters))
    rows = await work.transaction.fetch("find_roots", ids=ids) if ids else []
    return {row["id"]: row["root"] for row in rows}


async def spend(work: "Work", wanted: Mapping[str, int]) -> Mapping[str, int]:
    """Count executions that are about to start by their root; return how many of each may."""
    if not wanted:
        return {}
    rows = [{"root": root, "started": number} for root, number in sorted(wanted.items())]
    counted = await work.transaction.fetch_written("count_root_starts", rows)
    most = work.catalog.bounds.max_starts_per_root
    over = {row["root"]: max(row["started"] - most, 0) for row in counted}
    return {root: max(number - over[root], 0) for root, number in wanted.items()}


def refusal(work: "Work", root: str) -> str:
    """Return what to say of an execution that its root may not lead to any more."""
    most = work.catalog.bounds.max_starts_per_root
    return (
        f"execution {ExecutionId(root)} has led to {most} executions already "
        "(SLUICEGATE_MAX_STARTS_PER_ROOT); look for workflows that start each other"
    )
