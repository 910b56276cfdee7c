"""Bounds of a running execution, each at its limit and one beyond (security.md, Bounds)."""

from dataclasses import replace

import pytest

from actions.definitions import examine
from engine.advance import advance
from engine.effects import Perform, RecordStep, StartChild
from engine.execution import Status
from engine.inputs import Started
from engine.operators import compile_regex
from tests.builders import NOW, a_definition, an_execution, of_kind, one, started, succeeded

EACH_ASKS = """
steps:
  - id: each
    for_each:
      in: ${lines}
      steps:
        - {id: call, execute: [{webhook: {url: "https://x.example/"}}]}
"""
EACH_PASSES = """
steps:
  - id: each
    for_each: {in: "${lines}", steps: [{id: pass, allow: {}}]}
"""
EACH_PASSES_TWICE = """
steps:
  - id: each
    for_each: {in: "${lines}", steps: [{id: pass, allow: {}}, {id: again, allow: {}}]}
"""
EACH_ASKS_TWICE = """
steps:
  - id: each
    for_each:
      in: ${lines}
      steps:
        - id: call
          execute:
            - webhook: {url: "https://x.example/"}
            - webhook: {url: "https://y.example/"}
"""
EACH_OF_EACH = """
steps:
  - id: each
    for_each:
      in: ${lines}
      as: line
      steps:
        - id: inner
          for_each: {in: "${line}", steps: [{id: pass, allow: {}}]}
"""
CHILD = """
steps:
  - {id: child, workflow: {name: other}}
"""


# F26
def test_a_list_of_a_thousand_is_gone_through_and_one_more_is_refused() -> None:
    definition = a_definition(EACH_ASKS)
    execution, effects = started(definition, {"lines": list(range(1000))})
    assert (execution.status, len(of_kind(effects, Perform))) == (Status.RUNNING, 1)
    execution, _ = started(definition, {"lines": list(range(1001))})
    assert execution.error is not None
    assert (execution.status, execution.error.code) == (Status.FAILED, "invalid_items")


# F26
def test_a_step_of_several_calls_is_one_step() -> None:
    definition = a_definition(EACH_ASKS_TWICE)
    execution, effects = started(definition, {"lines": list(range(1000))})
    for _ in range(2000):
        execution, effects = succeeded(definition, execution, one(effects, Perform))
    assert execution.status is Status.COMPLETED


# F26
def test_loops_in_loops_end_at_a_bound_of_their_own() -> None:
    definition = a_definition(EACH_OF_EACH)
    execution, _ = started(definition, {"lines": [list(range(100))] * 99})
    assert execution.status is Status.COMPLETED
    execution, effects = started(definition, {"lines": [list(range(1000))] * 1000})
    assert execution.error is not None
    assert (execution.status, execution.error.code) == (Status.FAILED, "step_limit")
    assert len(of_kind(effects, RecordStep)) < 30_000


# F26
def test_an_execution_takes_a_thousand_steps_beside_one_of_each_item_and_not_one_more() -> None:
    definition = a_definition(EACH_PASSES)
    execution, _ = started(definition, {"lines": list(range(1000))})
    assert execution.status is Status.COMPLETED
    definition = a_definition(EACH_PASSES_TWICE)
    execution, _ = started(definition, {"lines": list(range(999))})
    assert execution.status is Status.COMPLETED
    execution, _ = started(definition, {"lines": list(range(1000))})
    assert execution.error is not None
    assert (execution.status, execution.error.code) == (Status.FAILED, "step_limit")


# F26
@pytest.mark.parametrize(("hops", "code"), [(15, None), (16, "loop_limit")])
def test_a_child_is_started_until_sixteen_deep(hops: int, code: str | None) -> None:
    definition = a_definition(CHILD)
    execution = replace(an_execution(definition), meta={"hops": hops})
    execution, effects = advance(definition, execution, Started(NOW, {}))
    assert len(of_kind(effects, StartChild)) == (1 if code is None else 0)
    assert (execution.error and execution.error.code) == code


# S73
def test_a_text_of_64_kib_is_searched_and_one_more_is_not() -> None:
    search = compile_regex("y$")
    assert search("x" * (64 * 1024 - 1) + "y", None) == (True, None)
    holds, warning = search("x" * (64 * 1024) + "y", None)
    assert (holds, warning) == (False, "text longer than 65536 characters is not searched")


def test_thirty_two_branches_are_taken_and_one_more_is_refused() -> None:
    def problems(width: int) -> list[str]:
        branches = ", ".join(f"b{n}: [{{id: s{n}, allow: {{}}}}]" for n in range(width))
        text = (
            "name: t\ntrigger: {event: thing.made}\nsteps:\n"
            f"  - {{id: p, parallel: {{branches: {{{branches}}}}}}}\n"
        )
        return [mistake.problem for mistake in examine(text, file="t.yaml")[1]]

    assert problems(32) == []
    assert problems(33) == ["parallel has at most 32 branches; nest some of them"]


def test_a_thousand_rounds_are_taken_and_one_more_is_refused() -> None:
    step = "{id: s, allow: {}}"

    def problems(rounds: int) -> list[str]:
        text = (
            "name: t\ntrigger: {event: thing.made}\nsteps:\n"
            f"  - {{id: r, repeat: {{max: {rounds}, until: {{a: {{eq: 1}}}}, steps: [{step}]}}}}\n"
        )
        return [mistake.problem for mistake in examine(text, file="t.yaml")[1]]

    assert problems(1000) == []
    assert problems(1001) == ["1001 is out of bounds: 1 to 1000"]
