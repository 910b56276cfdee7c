"""Whether everything held: the rows, the topics, what was sent, the sink, and the progress."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cli.chaos.definition import ENTITIES, NAME, SOURCE
from cli.chaos.sent import Sent
from cli.chaos.sink import Sink
from cli.chaos.watch import Positions
from config.settings import Settings
from storage.invariants import Cohort, Finding, Invariants, found_among
from storage.store import PostgresStore
from streams.position import Partition
from streams.topics import Topics
from streams.witness.answers import DecisionsSeen
from streams.witness.reader import Reader
from streams.witness.witness import Witness, a_witness

LEAST_ENDED = 0.95


@dataclass(frozen=True, slots=True)
class Attempt:
    """What a run did, to be judged."""

    sent: Sent
    positions: Positions
    planned: int
    failed: Sequence[str]
    """Faults that were planned and did not happen."""
    starts: Mapping[Partition, int]
    """Where the topics began to be of interest."""
    built_in: bool = True
    """Whether the load was the built-in definition's."""
    sink: Sink | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found, and what was counted on the way."""

    findings: Sequence[Finding]
    progress: Mapping[str, int]
    records: int
    repeats: int
    dead_letters: int
    unstamped: bool
    """Whether it cannot be told if a decision was in time."""


async def judge(settings: Settings, cohort: Cohort, attempt: Attempt) -> Verdict:
    """Read rows and topics, and say what does not hold."""
    store = PostgresStore(settings.database, pool_size=2, name="sluicegate chaos")
    await store.open()
    try:
        invariants = Invariants(store, cohort)
        witness = read_topics(settings, cohort, attempt)
        progress = await _progress(invariants, attempt)
        findings = [
            *await invariants.check(),
            *await witness.testify(invariants),
            *await _compare_sent(invariants, attempt.sent),
            *await _compare_sink(invariants, attempt.sink),
            *look_at_progress(attempt, progress),
        ]
        if attempt.built_in:
            findings += await invariants.check_records(NAME, ENTITIES)
        return _verdict(findings, progress, witness, Topics(settings.topic_prefix))
    finally:
        await store.close()


def _verdict(
    findings: Sequence[Finding], progress: Mapping[str, int], witness: Witness, topics: Topics
) -> Verdict:
    letters, decisions = witness.folds[topics.dead_letters], witness.folds[topics.decisions]
    unstamped = isinstance(decisions, DecisionsSeen) and decisions.unstamped > 0
    return Verdict(
        findings, progress, witness.records(), witness.repeats(),
        letters.records - letters.repeats, unstamped,
    )  # fmt: skip


def read_topics(settings: Settings, cohort: Cohort, attempt: Attempt) -> Witness:
    """Read every record of a deployment since the run began."""
    entities = ENTITIES if attempt.built_in else ()
    witness = a_witness(Topics(settings.topic_prefix), settings.event_topics, cohort, entities)
    reader = Reader(settings.kafka, settings.kafka_security())
    try:
        places = reader.partitions_of(witness.folds)
        starts = {place: attempt.starts.get(place, 0) for place in places}
        witness.note_all(reader.read_to_end(starts))
    finally:
        reader.close()
    return witness


async def _progress(invariants: Invariants, attempt: Attempt) -> Mapping[str, int]:
    if attempt.built_in:
        return await invariants.progress([NAME])
    return await invariants.event_progress(SOURCE)


async def _compare_sent(invariants: Invariants, sent: Sent) -> list[Finding]:
    events = [{"event_id": id} for id in sorted(set(sent.events))]
    decisions = [{"decision_id": id} for id in sorted(set(sent.decisions))]
    poisons = [{"record_key": key} for key in sorted(set(sent.poisons))]
    return [
        *await invariants.check_missing(
            "missing_events", "an event that was published is known", events, source=SOURCE
        ),
        *await invariants.check_missing(
            "missing_decisions", "a decision that was sent is answered", decisions
        ),
        *await invariants.check_missing(
            "missing_dead_letters", "a poisoned record is a dead letter", poisons
        ),
    ]


async def _compare_sink(invariants: Invariants, sink: Sink | None) -> list[Finding]:
    if sink is None:
        return []
    keys = [{"key": key} for key in sorted(sink.bodies)] or [{"key": ""}]
    return [
        *await invariants.check_all_there(
            "missing_webhooks", "a webhook that is done has arrived", keys
        ),
        *await invariants.check_all_there(
            "unknown_webhooks", "a webhook that arrives has its effect", keys if sink.bodies else []
        ),
        *found_among(
            "webhook_repeats_are_exact", "a repeated webhook has the same body", sink.altered
        ),
    ]


def look_at_progress(attempt: Attempt, progress: Mapping[str, int]) -> list[Finding]:
    """Return what makes a run no proof: nothing moved, or nothing went wrong."""
    attempted = attempt.sent.attempted()
    ended = progress["ended" if attempt.built_in else "known"]
    findings = list(found_among("positions_rise", "no position falls", attempt.positions.fell))
    if not attempted or ended < LEAST_ENDED * attempted:
        rows = (f"{ended} of {attempted}",)
        what = "executions end" if attempt.built_in else "events are processed"
        findings.append(Finding("progress", f"at least 95 % of the {what}", 1, rows))
    if attempt.failed:
        sentence = f"all {attempt.planned} planned faults happen"
        findings += found_among("faults_happen", sentence, list(attempt.failed))
    return findings
