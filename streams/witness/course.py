"""What the topics of executions and waits told, kept small: missing, altered, out of order.

`since` is the smallest execution id that counts, as hexadecimal digits.
"""

from array import array
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
