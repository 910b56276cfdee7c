"""Events held back: until it has been quiet (`debounce`), or until enough have come (`batch`)."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.definition import Trigger
from engine.errors import SluicegateError
from engine.ids import event_row_id, execution_id, public_id
from engine.notes import key_of
from streams.catalog import Catalog, Start, Version
from streams.messages import DomainEvent
from streams.schemas import Schemas
from streams.starts import Proposal, apply_trigger, start_all
from streams.work import Work

log = logging.getLogger("sluicegate.gathering")
Row = dict[str, Any]
GatheringKey = tuple[str, int, str]
Complete = tuple[Proposal, Sequence[Mapping[str, Any]]]
"""What gathered events start, and those of them that start it."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """An event for a trigger that gathers, under its key."""

    version: Version
    trigger: Trigger
    number: int
    key: str
    event: DomainEvent
    meta: Mapping[str, object]
    row_id: str
    """Of the event's row, which names what it started (S6)."""

    @property
    def place(self) -> GatheringKey:
        """Which gathering it joins."""
        return self.version.definition.name, self.number, self.key


def gather(
    start: Start,
    event: DomainEvent,
    meta: Mapping[str, object],
    row_id: str,
    scope: Mapping[str, object],
) -> Gathered:
    """Return an event under the key of its trigger; raises Unresolved and TooLong."""
    trigger = start.trigger
    held = trigger.debounce or trigger.batch
    template = held.key if held is not None else None
    key = "" if template is None else key_of(template, scope)
    number = start.version.definition.triggers.index(trigger)
    return Gathered(start.version, trigger, number, key, event, meta, row_id)


class Gathering:
    """Keeps gathered events in their table, and starts what is complete or due."""

    def __init__(self, catalog: Catalog, schemas: Schemas) -> None:
        self._catalog, self._schemas = catalog, schemas

    async def take(self, work: Work, items: Sequence[Gathered]) -> None:
        """Add events to their gatherings; start the batches that are full."""
        if not items:
            return
        places = _keys(sorted({item.place for item in items}))
        await work.transaction.write("lock_gathering_places", places)
        held = {
            _place(row): row
            for row in await work.transaction.fetch_written("lock_gatherings", places)
        }
        full: list[Complete] = []
        for item in items:
            row = held.get(item.place)
            row = _joined(item, row, work.now)
            batch = item.trigger.batch
            if batch is not None and len(row["events"]) >= batch.size:
                full.extend(self._complete(item.version, item.trigger, row["events"]))
                row = {**row, "events": []}
            held[item.place] = row
        kept = [row for row in held.values() if row["events"]]
        await work.transaction.write("upsert_gatherings", kept)
        emptied = [_place(row) for row in held.values() if not row["events"]]
        await work.transaction.write("delete_gatherings", _keys(emptied))
        await _start(work, full)

    async def start_due(self, work: Work) -> int:
        """Start what has been quiet long enough, and batches that waited long enough."""
        rows = await work.transaction.fetch("claim_due_gatherings")
        due: list[Complete] = []
        for row in rows:
            name, number = row["workflow_name"], row["trigger_number"]
            version = await self._catalog.version(work.transaction, name, row["version"])
            trigger = version.definition.triggers[number]
            due.extend(self._complete(version, trigger, row["events"]))
        await _start(work, due)
        return len(rows)

    def _complete(
        self, version: Version, trigger: Trigger, events: Sequence[Mapping[str, Any]]
    ) -> Iterable[Complete]:
        """Return the execution that gathered events start, none if their payload is refused."""
        first, last = events[0], events[-1]
        batched = trigger.batch is not None
        payload = {"events": [event["payload"] for event in events]} if batched else last["payload"]
        about = first if batched else last
        problem = self._schemas.problem_of_input(version, payload)
        if problem is not None:
            name = version.definition.name
            log.warning("%s: %d events start nothing: %s", name, len(events), problem)
            return
        received_at = datetime.fromisoformat(about["received_at"])
        timestamp = round(received_at.timestamp() * 1000)
        proposal = Proposal(
            version,
            execution_id(version.definition.name, about["source"], about["event_id"], timestamp),
            about["type"],
            payload,
            about["meta"],
            received_at,
            note={"gathered": len(events)} if batched else {},
        )
        try:
            scope = {**payload, "event": {**payload, "meta": about["meta"]}}
            apply_trigger(proposal, trigger, scope)
        except SluicegateError as error:
            log.warning("%s: %d events start nothing: %s", proposal.name, len(events), error)
            return
        yield proposal, events if batched else [last]


async def _start(work: Work, complete: Sequence[Complete]) -> None:
    """Start what gathered events ask for, and note it at each of them (S6)."""
    begun = await start_all(work, [proposal for proposal, _ in complete])
    started: dict[str, list[str]] = {}
    for proposal, events in complete:
        for event in events if proposal.id in begun else ():
            started.setdefault(_row_id_of(event), []).append(public_id(proposal.id))
    rows = [{"id": row_id, "started": ids} for row_id, ids in sorted(started.items())]
    await work.transaction.write("add_triggered_workflows", rows)


def _row_id_of(event: Mapping[str, Any]) -> str:
    """Return which row an event has; what the version before gathered does not name it."""
    if "row_id" in event:
        return str(event["row_id"])
    at_ms = round(datetime.fromisoformat(event["received_at"]).timestamp() * 1000)
    return event_row_id(event["source"], event["event_id"], at_ms)


def _place(row: Mapping[str, Any]) -> GatheringKey:
    return row["workflow_name"], row["trigger_number"], row["key"]


def _keys(places: Iterable[GatheringKey]) -> list[dict[str, object]]:
    names = ("workflow_name", "trigger_number", "key")
    return [dict(zip(names, place, strict=True)) for place in places]


def _joined(item: Gathered, row: Row | None, now: datetime) -> Row:
    """Return a gathering with one more event, and when it is due now."""
    event = item.event
    kept = {
        "event_id": event.event_id,
        "source": event.source,
        "type": event.type,
        "payload": event.payload,
        "meta": item.meta,
        "row_id": item.row_id,
        "received_at": event.received_at.isoformat(),
    }
    fresh = row is None or not row["events"]
    first_at = now if row is None or fresh else row["first_at"]
    debounce, batch = item.trigger.debounce, item.trigger.batch
    events = [kept]
    due_at = now
    if batch is not None:
        earlier = [] if row is None else row["events"]
        events = [*earlier, kept]
        due_at = first_at + batch.length
    elif debounce is not None:
        due_at = now + debounce.length
        if debounce.max is not None:
            due_at = min(due_at, first_at + debounce.max)
    name, number, key = item.place
    return {
        "workflow_name": name,
        "version": item.version.definition.version,
        "trigger_number": number,
        "key": key,
        "events": events,
        "first_at": first_at,
        "due_at": due_at,
    }
