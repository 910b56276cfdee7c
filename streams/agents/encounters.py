"""What the events of a batch come to, one after the other, as if each were alone (D10, D29)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from engine.ids import ExecutionId, WaitId
from engine.inputs import EventArrived
from streams.agents.planned import PlannedEvent, signal_rows
from streams.meeting import MOST_ENDED, Share, cancel_by_event, share_of
from streams.starts import Proposal, begin_all, with_freed_keys
from streams.work import Work

NO_WAIT = WaitId("")
Listeners = dict[str, list[tuple[ExecutionId, WaitId]]]
"""What waits or watches, by correlation: executions, and of waits their ids."""


async def come_to(
    work: Work, planned: Sequence[PlannedEvent], begun: Collection[ExecutionId]
) -> set[ExecutionId]:
    """Give events to the waits and to the executions watching for them; keep them for others.

    The executions of these events are begun already. A start that was ignored because its key was
    busy begins after all where an event before it ended the holder. Returns the ids of those.
    """
    heard = [plan for plan in planned if plan.correlations]
    if not heard:
        return set()
    rows = [row for plan in heard for row in signal_rows(plan)]
    await work.transaction.write("insert_signals", rows)
    correlations = _correlations_of(heard)
    waits = await _find(work, "find_event_waits", correlations)
    watches = await _find(work, "find_watches", correlations)
    await work.load({row["execution_id"] for row in (*waits.rows, *watches.rows)})
    encounters = _Encounters(work, waits, watches)
    for plan in planned:
        await encounters.take_freed_keys([one for one in plan.starts if one.id not in begun])
        encounters.meet(plan)
        encounters.listen(plan.starts)
    await _leave_to_sweep(work, heard, waits.left | watches.left)
    return encounters.begun


async def _find(work: Work, name: str, correlations: Sequence[str]) -> Share:
    found = await work.transaction.fetch(name, correlations=correlations, limit=MOST_ENDED + 1)
    return share_of(found, correlations)


class _Encounters:
    """What waits and watches while the events of a batch go by."""

    def __init__(self, work: Work, waits: Share, watches: Share) -> None:
        self._work, self.begun = work, set[ExecutionId]()
        self._waits, self._watches = _by_correlation(waits.rows), _by_correlation(watches.rows)
        self._unwritten: dict[str, list[str]] = {}
        self._seen = 0

    async def take_freed_keys(self, ignored: Sequence[Proposal]) -> None:
        """Begin what was ignored if an event has ended the execution that held its key."""
        freed = await with_freed_keys(self._work, ignored)
        if freed:
            self.begun |= await begin_all(self._work, freed)

    def meet(self, plan: PlannedEvent) -> None:
        """Give one event to all that it is for."""
        for correlation in sorted(plan.correlations):
            for execution_id, wait_id in self._waits.get(correlation, ()):
                execution = self._work.executions.get(execution_id)
                if execution is not None and wait_id in execution.waits:
                    event = EventArrived(self._work.now, wait_id, plan.event.payload, plan.meta)
                    self._work.apply(execution_id, event)
            for execution_id, _ in self._watches.get(correlation, ()):
                cancel_by_event(self._work, execution_id, plan.meta)

    def listen(self, starts: Iterable[Proposal]) -> None:
        """Let later events of the batch come to what this one has started, though unwritten."""
        for id in [start.id for start in starts if start.id in self._work.new]:
            for wait in self._work.executions[id].waits.values():
                if wait.correlation is not None:
                    self._waits.setdefault(wait.correlation, []).append((id, wait.id))
            for correlation in self._watched_by(id):
                self._watches.setdefault(correlation, []).append((id, NO_WAIT))

    def _watched_by(self, id: ExecutionId) -> Sequence[str]:
        """Return the correlations of the events that cancel an execution not written yet."""
        watches = self._work.ledger.watches
        for row in watches[self._seen :]:
            correlations = self._unwritten.setdefault(str(row["execution_id"]), [])
            correlations.append(str(row["correlation"]))
        self._seen = len(watches)
        return self._unwritten.get(id, ())


def _by_correlation(rows: Iterable[Mapping[str, Any]]) -> Listeners:
    found: Listeners = {}
    for row in rows:
        listener = ExecutionId(row["execution_id"]), WaitId(row.get("wait_id", NO_WAIT))
        found.setdefault(row["correlation"], []).append(listener)
    return found


def _correlations_of(planned: Sequence[PlannedEvent]) -> list[str]:
    """Return what waits and watches find these events by."""
    return sorted({found for plan in planned for found in plan.correlations})


async def _leave_to_sweep(
    work: Work, planned: Sequence[PlannedEvent], correlations: Collection[str]
) -> None:
    """Leave to the sweep what these events, which are kept, have not come to."""
    rows = [
        {"correlation": correlation, "event_row_id": plan.row_id}
        for plan in planned
        for correlation in plan.correlations
        if correlation in correlations
    ]
    if rows:
        await work.transaction.write("leave_rests", rows)
        await work.transaction.run("hasten_sweep")
