"""Previews of votes, children, loops and branches."""

import pytest

from engine.assumed import Answered
from engine.definition import Definition
from engine.execution import Status
from engine.explain import Event
from engine.preview import Preview, preview, preview_start
from tests.builders import NOW, a_definition, decided, started, the_wait


def previewed(definition: Definition, *answers: Answered, **data: object) -> Preview:
    return preview_start(definition, Event("thing.made", data), NOW, {}, answers)


def signing(rest: str) -> Definition:
    return a_definition(f"""
    steps:
      - id: sign
        approval: {{title: Sign, {rest}}}
      - {{id: done, allow: {{}}}}
    """)


def texts(found: Preview) -> list[str]:
    return [each.text for each in found.counted]


YES, NO = Answered("sign", "approved"), Answered("sign", "rejected")


# D21
@pytest.mark.parametrize(
    ("rest", "answers", "texts_wanted", "status"),
    [
        (
            "roles: [boss], policy: {n_of: 2}",
            [YES],
            ["1 of 2: the request stays open for boss"],
            Status.PAUSED,
        ),
        (
            "roles: [boss], policy: {n_of: 2}",
            [YES, YES],
            ["1 of 2: the request stays open for boss"],
            Status.COMPLETED,
        ),
        (
            "roles: [boss], policy: {n_of: 2}",
            [NO, YES],
            ["0 of 2: the request stays open for boss", "1 of 2: the request stays open for boss"],
            Status.PAUSED,
        ),
        ("roles: [boss], policy: {n_of: 2, veto: true}", [NO], [], Status.BLOCKED),
        (
            "users: [ana, bo, cy], policy: {percent: 60, of: [ana, bo, cy]}",
            [YES],
            ["1 of 2: the request stays open for bo, cy"],
            Status.PAUSED,
        ),
        (
            "users: [ana, bo], policy: {all: [ana, bo]}",
            [YES, YES],
            ["1 of 2: the request stays open for bo"],
            Status.COMPLETED,
        ),
        (
            "roles: [legal, risk], policy: {all: [legal, risk]}",
            [YES, YES],
            ["1 of 2: the request stays open for legal, risk"],
            Status.COMPLETED,
        ),
        (
            "policy: {sequence: [{roles: [lead]}, {users: [bo]}]}",
            [YES],
            ["0 of 1 in stage 2: the request stays open for bo"],
            Status.PAUSED,
        ),
        (
            "policy: {sequence: [{roles: [lead]}, {users: [bo]}]}",
            [YES, YES],
            ["0 of 1 in stage 2: the request stays open for bo"],
            Status.COMPLETED,
        ),
        ("roles: [boss]", [YES], [], Status.COMPLETED),
    ],
)
def test_an_answer_that_is_not_the_last_one_leaves_the_request_open(
    rest: str, answers: list[Answered], texts_wanted: list[str], status: Status
) -> None:
    found = previewed(signing(rest), *answers)
    assert (texts(found), found.status) == (texts_wanted, status)


def test_the_open_request_shows_how_far_its_votes_have_come() -> None:
    found = previewed(signing("roles: [boss], policy: {n_of: 3}"), YES)
    (wait,) = (wait.as_dict() for wait in found.waits)
    assert (wait["step"], wait["have"], wait["needed"]) == ("sign", 1, 3)
    assert found.as_dict()["counted"] == [
        {
            "step": "sign",
            "outcome": "approved",
            "have": 1,
            "needed": 3,
            "stage": 0,
            "open_to": ["boss"],
            "text": "1 of 3: the request stays open for boss",
        }
    ]


def test_an_execution_in_which_some_have_voted_is_previewed_with_their_votes() -> None:
    definition = signing("roles: [boss], policy: {n_of: 2}")
    execution, _ = decided(definition, started(definition)[0], decided_by="ana")
    found = preview(definition, execution, the_wait(execution).id, "approved")
    assert (texts(found), found.status) == ([], Status.COMPLETED)
    again = preview(definition, execution, the_wait(execution).id, "approved", decided_by="ana")
    answer = again.as_dict()["answer"]
    assert isinstance(answer, dict)
    assert answer["message"] == "ana has voted already; everybody has one vote"


def test_whoever_decides_last_is_not_known() -> None:
    definition = a_definition("""
    steps:
      - {id: sign, approval: {title: Sign, roles: [boss], policy: {n_of: 2}}}
      - {id: c, condition: {approvals.sign.decided_by: {eq: ana}}}
    """)
    fork = previewed(definition, YES, YES).fork
    assert fork is not None
    assert fork.depends_on == ("approvals.sign.decided_by",)


CHILD = a_definition("""
steps:
  - {id: sub, workflow: {name: refund, input: {id: "${id}"}}}
  - id: c
    condition: {steps.sub.result: {eq: blocked}}
    on_true: [{id: no, block: {code: refused}}]
  - {id: told, workflow: {name: news, wait: false}}
""")


def test_a_child_is_named_and_its_end_is_not_known() -> None:
    found = previewed(CHILD, id="o1")
    assert [doing.as_dict() for doing in found.steps[0].would] == [
        {
            "kind": "workflow",
            "text": "start refund",
            "params": {"workflow": "refund", "input": {"id": "o1"}},
        }
    ]
    fork = found.fork
    assert fork is not None
    assert fork.depends_on == ("steps.sub.result",)
    assert [way.status for way in fork.ways.values()] == [Status.BLOCKED, Status.COMPLETED]
    assert fork.ways["on_false"].steps[-1].would[0].text == "start news"


def test_each_item_and_each_branch_is_followed() -> None:
    definition = a_definition("""
    steps:
      - id: each
        for_each:
          in: ${items}
          steps: [{id: call, execute: [{webhook: {url: "https://x.example/${item}"}}]}]
      - id: both
        parallel:
          branches:
            a: [{id: asked, approval: {title: A, roles: [a]}}]
            b: [{id: told, execute: [{log: {message: b}}]}]
    """)
    found = previewed(definition, items=["p", "q"])
    assert [step.path for step in found.steps] == [
        *("each", "each/0/call", "each/1/call"),
        *("both", "both/a/asked", "both/b/told"),
    ]
    assert [doing.text for step in found.steps for doing in step.would][:2] == [
        "call POST https://x.example/p",
        "call POST https://x.example/q",
    ]
    assert [wait.as_dict()["step"] for wait in found.waits] == ["both/a/asked"]


def test_what_a_loop_makes_of_outputs_not_known_yet_is_not_known_either() -> None:
    definition = a_definition("""
    steps:
      - id: each
        for_each:
          in: ${items}
          steps: [{id: call, execute: [{webhook: {url: "https://x.example/${item}"}}]}]
      - {id: c, condition: {steps.each.items.0.status: {eq: 200}}}
    """)
    fork = previewed(definition, items=["p"]).fork
    assert fork is not None
    assert fork.depends_on == ("steps.each.items.0.status",)


ROUNDS = a_definition("""
steps:
  - id: poll
    repeat:
      steps:
        - {id: look, execute: [{http_request: {url: "https://x.example"}}]}
      until: {steps.look.output.state: {eq: ready}}
      max: 2
  - {id: done, allow: {}}
""")


def test_rounds_that_depend_on_an_output_not_known_yet_are_followed_both_ways() -> None:
    found = previewed(ROUNDS)
    assert (found.steps, found.status) == ((), None)
    fork = found.fork
    assert fork is not None
    assert (fork.step, fork.depends_on) == ("poll", ("steps.look.output.state",))
    once, never = fork.ways["holds at once"], fork.ways["never holds"]
    assert ([step.path for step in once.steps], once.status) == (
        ["poll/0/look", "done"],
        Status.COMPLETED,
    )
    assert [step.path for step in never.steps] == ["poll/0/look", "poll/1/look"]
    assert never.error is not None
    assert (never.status, never.error["code"]) == (Status.FAILED, "repeat_exhausted")


def test_a_second_round_that_pauses_depends_on_the_first_one_too() -> None:
    definition = a_definition("""
    steps:
      - id: poll
        repeat:
          steps:
            - {id: look, execute: [{http_request: {url: "https://x.example"}}]}
            - {id: nap, when: {round: {gte: 2}}, wait: {for: 1m}}
          until: {steps.look.output.state: {eq: ready}}
          max: 5
    """)
    fork = previewed(definition).fork
    assert fork is not None
    assert fork.depends_on == ("steps.look.output.state",)
    assert fork.ways["never holds"].status is Status.PAUSED


def test_reminders_do_not_keep_a_preview_going() -> None:
    definition = a_definition("""
    steps:
      - id: both
        parallel:
          branches:
            a: [{id: call, execute: [{webhook: {url: "https://x.example"}}]}]
            b:
              - {id: sign, approval: {title: One, roles: [b]}}
              - {id: more, approval: {title: Two, roles: [b], remind_every: 1h}}
    """)
    execution, _ = started(definition)
    assert execution.status is Status.RUNNING
    found = preview(definition, execution, the_wait(execution).id, "approved", at=NOW)
    assert (found.status, [wait.wait.path for wait in found.waits]) == (
        Status.RUNNING,
        ["both/b/more"],
    )
