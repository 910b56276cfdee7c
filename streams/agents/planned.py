"""Events as the events agent plans them, and the rows that they become."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from streams.budget import find_roots
from streams.codecs import RawRecord
from streams.gathering import Gathered
from streams.messages import DomainEvent
from streams.starts import Proposal
from streams.work import Work


@dataclass(slots=True)
class PlannedEvent:
    """A decoded event, what it would start, and which waits it may end."""

    event: DomainEvent
    record: RawRecord
    row_id: str
    meta: dict[str, object]
    starts: list[Proposal] = field(default_factory=list)
    gathered: list[Gathered] = field(default_factory=list)
    correlations: list[str] = field(default_factory=list)

    @property
    def place(self) -> str:
        """`topic:partition:offset` of its record."""
        return f"{self.event.topic}:{self.event.partition}:{self.event.offset}"

    def narrow(self, workflow: str) -> None:
        """Start this workflow only: the others have had the event."""
        self.starts = [start for start in self.starts if start.name == workflow]
        self.gathered = [item for item in self.gathered if item.version.definition.name == workflow]

    @property
    def refused(self) -> list[Proposal]:
        """What a bound kept from starting."""
        return [start for start in self.starts if start.refusal is not None]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record for the dead letters, with its reason."""

    record: RawRecord
    error_type: str
    message: str
    workflow: str | None = None
    """Who refused it; None for a record that nobody could read."""


def meta_of(event: DomainEvent) -> dict[str, object]:
    """Return what `event.meta` shows, and what messages of the execution carry on."""
    meta: dict[str, object] = {
        "id": event.event_id,
        "type": event.type,
        "source": event.source,
        "time": (event.time or event.received_at).isoformat(),
        "topic": event.topic,
        "key": event.key,
    }
    if event.subject is not None:
        meta["subject"] = event.subject
    if event.hops:
        meta["hops"] = event.hops
    if event.traceparent is not None:
        meta["traceparent"], meta["tracestate"] = event.traceparent, event.tracestate
    return meta


async def name_roots(work: Work, plans: Sequence[PlannedEvent]) -> None:
    """Note of each event that one of our executions emitted which execution all goes back to."""
    caused = [plan for plan in plans if plan.event.emitter and (plan.starts or plan.gathered)]
    roots = await find_roots(work, (str(plan.event.emitter) for plan in caused))
    for plan in caused:
        root = roots.get(str(plan.event.emitter))
        if root is not None:
            plan.meta["root"] = root


def event_row(plan: PlannedEvent, triggered: list[str]) -> dict[str, object]:
    """Return the row of an event with the executions it started (S5, S6)."""
    event = plan.event
    return {
        "id": plan.row_id,
        "event_id": event.event_id,
        "type": event.type,
        "source": event.source,
        "subject": event.subject,
        "topic": event.topic,
        "partition": event.partition,
        "record_offset": event.offset,
        "record_key": event.key,
        "payload": event.payload,
        "meta": plan.meta,
        "received_at": event.received_at,
        "triggered_workflows": triggered,
    }


def signal_rows(plan: PlannedEvent) -> list[dict[str, object]]:
    """Return an event as waits that open later find it."""
    return [
        {
            "correlation": correlation,
            "event_row_id": plan.row_id,
            "received_at": plan.event.received_at,
            "payload": plan.event.payload,
            "meta": plan.meta,
        }
        for correlation in plan.correlations
    ]
