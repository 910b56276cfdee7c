"""What may still run, and what was passed by."""

from engine.ahead import not_taken, remaining
from engine.ids import StepPath
from tests.builders import a_definition

BRANCHED = a_definition(
    """
    steps:
      - id: big
        condition: {total: {gte: 100}}
        on_true:
          - id: boss
            approval: {title: Fine?, roles: [boss]}
            on_rejected: [{id: told, execute: [{log: {message: no}}]}]
        on_false: [{id: small, execute: [{log: {message: small}}]}]
      - id: both
        parallel:
          branches:
            left: [{id: one, execute: [{log: {message: one}}]}]
            right: [{id: two, wait: {for: 1h}}]
      - id: done
        allow: {}
    """
)


def path_of(id: str) -> StepPath:
    return next(path for path, step in BRANCHED.steps.items() if step.id == id)


def ids(paths: list[StepPath]) -> set[str]:
    return {BRANCHED.steps[path].id for path in paths}


# S100
def test_what_may_still_run_is_derived_from_where_the_execution_stands() -> None:
    assert ids(remaining(BRANCHED, [path_of("boss")])) == {"told", "both", "one", "two", "done"}
    assert ids(remaining(BRANCHED, [path_of("both"), path_of("two")])) == {"one", "two", "done"}
    assert remaining(BRANCHED, [path_of("done")]) == []


# S135
def test_a_branch_that_was_passed_by_is_not_taken() -> None:
    ran = {path_of("big"), path_of("boss")}
    ahead = remaining(BRANCHED, [path_of("boss")])
    assert ids(not_taken(BRANCHED, ran, ahead)) == {"small"}
