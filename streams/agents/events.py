"""The events agent: domain events -> triggers -> executions, and waits that an event ends."""

from collections.abc import Mapping, Sequence

from engine.correlation import correlation_of_event
from engine.errors import SluicegateError
from engine.ids import event_row_id, execution_id, public_id
from streams.agents.encounters import come_to
from streams.agents.planned import PlannedEvent, Rejected, event_row, meta_of, name_roots
from streams.agents.redriven import start_redriven
from streams.catalog import Catalog, Start
from streams.codecs import RawRecord, Undecodable, decode_event
from streams.dead_letters import DeadLetters
from streams.enrichment import Enrichment
from streams.gathering import Gathering, gather
from streams.intake import Apply
from streams.messages import DomainEvent
from streams.redrive import take_redrives
from streams.schemas import Schemas
from streams.starts import Proposal, apply_trigger, start_all
from streams.work import Work


class EventsHandler:
    """Plans a batch of events before its transaction, and carries it out inside."""

    def __init__(
        self,
        catalog: Catalog,
        enrichment: Enrichment,
        schemas: Schemas,
        dead_letters: DeadLetters,
        gathering: Gathering,
        type_fields: Sequence[str],
    ) -> None:
        self._catalog, self._enrichment, self._schemas = catalog, enrichment, schemas
        self._dead_letters, self._type_fields = dead_letters, type_fields
        self._gathering = gathering

    async def prepare(self, records: Sequence[RawRecord]) -> Apply:
        """Decode, match and enrich; no database here."""
        planned: list[PlannedEvent] = []
        rejected: list[Rejected] = []
        for record in records:
            try:
                event = decode_event(record, self._type_fields)
            except Undecodable as problem:
                rejected.append(Rejected(record, problem.error_type, problem.message))
                continue
            planned.append(self._plan(event, record, rejected))
        starts = [start for event in planned for start in event.starts]
        if any(start.version.definition.loads for start in starts):
            await self._enrich(planned)

        async def apply(work: Work) -> None:
            redrives = await take_redrives(work, records)
            for item in rejected:
                if item.workflow in (None, redrives.get(item.record.place, item.workflow)):
                    await self._dead_letters.put(
                        work, item.record, item.error_type, item.message, item.workflow
                    )
            ordinary = [plan for plan in planned if plan.place not in redrives]
            redriven = [plan for plan in planned if plan.place in redrives]
            await self._carry_out(work, ordinary)
            await name_roots(work, redriven)
            await start_redriven(work, self._gathering, redriven, redrives)
            await self._put_refused(work, planned)

        return apply

    def reject(self, record: RawRecord, error_type: str, message: str) -> Apply:
        """Put one record into the dead letters."""

        async def apply(work: Work) -> None:
            await self._dead_letters.put(work, record, error_type, message)

        return apply

    def _plan(
        self, event: DomainEvent, record: RawRecord, rejected: list[Rejected]
    ) -> PlannedEvent:
        timestamp = round(event.received_at.timestamp() * 1000)
        row_id = event_row_id(event.source, event.event_id, timestamp)
        plan = PlannedEvent(event, record, row_id, meta_of(event))
        plan.correlations = [
            found
            for shape in self._catalog.shapes(event.type)
            if (found := correlation_of_event(shape, event.payload, event.key)) is not None
        ]
        candidates = self._catalog.starts(event.type)
        if candidates and event.hops >= self._catalog.bounds.max_hops:
            problem = f"{event.hops} hops: events that start each other in a circle; break the loop"
            rejected.append(Rejected(record, "loop_limit", problem))
            return plan
        scope: dict[str, object] | None = None
        for start in candidates:
            scope = scope or {**event.payload, "event": {**event.payload, "meta": plan.meta}}
            self._plan_start(plan, start, scope, record, rejected)
        return plan

    def _plan_start(
        self,
        plan: PlannedEvent,
        start: Start,
        scope: Mapping[str, object],
        record: RawRecord,
        rejected: list[Rejected],
    ) -> None:
        definition, event, trigger = start.version.definition, plan.event, start.trigger
        taken = [one.version for one in plan.starts] + [one.version for one in plan.gathered]
        if any(version is start.version for version in taken):
            return
        try:
            if trigger.when is not None and not trigger.when.holds(scope):
                return
            most = self._catalog.bounds.max_starts_per_event
            if len(taken) >= most:
                text = f"{definition.name}: the event has started {most} executions already"
                text += " (SLUICEGATE_MAX_STARTS_PER_EVENT); narrow triggers, then replay it"
                rejected.append(Rejected(record, "start_limit", text, definition.name))
                return
            # A batch's payload is another than its events'; it is checked when it is complete.
            if trigger.batch is None:
                problem = self._schemas.problem_of_input(start.version, event.payload)
                if problem is not None:
                    text = f"{definition.name}: {problem}"
                    rejected.append(Rejected(record, "invalid_input", text, definition.name))
                    return
            if trigger.debounce is not None or trigger.batch is not None:
                plan.gathered.append(gather(start, event, plan.meta, plan.row_id, scope))
                return
            timestamp = round(event.received_at.timestamp() * 1000)
            proposal = Proposal(
                start.version,
                execution_id(definition.name, event.source, event.event_id, timestamp),
                event.type,
                event.payload,
                plan.meta,
                event.received_at,
            )
            apply_trigger(proposal, trigger, scope)
        except SluicegateError as error:
            text = f"{definition.name}: {error}"
            rejected.append(Rejected(record, "invalid_input", text, definition.name))
            return
        plan.starts.append(proposal)

    async def _enrich(self, planned: list[PlannedEvent]) -> None:
        """Find what caches and static resources hold for the whole batch at once."""
        asked = [
            (start, plan.event.payload, plan.meta) for plan in planned for start in plan.starts
        ]
        found = await self._enrichment.at_hand(
            [
                (start.version.definition, {**payload, "event": {**payload, "meta": meta}})
                for start, payload, meta in asked
            ]
        )
        for (start, _, _), resources in zip(asked, found, strict=True):
            start.resources = resources

    async def _carry_out(self, work: Work, planned: list[PlannedEvent]) -> None:
        fresh = await self._claim(work, planned)
        await name_roots(work, fresh)
        if any(plan.correlations for plan in fresh):
            begun = await come_to(work, fresh)
        else:
            begun = await start_all(work, [start for plan in fresh for start in plan.starts])
        rows = []
        for plan in fresh:
            started = [public_id(start.id) for start in plan.starts if start.id in begun]
            rows.append(event_row(plan, started))
        await work.transaction.write("insert_events", rows)
        await self._gathering.take(work, [item for plan in fresh for item in plan.gathered])

    async def _put_refused(self, work: Work, planned: list[PlannedEvent]) -> None:
        for plan in planned:
            for start in plan.refused:
                code, text = start.refusal or ("", "")
                await self._dead_letters.put(
                    work, plan.record, code, f"{start.name}: {text}", start.name
                )

    async def _claim(self, work: Work, planned: list[PlannedEvent]) -> list[PlannedEvent]:
        """Return the events never seen before: (source, event id) is unique (S12)."""
        if not planned:
            return []
        first: dict[tuple[str, str], PlannedEvent] = {}
        for plan in planned:
            first.setdefault((plan.event.source, plan.event.event_id), plan)
        rows = [{"source": source, "event_id": id} for source, id in first]
        claimed = await work.transaction.fetch_written("claim_event_ids", rows)
        new = {(row["source"], row["event_id"]) for row in claimed}
        return [plan for key, plan in first.items() if key in new]
