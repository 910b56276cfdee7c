"""What an answer would lead to, without any of it being done."""

import json
from collections.abc import Mapping

import pytest

from engine.assumed import Answered
from engine.definition import Definition
from engine.execution import Execution, Status
from engine.explain import Event
from engine.preview import Preview, preview, preview_start
from tests.builders import NOW, a_definition, later, started, the_wait

ORDER = a_definition("""
steps:
  - id: boss
    approval:
      title: "Order ${id}"
      roles: [boss]
      form: {discount: {type: number}}
      expires_in: 24h
    on_rejected:
      - id: told
        execute: [{emit: {event: order.refused, data: {why: "${approvals.boss.reason}"}}}]
      - {id: refused, block: {code: refused, reason: "${approvals.boss.reason}"}}
  - id: accept
    execute:
      - update_record:
          entity: order
          id: "${id}"
          set: {discount: "${approvals.boss.form.discount:-0}"}
      - webhook: {url: "https://erp.example/${id}", json: {by: "${approvals.boss.decided_by}"}}
      - log: {message: "order ${id}"}
  - {id: done, allow: {}}
""")
UNKNOWN = a_definition("""
steps:
  - {id: boss, approval: {title: Go?, anyone: true}}
  - {id: ask, execute: [{http_request: {url: "https://x.example"}}]}
  - id: is_big
    condition: {steps.ask.output.body.total: {gt: 5}}
    on_true:
      - id: second
        approval: {title: "Total ${steps.ask.output.body.total}", users: [bo], expires_in: 1h}
    on_false: [{id: tiny, block: {code: tiny}}]
  - {id: done, allow: {}}
""")


def held(definition: Definition, **payload: object) -> Execution:
    return started(definition, {"id": "o1", **payload})[0]


def previewed(
    definition: Definition,
    outcome: str = "approved",
    form: Mapping[str, object] | None = None,
    decided_by: str | None = None,
    reason: str | None = None,
) -> Preview:
    execution = held(definition)
    wait = the_wait(execution).id
    return preview(definition, execution, wait, outcome, form, decided_by=decided_by, reason=reason)


def paths(found: Preview) -> list[str]:
    return [step.path for step in found.steps]


def test_an_approval_is_followed_to_the_end() -> None:
    found = previewed(ORDER)
    assert paths(found) == ["boss", "accept", "done"]
    assert (found.status, found.result) == (Status.COMPLETED, "allowed")
    assert [doing.text for step in found.steps for doing in step.would] == [
        "update record order o1",
        "call POST https://erp.example/o1",
        "log info: order o1",
    ]


def test_a_rejection_is_followed_along_its_branch() -> None:
    found = previewed(ORDER, "rejected", reason="too dear")
    assert paths(found) == ["boss", "boss/told", "boss/refused"]
    assert found.status is Status.BLOCKED
    assert found.error == {"code": "refused", "message": "too dear", "step": "refused"}
    assert found.steps[1].would[0].params["data"] == {"why": "too dear"}


def test_nobody_deciding_can_be_previewed_too() -> None:
    found = previewed(ORDER, "expired")
    assert found.status is Status.BLOCKED
    assert found.answer is None


def test_what_the_decider_will_say_is_named_where_it_will_stand() -> None:
    write, call, _ = previewed(ORDER).steps[1].would
    assert write.params["set"] == {"discount": "«approvals.boss.form.discount»"}
    assert call.params["json"] == {"by": "«approvals.boss.decided_by»"}
    known = previewed(ORDER, form={"discount": 5}, decided_by="ana").steps[1].would
    assert known[0].params["set"] == {"discount": 5}
    assert known[1].params["json"] == {"by": "ana"}


def test_a_preview_changes_nothing() -> None:
    execution = held(ORDER)
    before = repr(execution)
    preview(ORDER, execution, the_wait(execution).id, "approved")
    assert repr(execution) == before
    assert previewed(ORDER) == previewed(ORDER)


def test_a_condition_on_an_output_not_known_yet_is_followed_both_ways() -> None:
    found = previewed(UNKNOWN)
    assert (paths(found), found.status) == (["boss", "ask"], None)
    fork = found.fork
    assert fork is not None
    assert (fork.step, fork.depends_on) == ("is_big", ("steps.ask.output.body.total",))
    big, small = fork.ways["on_true"], fork.ways["on_false"]
    assert paths(big) == ["is_big/second"]
    assert big.status is Status.PAUSED
    assert [wait.as_dict() for wait in big.waits] == [
        {
            "step": "is_big/second",
            "kind": "approval",
            "due_at": later(hours=1).isoformat(),
            "title": "Total «steps.ask.output.body.total»",
            "roles": [],
            "users": ["bo"],
            "anyone": False,
            "exclude": [],
            "outcomes": ["approved", "rejected"],
        }
    ]
    assert paths(small) == ["is_big/tiny"]
    assert small.status is Status.BLOCKED


def test_a_guard_on_an_output_not_known_yet_is_followed_both_ways() -> None:
    definition = a_definition("""
    steps:
      - {id: boss, approval: {title: Go?, anyone: true}}
      - {id: ask, execute: [{http_request: {url: "https://x.example"}}, {log: {message: m}}]}
      - id: tell
        when: {steps.ask.output.0.status: {eq: 200}}
        execute: [{log: {message: told}}]
    """)
    fork = previewed(definition).fork
    assert fork is not None
    assert fork.depends_on == ("steps.ask.output.0.status",)
    assert [(step.path, str(step.status)) for step in fork.ways["run"].steps] == [
        ("tell", "completed")
    ]
    assert [(step.path, str(step.status)) for step in fork.ways["skipped"].steps] == [
        ("tell", "skipped")
    ]


def test_a_condition_that_is_certain_whatever_comes_back_does_not_fork() -> None:
    definition = a_definition("""
    steps:
      - {id: boss, approval: {title: Go?, anyone: true}}
      - {id: ask, execute: [{http_request: {url: "https://x.example"}}]}
      - {id: c, condition: {any: [{id: {eq: o1}}, {steps.ask.output.body.a: {eq: 1}}]}}
    """)
    found = previewed(definition)
    assert found.fork is None
    assert found.status is Status.COMPLETED


def test_a_comparison_with_an_output_not_known_yet_forks() -> None:
    definition = a_definition("""
    steps:
      - {id: boss, approval: {title: Go?, anyone: true}}
      - {id: ask, execute: [{http_request: {url: "https://x.example"}}]}
      - {id: c, condition: {id: {eq: "${steps.ask.output.body.id}"}}}
    """)
    fork = previewed(definition).fork
    assert fork is not None
    assert (fork.step, fork.depends_on) == ("c", ("steps.ask.output.body.id",))


def test_a_step_that_cannot_go_on_without_the_output_says_what_it_depends_on() -> None:
    definition = a_definition("""
    steps:
      - {id: boss, approval: {title: Go?, anyone: true}}
      - {id: ask, execute: [{http_request: {url: "https://x.example"}}]}
      - {id: later, wait: {until: "${steps.ask.output.body.at}"}}
    """)
    found = previewed(definition)
    assert found.status is None
    assert found.fork is not None
    assert found.fork.depends_on == ("steps.ask.output.body.at",)
    assert found.fork.ways == {}


def test_forks_are_followed_only_so_deep() -> None:
    conditions = "\n".join(
        f"  - {{id: c{n}, condition: {{steps.ask.output.body.n{n}: {{eq: 1}}}}}}" for n in range(6)
    )
    definition = a_definition(f"""
steps:
  - {{id: boss, approval: {{title: Go?, anyone: true}}}}
  - {{id: ask, execute: [{{http_request: {{url: "https://x.example"}}}}]}}
{conditions}
""")
    found, depth = previewed(definition), 0
    while found.fork is not None and found.fork.ways:
        found, depth = found.fork.ways["on_true"], depth + 1
    assert depth == 3
    assert found.fork is not None
    assert found.fork.step == "c3"


@pytest.mark.parametrize(
    ("outcome", "by", "code"),
    [("nonsense", None, "invalid_outcome"), ("approved", "eva", "not_allowed")],
)
def test_an_answer_that_would_be_refused_says_so(outcome: str, by: str | None, code: str) -> None:
    definition = a_definition("""
    steps: [{id: boss, approval: {title: Go?, roles: [boss], exclude: [eva]}}]
    """)
    found = previewed(definition, outcome, decided_by=by)
    answer = found.as_dict()["answer"]
    assert isinstance(answer, dict)
    assert (answer["result"], answer["code"]) == ("refused", code)
    assert (found.steps, found.status) == ((), Status.PAUSED)


def test_a_request_for_certain_users_is_previewed_as_one_of_them() -> None:
    definition = a_definition("steps: [{id: boss, approval: {title: Go?, users: [bo]}}]")
    assert previewed(definition).status is Status.COMPLETED


def test_a_preview_from_the_start_needs_no_execution() -> None:
    definition = a_definition("""
    context:
      load: {customer: {resource: customer, id: "${id}"}}
      derive: {is_new: {customer.orders: {lt: 3}}}
    steps:
      - id: c
        condition: {is_new: {eq: true}}
        on_true: [{id: boss, approval: {title: Go?, roles: [r]}}]
      - {id: done, allow: {}}
    """)
    event = Event("thing.made", {"id": "o1"})
    known = preview_start(definition, event, NOW, {"customer": {"orders": 9}})
    assert (paths(known), known.status) == (["c", "done"], Status.COMPLETED)
    unknown = preview_start(definition, event, NOW, {})
    assert [doing.text for step in unknown.steps for doing in step.would] == ["load customer o1"]
    assert unknown.fork is not None
    assert unknown.fork.depends_on == ("is_new",)


def test_answers_are_given_in_turn() -> None:
    event = Event("thing.made", {"id": "o1"})
    held_there = preview_start(UNKNOWN, event, NOW, {})
    assert held_there.status is Status.PAUSED
    answers = [Answered("boss", "approved"), Answered("second", "rejected")]
    fork = preview_start(UNKNOWN, event, NOW, {}, answers).fork
    assert fork is not None
    assert fork.ways["on_true"].status is Status.BLOCKED
    answer = fork.ways["on_false"].as_dict()["answer"]
    assert isinstance(answer, dict)
    assert answer["message"] == "no step second waits by then"


def test_a_preview_is_json_with_stable_keys() -> None:
    found = previewed(UNKNOWN).as_dict()
    assert list(found) == [
        *("answer", "counted", "steps", "status", "result", "error", "waits", "fork"),
    ]
    text = json.dumps(found)
    assert '"depends_on": ["steps.ask.output.body.total"]' in text
    assert found["steps"] == [
        {
            "step": "boss",
            "kind": "approval",
            "status": "completed",
            "would": [],
            "output": previewed(UNKNOWN).steps[0].output,
        },
        {
            "step": "ask",
            "kind": "execute",
            "status": "completed",
            "would": [
                {
                    "kind": "http_request",
                    "text": "call POST https://x.example",
                    "params": {"url": "https://x.example"},
                }
            ],
            "output": {
                "action": "execute",
                "success": True,
                "data": {"body": {"total": "«steps.ask.output.body.total»"}},
            },
        },
    ]
