"""Replayed events: the workflow that refused one takes it now, the others had it before."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from engine.ids import execution_id, public_id
from streams.agents.planned import PlannedEvent, event_row
from streams.gathering import Gathering
from streams.starts import Proposal, start_all
from streams.work import Work


async def start_redriven(
    work: Work,
    gathering: Gathering,
    plans: Sequence[PlannedEvent],
    workflows: Mapping[str, str],
) -> None:
    """Start each event's workflow, named by place, with the ids of the event's first arrival."""
    if not plans:
        return
    origins = await _origins(work, plans)
    for plan in plans:
        plan.narrow(workflows[plan.place])
        origin = origins.get((plan.event.source, plan.event.event_id))
        if origin is not None:
            _date_back(plan.starts, plan, origin)
            row_id = str(origin["id"])
            plan.gathered = [replace(item, row_id=row_id) for item in plan.gathered]
    proposals = [start for plan in plans for start in plan.starts]
    # Who is loaded is not started: two letters about one event start one execution.
    await work.load({start.id for start in proposals})
    begun = await start_all(work, proposals)
    triggered, fresh = [], []
    for plan in plans:
        started = [public_id(start.id) for start in plan.starts if start.id in begun]
        origin = origins.get((plan.event.source, plan.event.event_id))
        if origin is None:
            fresh.append(event_row(plan, started))
        elif started:
            triggered.append({"id": origin["id"], "started": started})
    await work.transaction.write("insert_events", fresh)
    await work.transaction.write("add_triggered_workflows", triggered)
    await gathering.take(work, [item for plan in plans for item in plan.gathered])


async def _origins(
    work: Work, plans: Sequence[PlannedEvent]
) -> Mapping[tuple[str, str], Mapping[str, object]]:
    """Return the rows of the events' first arrivals; claim the ids, as a first arrival does."""
    names = sorted({(plan.event.source, plan.event.event_id) for plan in plans})
    rows = [{"source": source, "event_id": id} for source, id in names]
    await work.transaction.fetch_written("claim_event_ids", rows)
    found = await work.transaction.fetch_written("find_event_origins", rows)
    return {(row["source"], row["event_id"]): row for row in found}


def _date_back(
    starts: Sequence[Proposal], plan: PlannedEvent, origin: Mapping[str, object]
) -> None:
    received_at = origin["received_at"]
    assert isinstance(received_at, datetime)  # noqa: S101
    timestamp = round(received_at.timestamp() * 1000)
    for start in starts:
        start.id = execution_id(start.name, plan.event.source, plan.event.event_id, timestamp)
