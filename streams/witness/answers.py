"""What the topics of receipts, decisions, dead letters and events told, kept small."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from storage.invariants import Finding, Invariants, found_among
from streams.codecs import RawRecord
from streams.witness.course import mark


@dataclass(slots=True)
class Receipts:
    """The receipts topic: one answer to a decision, beside the refusals of its doubles."""

    records: int = 0
    repeats: int = 0
    answers: dict[str, tuple[int, str]] = field(default_factory=dict)
    answered_twice: list[str] = field(default_factory=list)

    def note(self, record: RawRecord) -> None:
        """Take one record."""
        self.records += 1
        value = orjson.loads(record.value or b"{}")
        id, own = value.get("decision_id"), mark(record.value)
        if id is None or value.get("code") == "duplicate":
            return
        self.repeats += id in self.answers
        known = self.answers.setdefault(id, (own, f"{value['result']} {value['code']}"))
        if known[0] != own:
            self.answered_twice.append(id)

    def findings(self) -> list[Finding]:
        """Return what the topic alone shows."""
        return found_among("one_receipt", "a decision has one receipt", self.answered_twice)

    async def compare(self, invariants: Invariants) -> list[Finding]:
        """Return the answers that no receipt tells, or another."""
        untold: list[str] = []
        async for row in invariants.pages("read_answers", "id", 0):
            told = self.answers.get(row["decision_id"])
            if told is None or told[1] != f"{row['result']} {row['code']}":
                untold.append(row["decision_id"])
        return found_among("answer_is_told", "an answer is on the receipts topic", untold)


@dataclass(slots=True)
class DecisionsSeen:
    """The decisions topic: whether the broker says when it took a decision."""

    records: int = 0
    repeats: int = 0
    unstamped: int = 0

    def note(self, record: RawRecord) -> None:
        """Take one record."""
        self.records += 1
        self.unstamped += not record.log_append

    def findings(self) -> list[Finding]:
        """Return nothing: what people send may be anything."""
        return []

    async def compare(self, invariants: Invariants) -> list[Finding]:
        """Return decisions sent in time that lost to an expiry, where the broker's clock tells."""
        return [] if self.unstamped else await invariants.check_in_time()


@dataclass(slots=True)
class DeadLettersSeen:
    """The dead letters' topic: every dead letter is there with its place."""

    records: int = 0
    repeats: int = 0
    places: set[str] = field(default_factory=set)

    def note(self, record: RawRecord) -> None:
        """Take one record."""
        self.records += 1
        told = {name: (value or b"").decode("utf-8", "replace") for name, value in record.headers}
        parts = (told.get(f"dlq-original-{part}", "") for part in ("topic", "partition", "offset"))
        place = ":".join(parts)
        self.repeats += place in self.places
        self.places.add(place)

    def findings(self) -> list[Finding]:
        """Return what the topic alone shows: nothing."""
        return []

    async def compare(self, invariants: Invariants) -> list[Finding]:
        """Return the dead letters that the topic does not have."""
        rows = invariants.pages("read_dead_letter_places", "id", 0)
        untold = [row["place"] async for row in rows if row["place"] not in self.places]
        return found_among("dead_letter_is_told", "a dead letter is on its topic", untold)


@dataclass(slots=True)
class Emitted:
    """The event topics: what workflows emit; here the events of records they wrote."""

    entity_types: Sequence[str] = ()
    records: int = 0
    repeats: int = 0
    subjects: dict[str, int] = field(default_factory=dict)
    altered: list[str] = field(default_factory=list)

    def note(self, record: RawRecord) -> None:
        """Take one record; only the events of records of ours count."""
        kind = subject = b""
        for name, value in record.headers:
            if name == "ce_type":
                kind = value or b""
            elif name == "ce_subject":
                subject = value or b""
        if not kind.startswith(b"record."):
            return
        self.records += 1
        named, own = subject.decode(), mark(record.value)
        name = f"{named} {kind.decode()}"
        self.repeats += name in self.subjects
        if self.subjects.setdefault(name, own) != own:
            self.altered.append(named)

    def findings(self) -> list[Finding]:
        """Return what the topic alone shows."""
        ours = [name for name in self.altered if name.partition("/")[0] in self.entity_types]
        return found_among("record_is_told_alike", "a record written once is told alike", ours)

    async def compare(self, invariants: Invariants) -> list[Finding]:
        """Return the records that nobody was told of, or told something else."""
        if not self.entity_types:
            return []
        told = {name.partition(" ")[0] for name in self.subjects}
        rows = invariants.pages(
            "read_written_records", "subject", "", entity_types=list(self.entity_types)
        )
        untold = [row["subject"] async for row in rows if row["subject"] not in told]
        return found_among("record_is_told", "a record is told on the event topic", untold)
