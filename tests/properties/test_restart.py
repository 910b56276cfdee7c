"""A process may be killed after any input: the next reads rows and goes on (S96, S97)."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.advance import advance
from engine.effects import CloseWait, Effect
from engine.execution import Execution, Wait
from tests.properties.histories import a_history, restarted


def without_since(wait: Wait) -> Wait:
    """Return a wait without what only its row keeps."""
    return replace(wait, since=None)


def comparable(effects: tuple[Effect, ...]) -> list[Effect]:
    """Return effects as they are stored."""
    return [
        replace(effect, wait=without_since(effect.wait))
        if isinstance(effect, CloseWait)
        else effect
        for effect in effects
    ]


def as_kept(execution: Execution) -> Execution:
    """Return an execution without what nothing reads after the commit."""
    error = None if execution.error is None else replace(execution.error, step=None)
    waits = {id: without_since(wait) for id, wait in execution.waits.items()}
    return replace(execution, error=error, waits=waits)


# S96 S97 S98 S114
@settings(max_examples=1_500, deadline=None)
@given(st.integers(0, 2), st.sampled_from([5, 15, 50]), st.binary(max_size=30))
def test_a_restart_after_every_input_changes_nothing(
    number: int, total: int, choices: bytes
) -> None:
    history = a_history(number, total)
    twin = history.execution
    for byte in choices:
        turned = history.take(history.choose(byte))
        twin, effects = advance(history.definition, twin, turned.given)
        assert comparable(effects) == comparable(turned.effects)
        if twin.started_at is not None:
            twin = restarted(twin)
        assert as_kept(twin) == as_kept(turned.after)


# S96
@settings(max_examples=300, deadline=None)
@given(st.integers(0, 2), st.sampled_from([5, 15, 50]), st.binary(max_size=30))
def test_the_same_inputs_always_give_the_same_effects(
    number: int, total: int, choices: bytes
) -> None:
    history = a_history(number, total)
    for byte in choices:
        before = history.execution
        turned = history.take(history.choose(byte))
        assert advance(history.definition, before, turned.given) == (turned.after, turned.effects)
