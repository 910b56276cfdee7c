"""What all topics of a deployment told, compared with its rows (reliability.md, Checker)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from storage.invariants import Cohort, Finding, Invariants
from streams.codecs import RawRecord
from streams.topics import Topics
from streams.witness.answers import DeadLettersSeen, DecisionsSeen, Emitted, Receipts
from streams.witness.course import LifeCycles, Waiting


class Fold(Protocol):
    """What keeps of one topic enough to judge it."""

    records: int
    repeats: int

    def note(self, record: RawRecord) -> None:
        """Take one record."""

    def findings(self) -> list[Finding]:
        """Return what the topic alone shows."""

    async def compare(self, invariants: Invariants) -> list[Finding]:
        """Return where topic and rows say different things."""


@dataclass(frozen=True, slots=True)
class Witness:
    """Reads each record once, and tells in the end."""

    folds: Mapping[str, Fold]
    """By topic."""

    def note_all(self, records: Iterable[RawRecord]) -> None:
        """Take records of any of the topics."""
        folds = self.folds
        for record in records:
            folds[record.topic].note(record)

    async def testify(self, invariants: Invariants) -> list[Finding]:
        """Return everything that does not hold of the topics."""
        findings = [one for fold in self._distinct() for one in fold.findings()]
        for fold in self._distinct():
            findings += await fold.compare(invariants)
        return findings

    def repeats(self) -> int:
        """Return how many records came again."""
        return sum(fold.repeats for fold in self._distinct())

    def records(self) -> int:
        """Return how many records of ours were read."""
        return sum(fold.records for fold in self._distinct())

    def _distinct(self) -> list[Fold]:
        return list({id(fold): fold for fold in self.folds.values()}.values())


def a_witness(
    topics: Topics, event_topics: Sequence[str], cohort: Cohort, entity_types: Sequence[str] = ()
) -> Witness:
    """Return a witness of a deployment's topics that has seen nothing yet."""
    since, emitted = cohort.since.replace("-", ""), Emitted(entity_types)
    return Witness(
        {
            topics.executions: LifeCycles(since),
            topics.waiting: Waiting(since),
            topics.receipts: Receipts(),
            topics.decisions: DecisionsSeen(),
            topics.dead_letters: DeadLettersSeen(),
            **dict.fromkeys(event_topics, emitted),
        }
    )
