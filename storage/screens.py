"""What the screens show; every question answers in milliseconds whatever the tables hold."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from engine.execution import Execution
from engine.ids import parse_execution_id, wait_row_id
from storage.errors import DatabaseUnreachable, reason_of
from storage.finding import find_executions, find_requests
from storage.reading import ExecutionFilter, Page, asked_of, page_of
from storage.rows import execution_from_row, wait_from_row, with_record
from storage.store import PostgresStore, Transaction

Row = dict[str, Any]
PATIENCE_SECONDS = 4.0
"""How long a page waits for the database before it says that there is none."""
COUNTED = 1_000
"""Counts go up to here; above, the number is shown as more than that."""
MOST_STEPS = 200
MOST_STANDING = 50
MOST_MARKED = 5_000
"""Newest attempts of steps from which is told how the steps of a definition stand."""
LOOKED_AT = 1_000
"""Latest executions of a workflow from which its figures are made."""


@dataclass(frozen=True, slots=True)
class InboxFilter:
    """What open requests to list; None means any."""

    role: str | None = None
    person: str | None = None
    roles: tuple[str, ...] = ()
    """The person's roles: with `person`, requests to one of these are theirs as well."""
    workflow: str | None = None


@dataclass(frozen=True, slots=True)
class StepsShown:
    """Which attempts of steps a page shows, by their place in the course."""

    after: int
    shown: int
    total: int
    """At most MOST_MARKED: what lies behind is in the trace."""

    @property
    def cut(self) -> bool:
        """Tell whether there may be more than are counted."""
        return self.total >= MOST_MARKED

    @property
    def earlier(self) -> int | None:
        """Return where the page before begins; None where this is the first."""
        return max(self.after - MOST_STEPS, 0) if self.after else None

    @property
    def later(self) -> int | None:
        """Return where the page behind begins; None where this is the last."""
        end = self.after + self.shown
        return end if end < self.total else None


def _in_order(page: Sequence[Row], standing: Sequence[Row]) -> list[Row]:
    """Return the steps of a page and those that stand elsewhere, each once, as they began."""
    by_id = {step["id"]: step for step in (*page, *standing)}
    return sorted(by_id.values(), key=lambda step: (step["started_at"], step["attempt"]))


async def _counting(transaction: Transaction, asked: Row) -> tuple[str, Row]:
    """Return the statement that counts the executions of each status quickest, and its values."""
    named = {name: asked[name] for name in ("since", "until", "key", "workflow")}
    about = {**named, "most": COUNTED + 1}
    if asked["key"] is not None:
        return "count_executions_of_key", about
    none = {"label": None, "label_value": None}
    found = await transaction.fetch("find_versions", workflow=asked["workflow"], **none)
    about["versions"] = [row["id"] for row in found]
    of_all = asked["workflow"] is None
    return ("count_executions" if of_all else "count_executions_of_versions"), about


class ScreenReading:
    """Read-only questions of the screens."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Transaction]:
        """Open a transaction; raises DatabaseUnreachable rather than let a reader wait."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), self._store.transaction() as transaction:
                yield transaction
        except TimeoutError as problem:
            text = f"no answer within {PATIENCE_SECONDS:g} s"
            raise DatabaseUnreachable(self._store.address, text) from problem
        except psycopg.OperationalError as problem:
            raise DatabaseUnreachable(self._store.address, reason_of(problem)) from problem

    async def _fetch(self, name: str, /, **parameters: object) -> list[Row]:
        async with self._open() as transaction:
            rows = await transaction.fetch_pipelined(("use_custom_plans", {}), (name, parameters))
        return rows[1]

    async def inbox(
        self, wanted: InboxFilter, limit: int, cursor: str | None
    ) -> tuple[Page, int, int]:
        """Return open requests, newest first, how many fit and how many are open (to a limit)."""
        named = {
            "role": wanted.role,
            "user": wanted.person,
            "barred": wanted.person,
            "roles": list(wanted.roles),
            "workflow": wanted.workflow,
        }
        asked = {**named, **asked_of(limit, cursor)}
        async with self._open() as transaction:
            fitting = await find_requests(
                transaction, "pending", {**named, **asked_of(COUNTED, None)}
            )
            ids = fitting[: limit + 1]
            if cursor is not None:
                ids = await find_requests(transaction, "pending", asked)
            rows, counted = await transaction.fetch_pipelined(
                ("screen_inbox", {"ids": ids}), ("count_open_approvals", {"most": COUNTED + 1})
            )
        return page_of(rows, limit, "requested_at"), len(fitting), int(counted[0]["open"])

    async def approval(self, request_id: str) -> Row | None:
        """Return a request with its votes, its comments and what was sent about it."""
        row_id = wait_row_id(request_id)
        if row_id is None:
            return None
        async with self._open() as transaction:
            rows, votes, comments = await transaction.fetch_pipelined(
                ("screen_approval", {"id": row_id}),
                ("screen_votes", {"id": row_id}),
                ("screen_comments", {"id": row_id}),
            )
        if not rows:
            return None
        return {**with_record(rows[0]), "votes": votes, "comments": comments}

    async def requests(self, request_ids: Sequence[str]) -> dict[str, Row]:
        """Return several requests by their ids."""
        ids = [id for id in map(wait_row_id, request_ids) if id is not None]
        rows = await self._fetch("screen_requests_of_bulk", ids=ids)
        return {row["request_id"]: with_record(row) for row in rows}

    async def stored(self, execution_row_id: str) -> Execution | None:
        """Return an execution as the engine sees it, for a preview; nothing is locked."""
        async with self._open() as transaction:
            rows, waits = await transaction.fetch_pipelined(
                ("stored_execution", {"id": execution_row_id}),
                ("load_open_waits", {"ids": [execution_row_id]}),
            )
        return execution_from_row(rows[0], map(wait_from_row, waits), {}) if rows else None

    async def executions(
        self, wanted: ExecutionFilter, limit: int, cursor: str | None
    ) -> tuple[Page, dict[str, int]]:
        """Return executions, newest first, and how many there are of each status (to a limit)."""
        asked = wanted.asked(limit, cursor)
        async with self._open() as transaction:
            ids = await find_executions(transaction, asked)
            name, about = await _counting(transaction, asked)
            rows, counts = await transaction.fetch_pipelined(
                ("list_executions", {"ids": ids}), (name, about)
            )
        return page_of(rows, limit, "started_at"), {row["status"]: row["many"] for row in counts}

    async def shown(self, instant: str, ending: str) -> str | None:
        """Return the execution that a list shows by these parts of its id; None if not one."""
        rows = await self._fetch("find_shown_execution", instant=instant, ending=ending)
        return str(rows[0]["id"]) if len(rows) == 1 else None

    async def execution(self, id: str, after: int = 0) -> Row | None:
        """Return an execution with what happened in it; inputs and outputs are asked for singly.

        Of its steps a page, `after` some, and those that run, wait or have failed.
        """
        row_id = parse_execution_id(id)
        if row_id is None:
            return None
        names = ("screen_waits", "screen_effects", "screen_decisions", "screen_children")
        async with self._open() as transaction:
            found, target, steps, standing, marks, *others = await transaction.fetch_pipelined(
                ("get_execution", {"id": row_id}),
                ("get_command_target", {"id": row_id}),
                ("screen_steps", {"id": row_id, "limit": MOST_STEPS, "after": after}),
                (
                    "screen_standing_steps",
                    {"id": row_id, "most": MOST_MARKED, "standing": MOST_STANDING},
                ),
                ("screen_marks", {"id": row_id, "most": MOST_MARKED}),
                ("get_timers", {"id": row_id}),
                *((name, {"id": row_id}) for name in names),
            )
            if not found:
                return None
            event = found[0]["metadata"].get("event") or {}
            named = {"event_id": event.get("id"), "source": event.get("source")}
            events = await transaction.fetch("get_event", **named)
        timers, waits, effects, decisions, children = others
        return {
            "execution": found[0],
            "target": target[0],
            "steps": _in_order(steps, standing),
            "shown_steps": StepsShown(after, len(steps), sum(m["attempts"] for m in marks)),
            "marks": marks,
            "timers": timers,
            "waits": waits,
            "effects": effects,
            "decisions": decisions,
            "children": children,
            "event": events[0] if events else None,
        }

    async def step(self, execution_row_id: str, step_path: str) -> list[Row]:
        """Return the attempts of one step with their inputs and outputs."""
        return await self._fetch("screen_step", id=execution_row_id, step_path=step_path)

    async def workflow_counts(self, name: str) -> Row:
        """Return the figures of a workflow's latest executions."""
        return (await self._fetch("screen_workflow_counts", workflow=name, limit=LOOKED_AT))[0]

    async def workflow_names(self) -> list[str]:
        """Return the names of all workflows."""
        return [row["name"] for row in await self._fetch("screen_workflow_names")]

    async def health(self) -> Row:
        """Return the deployment's numbers, each counted up to a limit."""
        return (await self._fetch("screen_health", most=COUNTED + 1))[0]

    async def positions(self, group_id: str) -> list[Row]:
        """Return how far the workers of a group have read."""
        return await self._fetch("list_positions", group_id=group_id)
