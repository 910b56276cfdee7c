"""Branches write apart: no two at one path (requirements.md S46)."""

import pytest

from actions.definitions import examine

BRANCHES = """\
name: t
trigger: {{ event: thing.made }}
steps:
  - id: both
    parallel:
      branches:
        one: [{{ id: first, execute: [{{ load: {{ resource: r, id: a, into: {one} }} }}] }}]
        two:
          - id: inner
            parallel:
              branches:
                three:
                  - id: {id}
                    execute: [{{ load: {{ resource: r, id: b, into: {two} }} }}]
"""


def problems(one: str, two: str, id: str = "second") -> list[str]:
    _, mistakes, _ = examine(BRANCHES.format(one=one, two=two, id=id), file="t.yaml")
    return [each.problem for each in mistakes]


# S46
@pytest.mark.parametrize(
    ("one", "two"), [("rate", "rate"), ("rate.usd", "rate"), ("rate", "rate.usd.day")]
)
def test_two_branches_that_write_one_path_are_a_mistake(one: str, two: str) -> None:
    (problem,) = problems(one, two)
    assert problem.startswith(f"{two}: the step 'first' of another branch writes there too")


# S46
def test_two_branches_whose_steps_have_one_id_are_a_mistake() -> None:
    (problem,) = problems("rate.usd", "rate.eur", "first")
    assert "the step id 'first' is used already" in problem


# S46
def test_two_branches_that_write_beside_each_other_are_fine() -> None:
    assert problems("rate.usd", "rate.eur") == []
