"""What must hold of a deployment's rows, whatever has failed (reliability.md, Checker)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from storage.store import Transaction

PAGE = 5_000
SHOWN = 5
NO_ID = "00000000-0000-0000-0000-000000000000"
NOTES = ("comment", "claim", "reassign", "delegate")
"""What stands as outcome of records on the decisions topic that decide nothing."""
EXPIRY_GRACE_SECONDS = 15 * 60

INVARIANTS: Mapping[str, str] = {
    "one_start_per_event": "an event starts one execution of a workflow",
    "starts_exist": "an execution that an event started is there",
    "one_resume_per_wait": "a wait is closed by one decision",
    "winner_is_the_outcome": "the outcome of a wait is the applied decision's",
    "request_is_its_wait": "an approval request and its wait say the same",
    "nothing_is_left_of_the_ended": "an execution that has ended leaves nothing open",
    "no_wait_ends_early": "no wait elapses or expires before its time",
    "no_decision_is_orphaned": "a decision whose wait is there is answered",
    "nobody_is_stuck": "an execution that has not ended has something to come",
    "timers_fire": "no timer is overdue",
    "effects_are_performed": "no effect is left behind",
    "outbox_is_published": "no message is left in the outbox",
    "one_dead_letter_per_record": "a record becomes one dead letter",
    "votes_count_once": "a decision counts once as a vote",
}
"""What is looked for in every deployment, by the name of its statement."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that does not hold: how often, and the first rows that show it."""

    invariant: str
    sentence: str
    count: int
    rows: tuple[str, ...]

    def __str__(self) -> str:
        """Say it in one line."""
        more = ", ..." if self.count > len(self.rows) else ""
        return f"not so: {self.sentence} ({self.count}: {', '.join(self.rows)}{more})"


@dataclass(frozen=True, slots=True)
class Cohort:
    """What is looked at: executions, and records, from an instant on."""

    since: str
    """The smallest execution id of that instant."""
    begun_at: datetime


def cohort_of(begun_at: datetime) -> Cohort:
    """Return what began at an instant or later."""
    digits = f"{int(begun_at.timestamp() * 1000):012x}"
    return Cohort(f"{digits[:8]}-{digits[8:]}-0000-0000-000000000000", begun_at)


def found(invariant: str, sentence: str, rows: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """Return a finding for the rows of a statement; none for no rows."""
    if not rows:
        return []
    shown = tuple(str(row["row"]) for row in rows)
    return [Finding(invariant, sentence, int(rows[0]["total"]), shown)]


def found_among(invariant: str, sentence: str, rows: Sequence[str]) -> list[Finding]:
    """Return a finding for rows that somebody collected; none for no rows."""
    return [Finding(invariant, sentence, len(rows), tuple(rows[:SHOWN]))] if rows else []


class Asked(Protocol):
    """A database that answers."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Run a block in one transaction."""


class Invariants:
    """Asks a database what must hold of it."""

    def __init__(self, store: Asked, cohort: Cohort, patience_seconds: float = 30) -> None:
        self._store, self.cohort = store, cohort
        self._patience_seconds = patience_seconds

    def _parameters(self) -> dict[str, object]:
        return {
            "since": self.cohort.since,
            "begun_at": self.cohort.begun_at,
            "notes": list(NOTES),
            "grace_seconds": EXPIRY_GRACE_SECONDS,
            "patience_seconds": self._patience_seconds,
        }

    async def check(self) -> list[Finding]:
        """Return what does not hold of the rows alone."""
        findings: list[Finding] = []
        for name, sentence in INVARIANTS.items():
            rows = await self._fetch(f"broken_{name}")
            findings += found(name, sentence, rows)
        return findings

    async def check_in_time(self) -> list[Finding]:
        """Return decisions that lost to an expiry though the broker had them before.

        Of no meaning where the broker leaves the stamps to those who produce.
        """
        rows = await self._fetch("broken_in_time_beats_expiry")
        return found("in_time_beats_expiry", "a decision sent in time beats the expiry", rows)

    async def check_missing(
        self, name: str, sentence: str, rows: Sequence[Mapping[str, object]], **more: object
    ) -> list[Finding]:
        """Return what a statement finds of rows that somebody else kept, many at a time."""
        shown: list[str] = []
        count = 0
        for start in range(0, len(rows), PAGE):
            part = await self._fetch_rows(name, rows[start : start + PAGE], more)
            count += int(part[0]["total"]) if part else 0
            shown += [str(row["row"]) for row in part]
        return [Finding(name, sentence, count, tuple(shown[:SHOWN]))] if count else []

    async def check_all_there(
        self, name: str, sentence: str, rows: Sequence[Mapping[str, object]], **more: object
    ) -> list[Finding]:
        """Return what a statement finds that needs all the rows at once."""
        return found(name, sentence, await self._fetch_rows(name, rows, more))

    async def check_records(self, workflow: str, entity_types: Sequence[str]) -> list[Finding]:
        """Return the records that executions of one workflow did not write exactly once."""
        rows = await self._fetch(
            "broken_records_are_written_once", workflow=workflow, entity_types=list(entity_types)
        )
        return found("records_are_written_once", "a record is written exactly once", rows)

    async def pages(self, name: str, key: str, start: object, **more: object) -> AsyncIterator[Any]:
        """Yield the rows of a statement that reads on behind the last `key`."""
        after = start
        while True:
            rows = await self._fetch(name, after=after, limit=PAGE, **more)
            for row in rows:
                yield row
            if len(rows) < PAGE:
                return
            after = rows[-1][key]

    async def progress(self, workflows: Sequence[str]) -> Mapping[str, int]:
        """Return how many executions of workflows began and ended."""
        return dict((await self._fetch("count_progress", workflows=list(workflows)))[0])

    async def event_progress(self, source: str) -> Mapping[str, int]:
        """Return how many events of a source are known, and what became of their executions."""
        return dict((await self._fetch("count_event_progress", source=source))[0])

    async def unsettled(self) -> int:
        """Return how much is under way that ends by itself."""
        return int((await self._fetch("count_unsettled"))[0]["unsettled"])

    async def _fetch(self, name: str, **more: object) -> list[dict[str, Any]]:
        async with self._store.transaction() as transaction:
            await _take_time(transaction)
            return await transaction.fetch(name, **self._parameters(), **more)

    async def _fetch_rows(
        self, name: str, rows: Sequence[Mapping[str, object]], more: Mapping[str, object]
    ) -> list[dict[str, Any]]:
        async with self._store.transaction() as transaction:
            await _take_time(transaction)
            return await transaction.fetch_written(name, rows, **self._parameters(), **more)


async def _take_time(transaction: Transaction) -> None:
    """Let a statement of the checker read a whole table: the workers' limit is too short."""
    await transaction.run("allow_long_statement")
