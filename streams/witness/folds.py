"""What one topic told, kept small: enough to see what is missing, altered or out of order.

`since` is the smallest execution id that counts, as hexadecimal digits.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from engine.execution import ENDED
from storage.invariants import NO_ID, Finding, Invariants, found_among
from streams.codecs import RawRecord

PREFIX = "sluicegate."
NEVER_SEEN = array("Q")
MASK = (1 << 64) - 1


def id_and_type(record: RawRecord) -> tuple[str, str]:
    """Return the CloudEvents id and type of a record of ours."""
    id = kind = b""
    for name, value in record.headers:
        if name == "ce_id":
            id = value or b""
        elif name == "ce_type":
            kind = value or b""
    return id.decode(), kind.decode().removeprefix(PREFIX)


def mark(value: bytes | None) -> int:
    """Return a number that tells one body from another, never zero."""
    return hash(value) & MASK or 1


@dataclass(slots=True)
class LifeCycles:
    """The executions topic: sequences rise by one; what comes again is the same."""

    since: str = ""
    records: int = 0
    repeats: int = 0
    seen: dict[str, "array[int]"] = field(default_factory=dict)
    ends: dict[str, str] = field(default_factory=dict)
    """The terminal record of each execution: its number and status."""
    out_of_order: list[str] = field(default_factory=list)
    altered: list[str] = field(default_factory=list)
    ended_twice: list[str] = field(default_factory=list)

    def note(self, record: RawRecord) -> None:
        """Take one record."""
        id, kind = id_and_type(record)
        execution, _, number = id.rpartition(":")
        if execution[len("exec_") :] < self.since:
            return
        self.records += 1
        marks = self.seen.get(execution)
        if marks is None:
            marks = self.seen[execution] = array("Q")
        self._note_mark(marks, id, int(number), mark(record.value))
        what, _, status = kind.partition(".")
        if what == "execution" and status in ENDED:
            end = f"{number} {status}"
            if self.ends.setdefault(execution, end) != end:
                self.ended_twice.append(execution)

    def _note_mark(self, marks: "array[int]", id: str, number: int, own: int) -> None:
        if number > len(marks):
            # What is skipped has no mark: if it comes later, it is out of order.
            marks.extend([0] * (number - 1 - len(marks)))
            marks.append(own)
            return
        self.repeats += 1
        if marks[number - 1] == 0:
            self.out_of_order.append(id)
            marks[number - 1] = own
        elif marks[number - 1] != own:
            self.altered.append(id)

    def findings(self) -> list[Finding]:
        """Return what the topic alone shows."""
        return [
            *found_among(
                "sequence_rises", "sequences of an execution rise by one", self.out_of_order
            ),
            *found_among("repeats_are_exact", "a repeated record is the same", self.altered),
            *found_among(
                "one_terminal_record", "an execution ends once on its topic", self.ended_twice
            ),
        ]

    async def compare(self, invariants: Invariants) -> list[Finding]:
        """Return where topic and rows say different things."""
        missing: list[str] = []
        untold: list[str] = []
        more: list[str] = []
        async for row in invariants.pages("read_life_cycles", "id", NO_ID):
            marks = self.seen.get(row["execution_id"], NEVER_SEEN)
            if len(marks) > row["sequence"]:
                more.append(f"{row['execution_id']}:{len(marks)}")
            elif len(marks) < row["sequence"] or 0 in marks:
                missing.append(row["execution_id"])
            end = self.ends.get(row["execution_id"], " ").partition(" ")[2]
            if end != (row["status"] if row["status"] in ENDED else ""):
                untold.append(row["execution_id"])
        return [
            *found_among("life_cycle_is_told", "all of a life cycle is on its topic", missing),
            *found_among("topic_tells_no_more", "a topic tells no more than the rows", more),
            *found_among("end_is_told", "the end of an execution is on its topic", untold),
        ]


@dataclass(slots=True)
class Waiting:
    """The waiting topic: opened, then closed once; what comes again is the same."""

    since: str = ""
    records: int = 0
    repeats: int = 0
    opened: dict[str, set[int]] = field(default_factory=dict)
    closed: dict[str, tuple[int, str]] = field(default_factory=dict)
    out_of_order: list[str] = field(default_factory=list)
    closed_twice: list[str] = field(default_factory=list)

    def note(self, record: RawRecord) -> None:
        """Take one record; tombstones say nothing."""
        wait, own = (record.key or b"").decode(), mark(record.value)
        if record.value is None or wait[len("w_") :] < self.since:
            return
        self.records += 1
        if id_and_type(record)[1] == "wait.closed":
            self._close(wait, own, record.value)
            return
        known = self.opened.setdefault(wait, set())
        if own in known:
            self.repeats += 1
        elif wait in self.closed:
            self.out_of_order.append(wait)
        known.add(own)

    def _close(self, wait: str, own: int, value: bytes) -> None:
        known = self.closed.get(wait)
        if known is not None:
            self.repeats += 1
            if known[0] != own:
                self.closed_twice.append(wait)
            return
        if wait not in self.opened:
            self.out_of_order.append(wait)
        self.closed[wait] = own, str(orjson.loads(value)["outcome"])

    def findings(self) -> list[Finding]:
        """Return what the topic alone shows."""
        return [
            *found_among(
                "opened_before_closed", "a wait is announced before it closes", self.out_of_order
            ),
            *found_among("closed_once", "a wait closes once on its topic", self.closed_twice),
        ]

    async def compare(self, invariants: Invariants) -> list[Finding]:
        """Return where topic and rows say different things."""
        missing: list[str] = []
        differing: list[str] = []
        async for row in invariants.pages("read_wait_ends", "id", NO_ID):
            wait = row["wait_id"]
            told = self.closed.get(wait)
            if wait not in self.opened or (row["status"] == "closed" and told is None):
                missing.append(wait)
            elif told is not None and told[1] != row["outcome"]:
                differing.append(wait)
        return [
            *found_among("wait_is_told", "a wait and its end are on the waiting topic", missing),
            *found_among("outcome_is_told", "the topic tells the outcome of the row", differing),
        ]


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
