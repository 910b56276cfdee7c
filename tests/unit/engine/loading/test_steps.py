"""How lists of steps become one table: paths, what follows, where branches begin."""

from textwrap import dedent

from actions.definitions import read_definition
from actions.stored import compile_stored
from engine.definition import (
    ApprovalVerb,
    BlockVerb,
    ConditionVerb,
    Definition,
    ExecuteVerb,
    Step,
    WaitVerb,
)
from engine.ids import StepPath

HEAD = "name: t\ntrigger: { event: thing.made }\n"


def loaded(text: str) -> Definition:
    return read_definition(HEAD + dedent(text), file="t.yaml")


def step(definition: Definition, path: str) -> Step:
    return definition.steps[StepPath(path)]


NESTED = """
    steps:
      - id: outer
        condition: { a: { eq: 1 } }
        on_true:
          - id: inner
            condition: { b: { eq: 1 } }
            on_true:
              - id: deep
                allow: {}
            on_false: []
        on_false: last
      - id: passed_over
        allow: {}
      - id: last
        allow: {}
    """


def test_a_path_is_made_of_the_ids_of_the_enclosing_steps() -> None:
    assert set(loaded(NESTED).steps) == {
        "outer",
        "outer/inner",
        "outer/inner/deep",
        "passed_over",
        "last",
    }


def test_the_last_step_of_a_branch_goes_on_after_the_enclosing_step() -> None:
    definition = loaded(NESTED)
    assert step(definition, "outer/inner/deep").then == "passed_over"
    assert step(definition, "outer/inner").then == "passed_over"
    assert step(definition, "passed_over").then == "last"
    assert step(definition, "last").then is None


# S32 S33
def test_a_branch_is_inline_or_the_id_of_a_later_step() -> None:
    definition = loaded(NESTED)
    outer, inner = step(definition, "outer").verb, step(definition, "outer/inner").verb
    assert isinstance(outer, ConditionVerb)
    assert isinstance(inner, ConditionVerb)
    assert (outer.on_true, outer.on_false) == ("outer/inner", "last")
    assert (inner.on_true, inner.on_false) == ("outer/inner/deep", None)


def test_on_error_of_a_step_goes_on_after_it_and_that_of_the_workflow_ends() -> None:
    definition = loaded("""
        steps:
          - id: call
            execute: [{ log: { message: a } }]
            on_error: [{ id: mend, allow: {} }, { id: mended, allow: {} }]
          - id: after
            allow: {}
        on_error: [{ id: report, allow: {} }, { id: gone, allow: {} }]
        """)
    assert step(definition, "call").on_error == "call/mend"
    assert step(definition, "call/mended").then == "after"
    assert step(definition, "after").then is None
    assert definition.on_error == "report"
    assert step(definition, "report").then == "gone"
    assert step(definition, "gone").then is None


def test_outcomes_lead_to_the_first_step_of_their_branch() -> None:
    definition = loaded("""
        steps:
          - id: ask
            approval: { title: t, roles: [boss], outcomes: [accept, split, refuse] }
            on:
              accept: []
              split: [{ id: split_up, allow: {} }]
            on_expired: [{ id: late, allow: {} }]
        """)
    verb = step(definition, "ask").verb
    assert isinstance(verb, ApprovalVerb)
    assert verb.spec.outcomes == ("accept", "split", "refuse")
    assert verb.spec.on_outcome == {"split": "ask/split_up", "expired": "ask/late"}


def test_a_block_with_an_approval_has_its_branches() -> None:
    definition = loaded("""
        steps:
          - id: hold
            block: { code: held, approval: { title: t, anyone: true } }
            on_rejected: [{ id: noted, allow: {} }]
        """)
    verb = step(definition, "hold").verb
    assert isinstance(verb, BlockVerb)
    assert verb.approval is not None
    assert verb.approval.on_outcome == {"rejected": "hold/noted"}


def test_a_wait_leads_to_its_on_timeout() -> None:
    definition = loaded("""
        steps:
          - id: hold
            wait: { event: thing.done, timeout: 5s }
            on_timeout: [{ id: late, allow: {} }]
        """)
    verb = step(definition, "hold").verb
    assert isinstance(verb, WaitVerb)
    assert verb.on_timeout == "hold/late"


def test_the_timeout_of_a_call_is_no_parameter_of_it() -> None:
    definition = loaded("""
        steps:
          - id: call
            execute: [{ webhook: { url: "https://api.example.com/${id}", timeout: 5s } }]
        """)
    verb = step(definition, "call").verb
    assert isinstance(verb, ExecuteVerb)
    assert verb.actions[0].timeout is not None
    assert verb.actions[0].timeout.total_seconds() == 5
    assert verb.actions[0].params.render({"id": 7}) == {"url": "https://api.example.com/7"}


# S14
def test_the_hash_is_of_what_is_said_not_of_how_it_is_written() -> None:
    block = "name: t\ntrigger:\n  event: a.b # why\nsteps:\n  - id: x\n    allow: {}\n"
    flow = '{"steps": [{"allow": {}, "id": "x"}], "trigger": {"event": "a.b"}, "name": "t"}'
    hashes = {read_definition(text, file="t").content_hash for text in (block, flow)}
    other = read_definition(block.replace("a.b", "a.c"), file="t").content_hash
    assert len(hashes) == 1
    assert other not in hashes


def test_a_stored_definition_compiles_to_the_same_steps() -> None:
    definition = loaded(NESTED)
    stored = compile_stored(definition.body, file="t.yaml", version=3)
    assert stored.version == 3
    assert stored.content_hash == definition.content_hash
    assert {path: each.then for path, each in stored.steps.items()} == {
        path: each.then for path, each in definition.steps.items()
    }
