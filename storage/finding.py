"""Lists by their filters: which rows, by the statement that finds these quickest."""

from collections.abc import Mapping
from typing import Any

from engine.ids import wait_row_id
from storage.store import Transaction

Row = dict[str, Any]
RESULTS = ("allowed", "executed")
"""How completed executions end."""
STATUS_OF_RESULT = {
    "allowed": "completed",
    "executed": "completed",
    "blocked": "blocked",
    "failed": "failed",
}
HOLDS = ("hold", "execution", "incident")
"""What an execution may be paused by that is no wait."""
CLOSED = ("approved", "rejected", "expired", "cancelled")
"""The statuses of requests that are no longer open."""
MOST_SORTED = 10_000
"""So many waiting executions are sorted; of more the newest are looked for one by one."""


def _ids(rows: list[Row]) -> list[str]:
    return [row["id"] for row in rows]


async def find_executions(transaction: Transaction, asked: Mapping[str, object]) -> list[str]:
    """Return the ids of the newest executions that fit; absent filters are None."""
    await transaction.run("use_custom_plans")
    status = STATUS_OF_RESULT.get(str(asked["result"]), asked["status"])
    if asked["status"] not in (None, status):
        return []
    asked = {**asked, "status": status}
    by_version = any(asked[name] is not None for name in ("workflow", "label"))
    completed = status == "completed"
    if by_version or completed:
        names = ("workflow", "label", "label_value")
        wanted = {name: asked[name] for name in names}
        asked = {**asked, "versions": _ids(await transaction.fetch("find_versions", **wanted))}
    else:
        asked = {**asked, "versions": []}
    if asked["waiting_on"] is not None:
        return await _find_waiting(transaction, asked)
    if asked["key"] is not None or not (by_version or completed):
        return _ids(await transaction.fetch("find_executions", **asked))
    if not completed:
        return _ids(await transaction.fetch("find_executions_of_versions", **asked))
    results = [result for result in RESULTS if asked["result"] in (None, result)]
    return _ids(await transaction.fetch("find_completed_executions", **asked, results=results))


async def _find_waiting(transaction: Transaction, asked: Mapping[str, object]) -> list[str]:
    what = str(asked["waiting_on"])
    name, about = _probe_of(what)
    [found] = await transaction.fetch(name, **about)
    if found["many"] >= MOST_SORTED:
        return _ids(await transaction.fetch("find_waiting_executions", **asked))
    return _ids(await transaction.fetch("find_executions_among", **asked, ids=found["ids"]))


def _probe_of(what: str) -> tuple[str, Row]:
    """Return the statement that looks for what executions wait for, and what it takes."""
    if what == "approval":
        return "probe_approvals", {"most": MOST_SORTED}
    if (row := wait_row_id(what)) is not None:
        return "probe_wait", {"wait_row": row}
    asked = {"waiting_on": what, "most": MOST_SORTED}
    if what in ("event", "timer"):
        return "probe_waits_of_kind", asked
    return "probe_held" if what in HOLDS else "probe_named", asked


async def find_requests(
    transaction: Transaction, status: str | None, asked: Mapping[str, object]
) -> list[str]:
    """Return the ids of the newest approval requests that fit; None is any status."""
    await transaction.run("use_custom_plans")
    if status == "pending":
        none: Row = {"roles": [], "barred": None}
        return _ids(await transaction.fetch("find_open_requests", **{**none, **asked}))
    statuses = [status] if status is not None else ["pending", *CLOSED]
    return _ids(await transaction.fetch("find_requests", **asked, statuses=statuses))


async def find_waits(
    transaction: Transaction, status: str | None, kind: str | None, asked: Mapping[str, object]
) -> list[str]:
    """Return the ids of the newest waits that fit; None is any status or kind."""
    await transaction.run("use_custom_plans")
    approvals = {"open": ["pending"], "closed": list(CLOSED)}.get(str(status), ["pending", *CLOSED])
    return _ids(
        await transaction.fetch(
            "find_waits",
            **asked,
            approvals=approvals if kind in (None, "approval") else [],
            kinds=[name for name in ("event", "timer") if kind in (None, name)],
            statuses=["open", "closed"] if status is None else [status],
        )
    )
