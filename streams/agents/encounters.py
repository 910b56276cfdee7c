"""What the events of a batch come to, one after the other, as if each were alone (D10, D29)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from engine.execution import Wait
from engine.ids import ExecutionId, WaitId
from engine.inputs import EventArrived
from streams.agents.planned import PlannedEvent, signal_rows
from streams.meeting import AT_ONCE, MOST_ENDED, Share, cancel_by_event, is_same_event, share_of
from streams.starts import KeyName, Proposal, begin_all, start_uncontended, with_freed_keys
from streams.work import Work

NO_WAIT = WaitId("")
Listeners = dict[str, list[tuple[ExecutionId, WaitId]]]
"""What waits or watches, by correlation: executions, and of waits their ids."""


async def come_to(work: Work, planned: Sequence[PlannedEvent]) -> set[ExecutionId]:
    """Start what events start, and give them, in their order, to what waits or watches for them.

    They are kept for what waits for them later. Returns the ids of what has begun.
    """
    heard = [plan for plan in planned if plan.correlations]
    rows = [row for plan in heard for row in signal_rows(plan)]
    await work.transaction.write("insert_signals", rows)
    correlations = _correlations_of(heard)
    waits = await _find(work, "find_event_waits", correlations)
    watches = await _find(work, "find_watches", correlations)
    await work.load({row["execution_id"] for row in (*waits.rows, *watches.rows)})
    encounters = _Encounters(work, planned, waits, watches)
    await encounters.run()
    await _leave_to_sweep(work, heard, waits.left | watches.left)
    return encounters.begun


async def _find(work: Work, name: str, correlations: Sequence[str]) -> Share:
    found = await work.transaction.fetch(name, correlations=correlations, limit=MOST_ENDED + 1)
    return share_of(found, correlations)


class _Encounters:
    """What waits and watches while the events of a batch go by."""

    def __init__(
        self, work: Work, planned: Sequence[PlannedEvent], waits: Share, watches: Share
    ) -> None:
        self._work, self._planned, self.begun = work, planned, set[ExecutionId]()
        self._waits, self._watches = _by_correlation(waits.rows), _by_correlation(watches.rows)
        self._place_of: dict[ExecutionId, int] = {}
        """At which event each execution began that this batch has started."""
        self._known: set[WaitId] = set()
        """Waits opened meanwhile that listen, or listened."""
        self._watched: dict[str, list[str]] = {}
        self._seen = 0

    async def run(self) -> None:
        """Let all events go by.

        What no key keeps back begins at once: nothing hears an event before the one that started
        it. What takes a busy key begins at its place, when its holder has heard what is before.
        """
        starts = [start for plan in self._planned for start in plan.starts]
        self.begun, contended = await start_uncontended(self._work, starts)
        for place, plan in enumerate(self._planned):
            kept_back = [start for start in plan.starts if start.id in contended]
            if kept_back:
                await self._contend(kept_back, place)
            self._meet(plan, place)
            for id in [start.id for start in plan.starts if start.id in self._work.new]:
                self._place_of[id] = place
                self._watch(id)
                self._listen(id, place)

    async def _contend(self, starts: Sequence[Proposal], place: int) -> None:
        """Begin what replaces the holder of its key, or finds that it has ended."""
        names = {(start.name, str(start.key)) for start in starts}
        unsettled = True
        while unsettled:
            await self._work.settle()
            for id in list(self._place_of):
                self._listen(id, place - 1)
            for id in self._holders_of(names):
                await self._look_back(id, place)
            unsettled = self._work.unsettled
        free = await with_freed_keys(self._work, starts)
        if free:
            self.begun |= await begin_all(self._work, free)

    def _holders_of(self, names: Collection[KeyName]) -> list[ExecutionId]:
        """Return the loaded executions of earlier batches that have one of these keys."""
        work = self._work
        return [
            id
            for id, key in work.key_of.items()
            if (work.executions[id].workflow, key) in names and id not in work.new
        ]

    async def _look_back(self, id: ExecutionId, place: int) -> None:
        """Give the waits that an execution has opened meanwhile what is kept, up to this place."""
        later, work = {plan.row_id for plan in self._planned[place:]}, self._work
        while fresh := [wait for wait in self._fresh(id) if wait.id in work.ledger.new_waits]:
            self._known.update(wait.id for wait in fresh)
            since = min(wait.since or wait.opened_at for wait in fresh)
            names = [wait.correlation for wait in fresh]
            rows = await work.transaction.fetch(
                "find_signals", correlations=names, since=since, limit=AT_ONCE
            )
            for row in rows:
                if row["event_row_id"] in later or is_same_event(
                    work.executions[id].meta, row["meta"]
                ):
                    continue
                for wait in fresh:
                    if wait.correlation == row["correlation"]:
                        self._give(id, wait.id, row["payload"], row["meta"])
            for wait in fresh:
                self._waits.setdefault(str(wait.correlation), []).append((id, wait.id))

    def _fresh(self, id: ExecutionId) -> list[Wait]:
        """Return the waits for events that are not among those that listen."""
        waits = self._work.executions[id].waits.values()
        return [w for w in waits if w.correlation is not None and w.id not in self._known]

    def _meet(self, plan: PlannedEvent, place: int) -> None:
        """Give one event to all that it is for."""
        for correlation in sorted(plan.correlations):
            for id, wait in list(self._waits.get(correlation, ())):
                self._give(id, wait, plan.event.payload, plan.meta)
                if id in self._place_of:
                    self._listen(id, place)
            for id, _ in self._watches.get(correlation, ()):
                cancel_by_event(self._work, id, plan.meta)

    def _give(
        self,
        id: ExecutionId,
        wait: WaitId,
        payload: Mapping[str, object],
        meta: Mapping[str, object],
    ) -> None:
        execution = self._work.executions.get(id)
        if execution is not None and wait in execution.waits:
            self._work.apply(id, EventArrived(self._work.now, wait, payload, meta))

    def _listen(self, id: ExecutionId, place: int) -> None:
        """Give new waits what came between their trigger and this place, then what comes."""
        while fresh := self._fresh(id):
            wait = fresh[0]
            self._known.add(wait.id)
            correlation = str(wait.correlation)
            for plan in self._planned[self._place_of[id] + 1 : place + 1]:
                if correlation in plan.correlations:
                    self._give(id, wait.id, plan.event.payload, plan.meta)
            self._waits.setdefault(correlation, []).append((id, wait.id))

    def _watch(self, id: ExecutionId) -> None:
        """Let later events cancel an execution that is not written yet."""
        watches = self._work.ledger.watches
        for row in watches[self._seen :]:
            self._watched.setdefault(str(row["execution_id"]), []).append(str(row["correlation"]))
        self._seen = len(watches)
        for correlation in self._watched.get(id, ()):
            self._watches.setdefault(correlation, []).append((id, NO_WAIT))


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
