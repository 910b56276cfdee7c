"""A process may be killed after any input: the next reads rows and goes on (S96, S97)."""

from dataclasses import replace

from hypothesis import given, note, settings
from hypothesis import strategies as st

from engine.advance import advance
from engine.effects import ChangeWait, CloseWait, Effect, Perform, RecordVote
from engine.execution import Execution, Status, Wait
from engine.inputs import HoldRequested, ResumeRequested
from tests.builders import NOW, a_definition, failed, of_kind, started, succeeded
from tests.properties.answers import Answers
from tests.properties.budget import played, share
from tests.properties.histories import History, play, restarted
from tests.properties.playing import a_world, as_told
from tests.properties.playing import play as play_out
from tests.properties.programs import Written, a_body, a_program
from tests.properties.test_moves import CHOICES, HISTORIES
from tests.properties.test_reference import ANSWERS, PROGRAMS


def without_since(wait: Wait) -> Wait:
    """Return a wait without what only its row keeps."""
    return replace(wait, since=None)


def comparable(effects: tuple[Effect, ...]) -> list[Effect]:
    """Return effects as they are stored."""
    return [
        replace(effect, wait=without_since(effect.wait))
        if isinstance(effect, CloseWait | ChangeWait | RecordVote)
        else effect
        for effect in effects
    ]


def as_kept(execution: Execution) -> Execution:
    """Return an execution without what nothing reads after the commit."""
    error = None if execution.error is None else replace(execution.error, step=None)
    waits = {id: without_since(wait) for id, wait in execution.waits.items()}
    return replace(execution, error=error, waits=waits)


# S96 S97 S98 S101 S114
@settings(max_examples=share(0.1), deadline=None)
@given(HISTORIES, CHOICES)
def test_a_restart_after_every_input_changes_nothing(history: History, choices: bytes) -> None:
    played["restarted after every input"] += 1
    twin = history.execution
    for turned in play(history, choices, note):
        twin, effects = advance(history.definition, twin, turned.given)
        assert comparable(effects) == comparable(turned.effects)
        if twin.started_at is not None:
            twin = restarted(twin)
        assert as_kept(twin) == as_kept(turned.after)


# S96 S97 S119
@settings(max_examples=share(0.05), deadline=None)
@given(PROGRAMS, ANSWERS)
def test_a_world_of_restarts_ends_as_one_without(program: bytes, answers: Answers) -> None:
    note(Written(a_body(program)))
    note(answers)
    played["restarted in a scripted world"] += 1
    world = a_world(a_program(program), answers)
    for name, given_ in world.inputs():
        world.take(name, given_)
        if world.execution.started_at is not None and not world.execution.ended:
            world.execution = restarted(world.execution)
    expected = play_out(a_program(program), answers)
    assert not (differences := as_told(world).differences(expected)), "\n".join(differences)


# S96
@settings(max_examples=share(0.02), deadline=None)
@given(HISTORIES, st.binary(max_size=30))
def test_the_same_inputs_always_give_the_same_effects(history: History, choices: bytes) -> None:
    for turned in play(history, choices, note):
        again = advance(history.definition, turned.before, turned.given)
        assert again == (turned.after, turned.effects)


# S96
def test_branches_go_on_in_the_order_in_which_they_began_after_a_restart_too() -> None:
    call = 'execute: [{webhook: {url: "https://x.example/"}}]'
    definition = a_definition(f"""
    steps:
      - id: fork
        parallel:
          branches:
            second: [{{id: here, {call}}}, {{id: stop, allow: {{stop: true}}}}]
            first: [{{id: there, {call}}}, {{id: out, block: {{code: no}}}}]
    """)
    execution, effects = started(definition)
    execution, _ = advance(definition, execution, HoldRequested(NOW, "olga"))
    for asked in of_kind(effects, Perform):
        execution, _ = succeeded(definition, execution, asked)
    resumed = ResumeRequested(NOW, "olga")
    after, _ = advance(definition, execution, resumed)
    assert after.status is Status.COMPLETED
    assert advance(definition, restarted(execution), resumed)[0].status is after.status


# S42 S96
def test_the_failure_that_came_first_counts_after_a_restart_too() -> None:
    call = 'execute: [{webhook: {url: "https://x.example/"}}]'
    branches = ", ".join(f"{name}: [{{id: {name}, {call}}}]" for name in ("c", "b", "a"))
    definition = a_definition(
        f"steps: [{{id: fork, parallel: {{strategy: any, branches: {{{branches}}}}}}}]"
    )
    execution, effects = started(definition)
    for number, asked in enumerate(of_kind(effects, Perform)):
        execution, _ = failed(definition, restarted(execution), asked, code=f"http_40{number}")
    assert execution.error is not None
    assert execution.error.code == "http_400"
