"""The inbox in a terminal: who is asked what, since when, how long still, and how to answer."""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cli.errors import NotFound
from cli.parts import open_store, settings_for_database
from cli.printing import write, write_lines
from cli.sending import missing_request
from cli.show import columns_that_fit, print_fields, print_json, print_page
from cli.tracing import length
from storage.reading import Page, Reading

COLUMNS = {
    "request_id": "request",
    "title": "title",
    "workflow": "workflow",
    "asked": "asked",
    "priority": "priority",
    "waiting": "waiting",
    "left": "expires in",
    "stands": "stands",
}
ESSENTIAL = ("request_id", "title", "asked", "left")
"""What one decides by."""
FIELDS = (
    "title",
    "body",
    "status",
    "outcome",
    "decided_by",
    "decision_reason",
    "priority",
    "workflow",
    "execution_id",
    "step_path",
    "roles",
    "users",
    "exclude",
    "requester",
    "policy",
    "outcomes",
    "requested_at",
    "expires_at",
    "view",
    "form",
    "required_fields",
    "progress",
    "votes",
    "comments",
    "decisions",
    "request_id",
    "request_hash",
)
LONG = ("view", "votes", "comments", "decisions")
"""Fields that are read on lines of their own."""
LONGEST_TITLE = 80
"""At a terminal; `show` has the whole."""
HINT = "sluicegate approvals show REQUEST, then approve or reject"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which requests to list; None means any."""

    status: str | None
    role: str | None
    user: str | None
    workflow: str | None

    async def ask(self, reading: Reading, limit: int, cursor: str | None = None) -> Page:
        """Return a page of them."""
        return await reading.approvals(
            status=self.status,
            role=self.role,
            user=self.user,
            workflow=self.workflow,
            limit=limit,
            cursor=cursor,
        )


def columns() -> dict[str, str]:
    """Return the columns for which the terminal is wide enough; all where there is none."""
    return columns_that_fit(COLUMNS, ESSENTIAL)


def shown(row: Row) -> Row:
    """Return a request as it stands in the list."""
    record, now = row["record"], datetime.now(UTC)
    people = [*row["roles"], *row["users"]] or (["anyone"] if record.get("anyone") else [])
    expires = row["expires_at"]
    title = str(record.get("title") or "").strip() or "Untitled request"
    if sys.stdout.isatty() and len(title) > LONGEST_TITLE:
        title = f"{title[:LONGEST_TITLE]}…"
    return {
        **record,
        **row,
        "title": title,
        "asked": people,
        "waiting": _between(row["requested_at"], row["decided_at"] or now),
        "left": "" if expires is None or row["decided_at"] else _between(now, expires),
        "stands": row["outcome"] or row["status"],
    }


def _between(start: datetime, end: datetime) -> str:
    seconds = (end - start).total_seconds()
    return "now" if seconds < 1 else length(int(seconds) * 1000)


async def list_approvals(wanted: Wanted, limit: int, cursor: str | None, as_json: bool) -> None:
    """Print requests, newest first."""
    async with open_store(settings_for_database()) as store:
        page = await wanted.ask(Reading(store), limit, cursor)
    if as_json:
        print_json({"items": page.items, "next_cursor": page.next_cursor})
        return
    rows = [shown(row) for row in page.items]
    empty = "Nobody is waiting for a decision."
    print_page(Page(rows, page.next_cursor), columns(), empty, as_json=False)
    if rows and sys.stdout.isatty():
        write(f"\n{HINT}\n")


async def watch(wanted: Wanted, limit: int, as_json: bool) -> int:
    """Show requests until Ctrl-C, as they come and are decided."""
    from cli.watching import watch_rows

    async def ask(reading: Reading) -> Sequence[Row]:
        items = (await wanted.ask(reading, limit)).items
        if as_json:
            return items
        # What changes by the clock alone is no change where lines are printed.
        living = sys.stdout.isatty()
        still = {"waiting": None, "left": None}
        return [shown(row) if living else {**shown(row), **still} for row in items]

    empty = "Nobody is waiting for a decision."
    return await watch_rows(ask, columns(), "request_id", empty, as_json=as_json)


async def show_approval(request_id: str, as_json: bool) -> None:
    """Print one request, and the commands that answer it."""
    async with open_store(settings_for_database()) as store:
        found = await Reading(store).approval(request_id)
    if found is None:
        raise NotFound(missing_request(request_id))
    if as_json:
        print_json(found)
        return
    from cli.facts import lines_of

    told = {**found["record"], **found}
    shown = {name: told[name] for name in FIELDS if told.get(name)}
    print_fields({n: "\n".join(lines_of(v)) if n in LONG else v for n, v in shown.items()})
    if found["status"] == "pending":
        write_lines(answers(found))


def answers(approval: Row) -> list[str]:
    """Return the commands that answer an open request."""
    record, id = approval["record"], approval["request_id"]
    blank = dict.fromkeys(record.get("required_fields") or record.get("form") or {}, "...")
    form = f" --form '{json.dumps(blank)}'" if blank else ""
    first, *others = record["outcomes"]
    lines = ["", f"sluicegate approvals approve {id} --by YOU{form}      # {first}"]
    for other in others:
        if other == "rejected":
            lines.append(f"sluicegate approvals reject {id} --by YOU --reason WHY")
        else:
            lines.append(f"sluicegate approvals approve {id} --by YOU --outcome {other}{form}")
    return lines
