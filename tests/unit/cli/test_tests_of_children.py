"""`sluicegate test`: executions that steps start, rehearsed beside their parent or stubbed."""

from pathlib import Path

import pytest

from tests.unit.cli.rehearsed import check, said, ways

PARENT = """\
name: order
trigger: {event: order.made, cancel_on: {event: order.lost, match: {id: "${id}"}}}
steps:
  - id: sign
    workflow: {name: signing, input: {who: "${who}", id: "${id}"}}
    timeout: 2d
    on_error: [{id: unsigned, block: {code: "unsigned", reason: "${error.message}"}}]
  - {id: told, execute: [{log: {message: "${steps.sign.output.outputs.ask.decided_by:-nobody}"}}]}
"""
CHILD = """\
name: signing
trigger: {manual: true}
input: {required: [who]}
steps:
  - id: ask
    approval: {title: "Sign ${id}", users: ["${who}"], expires_in: 3d}
    on_rejected: [{id: no, block: {code: unwilling}}]
  - {id: noted, execute: [{webhook: {url: "https://x.example/${id}"}}]}
  - {id: posted, wait: {event: post.sent, match: {id: "${id}"}}}
"""
BOTH = f"{PARENT}---\n{CHILD}"
START = "given: {event: {type: order.made, data: {id: o1, who: ana}}}"


# S103
def test_a_workflow_of_the_same_folder_is_rehearsed_as_a_child(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = f"""
    - name: signed
      {START}
      then:
        - decide: {{step: ask, by: bo}}
          child: sign
          expect: {{refused: not_allowed, status: paused, waiting_for: [ask]}}
        - decide: {{step: ask, by: ana, at: 5h}}
          child: sign
          expect: {{waiting_for: [posted], calls: [{{step: noted, kind: webhook}}]}}
        - event: {{type: post.sent, data: {{id: o1}}}}
      expect:
        status: completed
        path: [sign, told]
        calls: []
        logged: [{{message: ana}}]
        children:
          sign: {{status: completed, result: executed, path: [ask, noted, posted]}}
    """
    report = check(tmp_path, capsys, BOTH, tests)
    assert said(report) == []
    assert ways(report, 1)[0] == ["ask: on_approved", "posted: event"]


@pytest.mark.parametrize(
    ("moves", "expect"),
    [
        (
            "[{decide: {step: ask, outcome: rejected, by: ana}, child: sign}]",
            "{status: completed, children: {sign: {status: blocked, error_code: unwilling}}}",
        ),
        (
            "[{after: 2d}]",
            "{status: blocked, error_code: unsigned, children: {sign: {status: cancelled}}}",
        ),
        (
            "[{event: {type: order.lost, data: {id: o1}}}]",
            "{status: cancelled, children: {sign: {status: cancelled, waiting_for: []}}}",
        ),
        (
            "[{cancel: {by: ops}, child: sign}]",
            "{status: blocked, error_code: unsigned,"
            " error_message: 'signing ended cancelled: cancelled by ops'}",
        ),
    ],
)
def test_the_end_of_one_reaches_the_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], moves: str, expect: str
) -> None:
    tests = f"- {{name: one, {START}, then: {moves}, expect: {expect}}}\n"
    assert said(check(tmp_path, capsys, BOTH, tests)) == []


@pytest.mark.parametrize(
    ("stub", "expect"),
    [
        (
            "{result: blocked, outputs: {ask: {decided_by: cy}}}",
            "{status: completed, logged: [{message: cy}],"
            " context: {steps.sign: {result: blocked, outcome: blocked}}}",
        ),
        (
            "{fail: {code: timeout, message: too slow}}",
            "{error_code: unsigned, error_message: 'signing ended failed: too slow'}",
        ),
    ],
)
def test_a_child_that_is_stubbed_ends_at_once_and_is_not_rehearsed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], stub: str, expect: str
) -> None:
    for name in ("sign", "sign.workflow", "workflow"):
        for definitions in (PARENT, BOTH):
            tests = f"- {{name: one, {START}, stubs: {{{name}: {stub}}}, expect: {expect}}}\n"
            assert said(check(tmp_path, capsys, definitions, tests)) == []
            (tmp_path / "w1.yaml").unlink(missing_ok=True)


def test_a_child_that_is_neither_here_nor_stubbed_says_what_to_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = f"- {{name: one, {START}, expect: {{}}}}\n"
    assert said(check(tmp_path, capsys, PARENT, tests)) == [
        "step sign starts signing, which is not in this folder: say how it ends, under stubs: sign"
    ]


def test_a_child_whose_input_is_refused_fails_as_in_production(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    definitions = BOTH.replace('who: "${who}", ', "")
    tests = f"- {{name: one, {START}, expect: {{error_code: unsigned, children: {{}}}}}}\n"
    assert said(check(tmp_path, capsys, definitions, tests)) == []
    disabled = BOTH.replace("name: signing\ntrigger", "name: signing\nenabled: false\ntrigger")
    message = "no enabled workflow is called signing"
    tests = tests.replace("children: {}", f"error_message: 'signing ended failed: {message}'")
    assert said(check(tmp_path, capsys, disabled, tests)) == []


def test_what_children_are_called_and_whether_they_exist_is_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = f"""
    - {{name: a, {START}, expect: {{children: {{sign: {{status: completed}}}}}}}}
    - {{name: b, {START}, stubs: {{sign: {{}}}}, expect: {{children: {{sign: {{}}}}}}}}
    - {{name: c, {START}, expect: {{children: {{sign: {{started: false}}}}}}}}
    - name: d
      {START}
      stubs: {{sign: {{}}}}
      then: [{{cancel: {{}}, child: sign}}]
      expect: {{}}
    - name: e
      {START}
      stubs: {{sign: {{}}}}
      expect: {{children: {{sign: {{started: false}}}}}}
    """
    assert said(check(tmp_path, capsys, BOTH, tests)) == [
        "expected completed, got paused",
        "no execution was started by sign; executions were started by: nothing",
        "sign started an execution",
        "no execution was started by sign; such steps are: none",
    ]


def test_a_name_that_a_child_does_not_have_is_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = f"""
    - {{name: a, {START}, expect: {{children: {{sing: {{}}}}}}}}
    - {{name: b, {START}, expect: {{children: {{sign: {{path: [aks]}}}}}}}}
    - {{name: c, {START}, then: [{{decide: {{step: told}}, child: sign}}], expect: {{}}}}
    """
    with pytest.raises(AssertionError) as found:
        check(tmp_path, capsys, BOTH, tests)
    text = str(found.value)
    assert "no step that starts a workflow is called 'sing'; did you mean sign?" in text
    assert "no step is called 'aks'; did you mean ask?" in text
    assert "no step is called 'told' (there are: " in text


def test_a_child_nobody_waits_for_goes_on_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    definitions = BOTH.replace('id: "${id}"}}\n    timeout: 2d', 'id: "${id}"}, wait: false}')
    tests = f"""
    - name: one
      {START}
      then:
        - after: 1h
          expect: {{status: completed, children: {{sign: {{status: paused}}}}}}
        - after: 3d
      expect: {{children: {{sign: {{status: blocked, error_code: unwilling}}}}}}
    """
    assert said(check(tmp_path, capsys, definitions, tests)) == []


def test_children_of_a_loop_are_named_by_the_item_that_started_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    definitions = """\
    name: many
    trigger: {event: order.made}
    steps:
      - id: each
        for_each:
          in: ${people}
          as: who
          concurrency: 2
          steps: [{id: sign, workflow: {name: signing, input: {who: "${who}", id: "${index}"}}}]
    """
    tests = """
    - name: one
      given: {event: {type: order.made, data: {people: [ana, bo]}}}
      then:
        - {decide: {step: ask, by: bo}, child: each/1/sign}
        - {event: {type: post.sent, data: {id: 1}}}
      expect:
        status: paused
        children: {each/0/sign: {waiting_for: [ask]}, each/1/sign: {status: completed}}
    - name: two
      given: {event: {type: order.made, data: {people: [ana, bo]}}}
      then: [{cancel: {}, child: sign}]
      expect: {}
    """
    assert said(check(tmp_path, capsys, f"{definitions}---\n{CHILD}", tests)) == [
        "several steps sign started executions; name one: each/0/sign, each/1/sign"
    ]
