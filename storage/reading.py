"""What people and programs read: executions, approvals, definitions."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any

from engine.errors import SluicegateError
from engine.ids import parse_execution_id, wait_row_id
from storage.finding import find_executions, find_requests, find_waits
from storage.rows import with_record
from storage.store import PostgresStore, Transaction

Row = dict[str, Any]
MAX_LIMIT = 200
MAX_OFFSET = 10_000
"""Rows that a list leaves out at most: what is further down is reached by cursors."""


class InvalidCursor(SluicegateError):
    """A cursor that no list gave."""

    def __init__(self) -> None:
        super().__init__("the cursor is none of ours; leave it out to begin at the top")


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a list, and where the next ones begin."""

    items: Sequence[Row]
    next_cursor: str | None


def encode_cursor(at: datetime, id: str) -> str:
    """Return an opaque cursor for a place in a list ordered by time."""
    return urlsafe_b64encode(f"{at.isoformat()}|{id}".encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> tuple[datetime | None, str | None]:
    """Return the place that a cursor names; raises InvalidCursor."""
    if cursor is None:
        return None, None
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        at, _, id = text.partition("|")
        return datetime.fromisoformat(at), parse_execution_id(id)
    except ValueError:
        raise InvalidCursor from None


def encode_name(name: object) -> str:
    """Return an opaque cursor for a place in a list ordered by name or number."""
    return urlsafe_b64encode(f"={name}".encode()).decode().rstrip("=")


def decode_name(cursor: str | None) -> str | None:
    """Return the name that a cursor holds; raises InvalidCursor."""
    if cursor is None:
        return None
    try:
        text = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except ValueError:
        raise InvalidCursor from None
    if not text.startswith("=") or "\x00" in text:
        raise InvalidCursor
    return text[1:]


def decode_number(cursor: str | None) -> int | None:
    """Return the number that a cursor holds; raises InvalidCursor."""
    text = decode_name(cursor)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidCursor
    return int(text)


def _page_by(rows: list[Row], limit: int, name: str) -> Page:
    kept = rows[:limit]
    return Page(kept, encode_name(kept[-1][name]) if len(rows) > limit else None)


def page_of(rows: list[Row], limit: int, at: str) -> Page:
    """Return a page of rows, of which there is one more where the list goes on."""
    if len(rows) <= limit:
        return Page(rows, None)
    kept = rows[:limit]
    return Page(kept, encode_cursor(kept[-1][at], kept[-1]["id"]))


def asked_of(limit: int, cursor: str | None) -> Row:
    """Return what statements take that find a page; raises InvalidCursor."""
    at, id = decode_cursor(cursor)
    return {"before_at": at, "before_id": id, "limit": limit + 1}


def _in_utc(at: datetime | None) -> datetime | None:
    """Return an instant with its zone: without one no index can be used for it."""
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    """What executions to list; None means any."""

    status: str | None = None
    result: str | None = None
    workflow: str | None = None
    trigger: str | None = None
    key: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    label: str | None = None
    """`name` or `name=value`."""
    waiting_on: str | None = None
    """A kind (`approval`, `event`, `timer`, `hold`), an event type, a wait id, a role or a user."""

    def asked(self, limit: int, cursor: str | None) -> Row:
        """Return what statements take that find executions; raises InvalidCursor."""
        label, has_value, value = (self.label or "").partition("=")
        named = {field.name: getattr(self, field.name) for field in fields(self)}
        return {
            **named,
            "since": _in_utc(self.since),
            "until": _in_utc(self.until),
            "label": label or None,
            "label_value": value if has_value else None,
            **asked_of(limit, cursor),
        }


class Reading:
    """Read-only questions to the database."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def executions(
        self,
        wanted: ExecutionFilter,
        limit: int = 50,
        cursor: str | None = None,
        offset: int = 0,
    ) -> Page:
        """Return executions, newest first; `offset` are left out (requirements.md S195)."""
        async with self._store.transaction() as transaction:
            ids = await find_executions(transaction, wanted.asked(offset + limit, cursor))
            rows = await transaction.fetch("list_executions", ids=ids[offset:])
        return page_of(rows, limit, "started_at")

    async def execution(self, id: str) -> Row | None:
        """Return one execution by its UUID or its public id (D23)."""
        row_id = parse_execution_id(id)
        if row_id is None:
            return None
        rows = await self._store.fetch("get_execution", id=row_id)
        return rows[0] if rows else None

    async def trace(self, id: str) -> Row | None:
        """Return an execution with everything that happened in it (S199)."""
        execution = await self.execution(id)
        if execution is None:
            return None
        row_id = execution["id"]
        names = ("steps", "waits", "execution_approvals", "timers", "effects")
        async with self._store.transaction() as transaction:
            parts = {name: await transaction.fetch(f"get_{name}", id=row_id) for name in names}
            votes, comments = await _said(transaction, row_id)
            decisions = await transaction.fetch("get_execution_decisions", id=row_id)
            meta = execution["metadata"].get("event", {})
            events = await transaction.fetch(
                "get_event", event_id=meta.get("id"), source=meta.get("source")
            )
        return {
            "execution": execution,
            "steps": parts["steps"],
            "waits": parts["waits"],
            "approvals": parts["execution_approvals"],
            "votes": votes,
            "comments": comments,
            "timers": parts["timers"],
            "effects": parts["effects"],
            "decisions": decisions,
            "event": events[0] if events else None,
        }

    async def approvals(
        self,
        *,
        status: str | None = "pending",
        role: str | None = None,
        user: str | None = None,
        workflow: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page:
        """Return approval requests with their waiting records, newest first."""
        asked = {"role": role, "user": user, "workflow": workflow, **asked_of(limit, cursor)}
        async with self._store.transaction() as transaction:
            ids = await find_requests(transaction, status, asked)
            rows = await transaction.fetch("list_approvals", ids=ids)
        return page_of([with_record(row) for row in rows], limit, "requested_at")

    async def approval(self, request_id: str) -> Row | None:
        """Return one request with what was said about it: decisions, votes, comments."""
        row_id = wait_row_id(request_id)
        if row_id is None:
            return None
        async with self._store.transaction() as transaction:
            rows = await transaction.fetch("get_approval", id=row_id)
            if not rows:
                return None
            execution = rows[0].pop("execution_row_id")
            decisions = await transaction.fetch(
                "get_request_decisions", execution=execution, request_id=request_id
            )
            votes, comments = await _said(transaction, execution, row_id)
        return {
            **with_record(rows[0]),
            "decisions": decisions,
            "votes": votes,
            "comments": comments,
        }

    async def command_target(self, id: str) -> Row | None:
        """Return what decides whether a command fits an execution."""
        row_id = parse_execution_id(id)
        if row_id is None:
            return None
        rows = await self._store.fetch("get_command_target", id=row_id)
        return rows[0] if rows else None

    async def waits(
        self,
        *,
        status: str | None = "open",
        kind: str | None = None,
        workflow: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page:
        """Return what executions wait for, newest first."""
        asked = {"workflow": workflow, **asked_of(limit, cursor)}
        async with self._store.transaction() as transaction:
            ids = await find_waits(transaction, status, kind, asked)
            rows = await transaction.fetch("list_waits", ids=ids)
        return page_of(rows, limit, "opened_at")

    async def workflow(self, name: str, version: int | None = None) -> Row | None:
        """Return one version of a workflow with its text, by default the latest."""
        rows = await self._store.fetch("get_workflow", name=name, version=version)
        return rows[0] if rows else None

    async def versions(self, name: str) -> list[Row]:
        """Return the versions of a workflow, newest first."""
        return await self._store.fetch("list_versions", name=name, before=None, limit=None)

    async def page_of_versions(self, name: str, limit: int, cursor: str | None) -> Page:
        """Return some versions of a workflow, newest first."""
        before = decode_number(cursor)
        rows = await self._store.fetch("list_versions", name=name, before=before, limit=limit + 1)
        return _page_by(rows, limit, "version")

    async def schedules(
        self, workflow: str | None = None, limit: int = 50, cursor: str | None = None
    ) -> Page:
        """Return schedules by name, with their next and their last slot."""
        rows = await self._store.fetch(
            "list_schedules",
            name=None,
            workflow=workflow,
            after=decode_name(cursor) or "",
            limit=limit + 1,
        )
        return _page_by(rows, limit, "name")

    async def schedule(self, name: str) -> Row | None:
        """Return one schedule."""
        rows = await self._store.fetch(
            "list_schedules", name=name, workflow=None, after="", limit=1
        )
        return rows[0] if rows else None

    async def positions(self, group_id: str) -> list[Row]:
        """Return how far a group's workers have read."""
        return await self._store.fetch("list_positions", group_id=group_id)

    async def resource_names(self) -> list[str]:
        """Return the names of the declared resources."""
        return [row["name"] for row in await self._store.fetch("read_resources")]

    async def resources(self) -> dict[str, Any]:
        """Return the declared resources by name."""
        rows = await self._store.fetch("read_resources")
        return {row["name"]: row["declaration"] for row in rows}

    async def workflows(self) -> list[Row]:
        """Return the latest version of every workflow."""
        return await self._store.fetch("list_workflows", after="", limit=None)

    async def page_of_workflows(self, limit: int, cursor: str | None) -> Page:
        """Return the latest version of some workflows, by name."""
        after = decode_name(cursor) or ""
        rows = await self._store.fetch("list_workflows", after=after, limit=limit + 1)
        return _page_by(rows, limit, "name")

    async def measures(self) -> Mapping[str, float]:
        """Return the numbers that metrics show."""
        rows = await self._store.fetch("measure")
        return {name: float(value) for name, value in rows[0].items()}


async def _said(
    transaction: Transaction, execution: str, request: str | None = None
) -> tuple[list[Row], list[Row]]:
    """Return the votes and comments of an execution's requests, or of one."""
    votes = await transaction.fetch("get_votes", id=execution, request=request)
    return votes, await transaction.fetch("get_comments", id=execution, request=request)
