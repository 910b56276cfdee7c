"""What a topic told is judged: gaps, altered repeats, second ends, second closings."""

import json
from datetime import UTC, datetime

import pytest

from storage.invariants import Finding, cohort_of
from streams.codecs import RawRecord
from streams.topics import Topics
from streams.witness.answers import DeadLettersSeen, DecisionsSeen, Emitted, Receipts
from streams.witness.course import LifeCycles, Waiting
from streams.witness.witness import a_witness

ONE = "exec_01a22210cc867062b2b21d156b05b611"
WAIT = "w_01a22210cc867130b5f78491aa6b8802"
FAR = datetime(2100, 1, 1, tzinfo=UTC)


def a_record(
    kind: str, id: str, value: object, *, key: str = ONE, topic: str = "t", subject: str = ""
) -> RawRecord:
    headers = (
        ("ce_id", id.encode()),
        ("ce_type", kind.encode()),
        ("ce_subject", subject.encode()),
    )
    return RawRecord(topic, 0, 0, key.encode(), json.dumps(value).encode(), headers, 0)


def told(number: int, kind: str = "step.completed", body: str = "") -> RawRecord:
    """Return a life-cycle record."""
    return a_record(f"sluicegate.{kind}", f"{ONE}:{number}", {"sequence": number, "body": body})


def opened(body: str = "") -> RawRecord:
    return a_record("sluicegate.wait.opened", f"{WAIT}:opened", {"body": body}, key=WAIT)


def closed(outcome: str = "approved", by: str = "ana") -> RawRecord:
    value = {"outcome": outcome, "decided_by": by}
    return a_record("sluicegate.wait.closed", f"{WAIT}:closed", value, key=WAIT)


def answered(result: str, code: str | None = None) -> RawRecord:
    value = {"decision_id": "d", "result": result, "code": code}
    return a_record("sluicegate.receipt", "d:receipt", value)


LIFE_CYCLES: dict[str, tuple[list[RawRecord], list[str]]] = {
    "in order": ([told(1), told(2), told(3)], []),
    "an exact repeat": ([told(1), told(2), told(1), told(2), told(3)], []),
    "a repeat with another body": ([told(1), told(2), told(1, body="x")], ["repeats_are_exact"]),
    "the first sight of an earlier one": ([told(1), told(3), told(2)], ["sequence_rises"]),
    "two ends": (
        [told(1, "execution.completed"), told(2, "execution.failed")],
        ["one_terminal_record"],
    ),
    "an end that is repeated": ([told(1, "execution.failed"), told(1, "execution.failed")], []),
}


# S113
@pytest.mark.parametrize("case", LIFE_CYCLES)
def test_sequences_rise_and_repeats_are_exact(case: str) -> None:
    records, expected = LIFE_CYCLES[case]
    fold = LifeCycles()
    for record in records:
        fold.note(record)
    assert [finding.invariant for finding in fold.findings()] == expected
    assert fold.records == len(records)


WAITS: dict[str, tuple[list[RawRecord], list[str]]] = {
    "opened, then closed": ([opened(), closed()], []),
    "both repeated": ([opened(), closed(), opened(), closed()], []),
    "changed while open": ([opened(), opened("a vote"), closed()], []),
    "changed once closed": ([opened(), closed(), opened("a vote")], ["opened_before_closed"]),
    "closed before opened": ([closed(), opened()], ["opened_before_closed"]),
    "closed by two": ([opened(), closed(), closed(by="bo")], ["closed_once"]),
}


# S113
@pytest.mark.parametrize("case", WAITS)
def test_a_wait_is_opened_first_and_closed_once(case: str) -> None:
    records, expected = WAITS[case]
    fold = Waiting()
    for record in records:
        fold.note(record)
    assert [finding.invariant for finding in fold.findings()] == expected


def test_a_tombstone_says_nothing() -> None:
    fold = Waiting()
    fold.note(RawRecord("t", 0, 0, WAIT.encode(), None, (), 0))
    assert fold.records == 0


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        ([answered("applied"), answered("refused", "duplicate")], []),
        ([answered("applied"), answered("applied")], []),
        ([answered("applied"), answered("refused", "already_decided")], ["one_receipt"]),
    ],
)
def test_a_decision_has_one_receipt_beside_those_of_its_doubles(
    records: list[RawRecord], expected: list[str]
) -> None:
    fold = Receipts()
    for record in records:
        fold.note(record)
    assert [finding.invariant for finding in fold.findings()] == expected


def test_dead_letters_are_known_by_their_place() -> None:
    headers = (
        ("dlq-original-topic", b"events"),
        ("dlq-original-partition", b"2"),
        ("dlq-original-offset", b"7"),
    )
    fold = DeadLettersSeen()
    fold.note(RawRecord("dead", 0, 0, None, b"x", headers, 0))
    fold.note(RawRecord("dead", 0, 1, None, b"x", headers, 0))
    assert (fold.places, fold.repeats) == ({"events:2:7"}, 1)


def test_decisions_without_the_brokers_stamp_are_counted() -> None:
    fold = DecisionsSeen()
    fold.note(RawRecord("d", 0, 0, None, b"{}", (), 0, log_append=True))
    assert fold.unstamped == 0
    fold.note(RawRecord("d", 0, 1, None, b"{}", (), 0))
    assert (fold.records, fold.unstamped) == (2, 1)


def test_events_that_are_no_news_of_records_do_not_count() -> None:
    fold = Emitted(("thing",))
    fold.note(a_record("order.created", "e", {}))
    fold.note(a_record("record.created", "r", {}, subject="thing/1"))
    assert (fold.records, list(fold.subjects)) == (1, ["thing/1 record.created"])


@pytest.mark.parametrize(("other", "expected"), [({}, []), ({"x": 1}, ["record_is_told_alike"])])
def test_a_record_written_once_is_told_alike(other: object, expected: list[str]) -> None:
    fold = Emitted(("thing",))
    fold.note(a_record("record.created", "r", {}, subject="thing/1"))
    fold.note(a_record("record.created", "r", other, subject="thing/1"))
    assert [finding.invariant for finding in fold.findings()] == expected


def test_what_began_before_the_run_does_not_count() -> None:
    now = cohort_of(FAR)
    witness = a_witness(Topics("s."), ["events"], now)
    executions, waiting = witness.folds["s.executions"], witness.folds["s.waiting"]
    executions.note(told(7))
    waiting.note(closed())
    assert witness.records() == 0
    assert [*executions.findings(), *waiting.findings()] == []


def test_rows_of_a_finding_are_the_first_few() -> None:
    fold = LifeCycles()
    for number in range(20, 0, -1):
        fold.note(told(number))
    assert fold.findings() == [
        Finding(
            "sequence_rises",
            "sequences of an execution rise by one",
            19,
            tuple(f"{ONE}:{number}" for number in (19, 18, 17, 16, 15)),
        )
    ]
