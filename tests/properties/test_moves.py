"""What holds after every input of every history (requirements.md S92, S143)."""

from collections.abc import Iterable
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.effects import (
    Announce,
    CloseWait,
    DropEffect,
    Effect,
    OpenWait,
    Perform,
    RecordStep,
    Refuse,
    StartTimer,
    StopTimer,
    WriteRecord,
)
from engine.execution import MOVES, Execution, Status, StepStatus
from engine.inputs import TimerFired
from engine.turn import expiry_timer
from tests.builders import of_kind
from tests.properties.histories import Turned, a_history, play

OVER = (StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED)
RESULTS: dict[Status, tuple[str | None, ...]] = {
    Status.COMPLETED: ("allowed", "executed"),
    Status.BLOCKED: ("blocked",),
    Status.FAILED: ("failed",),
}
NUMBERS = st.integers(0, 2)
TOTALS = st.sampled_from([5, 15, 50])
CHOICES = st.binary(max_size=40)


def is_pure_misfit(turned: Turned) -> bool:
    """Tell whether an input left everything as it was."""
    return turned.after is turned.before


def check_moves(turned: Turned) -> None:
    """Assert that the announced statuses follow the table and rise by one in sequence."""
    status, sequence = turned.before.status, turned.before.sequence
    for announce in of_kind(turned.effects, Announce):
        assert announce.sequence == sequence + 1
        assert announce.status is status or announce.status in MOVES[status]
        status, sequence = announce.status, announce.sequence
    assert (turned.after.status, turned.after.sequence) == (status, sequence)


def check_shape(execution: Execution) -> None:
    """Assert what must hold of an execution between two inputs."""
    phases = [line.phase for line in execution.lines.values()]
    assert execution.result in RESULTS.get(execution.status, (None,))
    assert (execution.completed_at is not None) == execution.ended
    assert (execution.paused_at is not None) == (execution.status is Status.PAUSED)
    if execution.ended or execution.status is Status.PENDING:
        assert not execution.waits
        assert not execution.lines
    elif execution.status is Status.PAUSED:
        assert execution.waits
        assert set(phases) == {"waiting"}
    else:
        assert set(phases) & {"acting", "retrying", "loading"}
    held = {line.at for line in execution.lines.values() if line.phase == "waiting"}
    assert {wait.path for wait in execution.waits.values()} == held


# S143 S92 S91 S22
@settings(max_examples=10_000, deadline=None)
@given(NUMBERS, TOTALS, CHOICES)
def test_no_history_leaves_the_table_of_moves(number: int, total: int, choices: bytes) -> None:
    for turned in play(a_history(number, total), choices):
        check_moves(turned)
        check_shape(turned.after)
        if turned.before.ended:
            assert is_pure_misfit(turned)


@settings(max_examples=500, deadline=None)
@given(NUMBERS, TOTALS, CHOICES)
def test_a_refused_input_changes_nothing_and_asks_for_nothing_else(
    number: int, total: int, choices: bytes
) -> None:
    for turned in play(a_history(number, total), choices):
        if of_kind(turned.effects, Refuse):
            assert is_pure_misfit(turned)
            assert len(turned.effects) == 1
        elif is_pure_misfit(turned):
            assert not of_kind(turned.effects, Announce)
            assert all(isinstance(effect, StartTimer) for effect in turned.effects)


def open_after(effects: Iterable[Effect], fired: set[str]) -> tuple[set[str], set[str], set[str]]:
    """Return the waits, timers and outside effects that are open after some effects."""
    waits: set[str] = set()
    timers: set[str] = set()
    outside: set[str] = set()
    for effect in effects:
        match effect:
            case OpenWait():
                waits.add(effect.wait.id)
            case CloseWait():
                waits.remove(effect.wait.id)
            case StartTimer():
                timers.add(effect.id)
                fired.discard(effect.id)
            case StopTimer():
                timers.discard(effect.id)
            case Perform() | WriteRecord():
                outside.add(effect.id)
            case DropEffect():
                outside.remove(effect.id)
            case _:
                pass
    return waits, timers - fired, outside


# S92 S101
@settings(max_examples=1_000, deadline=None)
@given(NUMBERS, TOTALS, CHOICES)
def test_what_an_execution_waits_for_is_always_on_its_way(
    number: int, total: int, choices: bytes
) -> None:
    effects: list[Effect] = []
    fired: set[str] = set()
    for turned in play(a_history(number, total), choices):
        if isinstance(turned.given, TimerFired):
            fired.add(turned.given.timer_id)
        effects.extend(turned.effects)
        waits, timers, outside = open_after(effects, fired)
        execution = turned.after
        assert waits == set(execution.waits)
        for wait in execution.waits.values():
            assert wait.due_at is None or expiry_timer(execution, wait.id) in timers
        for line in execution.lines.values():
            if line.pending is not None:
                assert line.pending in (timers if line.phase == "retrying" else outside)
        for loading in execution.loading.values():
            assert loading.pending in timers | outside


# S134 S135 S21
@settings(max_examples=500, deadline=None)
@given(NUMBERS, TOTALS, CHOICES)
def test_a_step_execution_that_is_over_stays_as_it_is(
    number: int, total: int, choices: bytes
) -> None:
    rows: dict[str, RecordStep] = {}
    for turned in play(a_history(number, total), choices):
        for record in of_kind(turned.effects, RecordStep):
            old = rows.get(record.id)
            assert old is None or old.status not in OVER
            rows[record.id] = record
    assert all((row.completed_at is not None) == (row.status in OVER) for row in rows.values())


# S20
@settings(max_examples=500, deadline=None)
@given(NUMBERS, TOTALS, CHOICES)
def test_a_step_record_says_whether_its_row_is_new(number: int, total: int, choices: bytes) -> None:
    known: set[str] = set()
    for turned in play(a_history(number, total), choices):
        records = of_kind(turned.effects, RecordStep)
        for record in records:
            assert record.first == (record.id not in known) or record.id in {
                other.id for other in records if other is not record
            }
        known |= {record.id for record in records}


# S131 S133
@settings(max_examples=500, deadline=None)
@given(NUMBERS, TOTALS, CHOICES)
def test_an_ended_execution_leaves_no_step_open(number: int, total: int, choices: bytes) -> None:
    rows: dict[str, RecordStep] = {}
    history = a_history(number, total)
    for turned in play(history, choices):
        rows |= {record.id: record for record in of_kind(turned.effects, RecordStep)}
    if history.execution.ended:
        assert all(row.status in OVER for row in rows.values())


# S120 S121 S122 S123 S124 S125 S126
def test_random_histories_reach_every_status_refusal_and_step_status() -> None:
    chance = Random(11)
    statuses: set[tuple[Status, str | None]] = set()
    steps: set[StepStatus] = set()
    refusals: set[str] = set()
    for number in range(1_500):
        for turned in play(a_history(number, chance.choice([5, 15, 50])), chance.randbytes(25)):
            statuses.add((turned.after.status, turned.after.result))
            steps |= {record.status for record in of_kind(turned.effects, RecordStep)}
            refusals |= {refuse.code for refuse in of_kind(turned.effects, Refuse)}
    ends = {(status, result) for status, results in RESULTS.items() for result in results}
    between = {(status, None) for status in (Status.RUNNING, Status.PAUSED, Status.CANCELLED)}
    assert statuses - {(Status.PENDING, None)} == ends | between
    assert steps == set(StepStatus)
    assert refusals == {
        "already_decided",
        "cancelled",
        "execution_finished",
        "expired",
        "invalid_outcome",
        "not_allowed",
        "self_approval",
        "unknown",
    }
