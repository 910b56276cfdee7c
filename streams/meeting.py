"""Events that came before what they are for: a wait of their execution, or its very start (D10)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from engine.ids import ExecutionId, WaitId
from engine.inputs import CancelRequested, EventArrived
from streams.driver import Driver
from streams.work import Work

AT_ONCE = 500
"""Events given to waits, and executions cancelled by events, in one transaction."""
MOST_ENDED = 1_000
"""Waits, and as many watches, that the events of one batch end in its own transaction."""
NOWHERE = str(UUID(int=0))
BEGINNING: Mapping[str, object] = {
    "execution_id": NOWHERE,
    "received_at": datetime(1970, 1, 1, tzinfo=UTC),
    "event_row_id": NOWHERE,
    "id": NOWHERE,
}
"""Before the first pair of a wait and an event."""
Found = Sequence[Mapping[str, Any]]
Met = Mapping[str, object] | None
"""The last pair that was tried, None where there are no more."""


@dataclass(frozen=True, slots=True)
class Share:
    """Of what events found, what one transaction takes; the rest is of these correlations."""

    rows: Found
    left: frozenset[str]


async def bring_together(
    driver: Driver, waits: Sequence[str], executions: Collection[str] = ()
) -> None:
    """Give kept events to waits and to executions that they cancel, in short transactions."""
    after: Mapping[str, object] | None = BEGINNING if waits else None
    while after is not None:
        place = after

        async def meet(work: Work, place: Mapping[str, object] = place) -> Met:
            most = driver.at_most(AT_ONCE)
            rows = await meet_waits(work, waits, place, most)
            return {name: rows[-1][name] for name in BEGINNING} if len(rows) == most else None

        after = await driver.run_until_done(meet, "early events")
    ids = sorted(set(executions))
    for start in range(0, len(ids), AT_ONCE):
        some = ids[start : start + AT_ONCE]

        async def cancel(work: Work, some: Sequence[str] = some) -> None:
            await meet_watches(work, some)

        await driver.run_until_done(cancel, "early events")


async def meet_waits(
    work: Work, waits: Sequence[str], after: Mapping[str, object], most: int
) -> Found:
    """Give kept events to open waits, oldest first; return the pairs that were tried."""
    rows = await work.transaction.fetch("meet_signals", wait_ids=list(waits), limit=most, **after)
    await work.load({row["execution_id"] for row in rows})
    for row in rows:
        given = EventArrived(work.now, WaitId(row["wait_id"]), row["payload"], row["meta"])
        work.apply(ExecutionId(row["execution_id"]), given)
    return rows


async def meet_watches(work: Work, executions: Sequence[str]) -> None:
    """Cancel executions whose cancelling event came before them."""
    rows = await work.transaction.fetch("meet_watches", execution_ids=list(executions))
    await work.load({row["execution_id"] for row in rows})
    for row in rows:
        cancel_by_event(work, row["execution_id"], row["meta"])


def cancel_by_event(work: Work, execution_id: str, meta: Mapping[str, object]) -> bool:
    """Cancel an unfinished execution by an event, unless that event started it; tell whether."""
    id = ExecutionId(execution_id)
    execution = work.executions.get(id)
    if execution is None or execution.ended or is_same_event(execution.meta, meta):
        return False
    work.apply(id, CancelRequested(work.now, "cancel_on", f"{meta['type']} {meta['id']}"))
    return True


def is_same_event(one: Mapping[str, object], other: Mapping[str, object]) -> bool:
    """Compare events by source and id, as CloudEvents does; by id where a source is not known."""
    if one.get("id") != other.get("id"):
        return False
    sources = one.get("source"), other.get("source")
    return None in sources or sources[0] == sources[1]


def share_of(found: Found, correlations: Collection[str]) -> Share:
    """Take what one transaction may take of rows that are ordered by their correlation.

    Where an earlier event has waits left, a later one must not come to them before it: all of its
    own are left as well.
    """
    behind = {row["correlation"] for row in found if row["behind"]}
    if len(found) > MOST_ENDED:
        # How many there are of this one and of all after it, nobody has counted.
        first = found[MOST_ENDED]["correlation"]
        behind |= {one for one in correlations if one > first}
        left = behind | {first}
    else:
        left = behind
    rows = [row for row in found[:MOST_ENDED] if row["correlation"] not in behind]
    return Share(rows, frozenset(left))
