"""What holds after every input of every history (requirements.md S92, S143)."""

from random import Random

from hypothesis import given, note, settings
from hypothesis import strategies as st

from engine.advance import advance
from engine.effects import Announce, RecordStep, Refuse, StartTimer
from engine.execution import Status, StepStatus
from engine.inputs import (
    ActionFailed,
    ActionInDoubt,
    ActionSucceeded,
    CancelRequested,
    ChildEnded,
    DecisionArrived,
    EventArrived,
    HoldRequested,
    Started,
    TimerFired,
)
from tests.builders import of_kind
from tests.properties.budget import played, share
from tests.properties.checks import RESULTS, Watch, check_moves, check_shape
from tests.properties.histories import History, Turned, a_history, a_random_history, play

SAMPLES = st.builds(a_history, st.integers(0, 2), st.sampled_from([5, 15, 50]))
RANDOM = st.binary(min_size=70, max_size=70).map(a_random_history)
HISTORIES = RANDOM | SAMPLES
CHOICES = st.binary(min_size=32, max_size=32)
FACTS = (
    Started,
    EventArrived,
    TimerFired,
    ActionSucceeded,
    ActionFailed,
    ActionInDoubt,
    ChildEnded,
    CancelRequested,
    HoldRequested,
    DecisionArrived,
)
"""Inputs of which the second in a row says nothing new."""


# S92 S101 S104 S135 S143
@settings(max_examples=share(0.3), deadline=None)
@given(HISTORIES, CHOICES)
def test_no_history_leaves_the_table_of_moves_or_anything_behind(
    history: History, choices: bytes
) -> None:
    watch = Watch()
    played["with all invariants"] += 1
    for turned in play(history, choices, note):
        check_moves(turned)
        check_shape(turned.after)
        watch.take(turned)
        watch.check(turned.after)
        assert not (turned.before.ended and turned.changed)


# S106 S207
@settings(max_examples=share(0.05), deadline=None)
@given(HISTORIES, CHOICES)
def test_a_refused_input_changes_nothing_and_asks_for_nothing_else(
    history: History, choices: bytes
) -> None:
    played["with refusals"] += 1
    for turned in play(history, choices, note):
        if of_kind(turned.effects, Refuse):
            assert not turned.changed
            assert len(turned.effects) == 1
        elif not turned.changed:
            assert all(isinstance(effect, StartTimer) for effect in turned.effects)


def says_nothing_new(turned: Turned) -> bool:
    """Tell whether the same input must change nothing if it comes once more."""
    given = turned.given
    is_named = not isinstance(given, DecisionArrived) or given.request_id is not None
    return isinstance(given, FACTS) and is_named


# S12 S104 S106 S109
@settings(max_examples=share(0.05), deadline=None)
@given(HISTORIES, CHOICES)
def test_an_input_that_comes_twice_counts_once(history: History, choices: bytes) -> None:
    played["with every input twice"] += 1
    for turned in play(history, choices, note):
        if says_nothing_new(turned):
            again, effects = advance(history.definition, turned.after, turned.given)
            assert again is turned.after
            assert all(isinstance(effect, Refuse | StartTimer) for effect in effects)


# S20 S21
@settings(max_examples=share(0.03), deadline=None)
@given(HISTORIES, CHOICES)
def test_a_step_record_says_whether_its_row_is_new_and_whether_it_is_over(
    history: History, choices: bytes
) -> None:
    known: set[str] = set()
    for turned in play(history, choices, note):
        records = of_kind(turned.effects, RecordStep)
        for number, record in enumerate(records):
            in_this_turn = {other.id for other in records[:number] + records[number + 1 :]}
            assert record.first == (record.id not in known) or record.id in in_this_turn
            over = record.status in (StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED)
            assert (record.completed_at is not None) == over
        known |= {record.id for record in records}


# S18
@settings(max_examples=share(0.03), deadline=None)
@given(HISTORIES, CHOICES)
def test_steps_start_one_after_another_by_their_instants(history: History, choices: bytes) -> None:
    for turned in play(history, choices, note):
        begun = [r.started_at for r in of_kind(turned.effects, RecordStep) if r.first]
        assert begun == sorted(begun)


# S120 S121 S122 S123 S124 S125 S126 S131 S132 S133 S134 S135 S136
def test_random_histories_reach_every_status_refusal_and_step_status() -> None:
    chance = Random(11)
    statuses: set[tuple[Status, str | None]] = set()
    steps: set[StepStatus] = set()
    refusals: set[str] = set()
    announced: set[str] = set()
    for number in range(1_500):
        history = a_history(number, chance.choice([5, 15, 50]))
        if number % 2:
            history = a_random_history(chance.randbytes(70))
        for turned in play(history, chance.randbytes(25)):
            statuses.add((turned.after.status, turned.after.result))
            steps |= {record.status for record in of_kind(turned.effects, RecordStep)}
            refusals |= {refuse.code for refuse in of_kind(turned.effects, Refuse)}
            announced |= {announce.kind for announce in of_kind(turned.effects, Announce)}
    ends = {(status, result) for status, results in RESULTS.items() for result in results}
    between = {(status, None) for status in (Status.RUNNING, Status.PAUSED, Status.CANCELLED)}
    assert statuses - {(Status.PENDING, None)} == ends | between
    assert steps == set(StepStatus)
    assert announced >= {"execution.paused", "execution.resumed", "step.failed", "step.skipped"}
    assert refusals == {
        "already_decided",
        "already_held",
        "cancelled",
        "execution_finished",
        "expired",
        "invalid_form",
        "invalid_outcome",
        "not_allowed",
        "not_failed",
        "not_paused",
        "self_approval",
        "unknown",
        "unknown_step",
        "waits_for_approval",
    }
