"""`sluicegate test`: what tests of workflows can say, and what their failures tell."""

import json
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from cli.testing.command import Options, run_tests

WORKFLOW = """\
name: order
trigger: {event: order.*, when: {total: {gt: 0}}, key: "${id}"}
input: {required: [id]}
context: {load: {customer: {resource: customer, id: "${buyer:-nobody}"}}}
steps:
  - id: large
    condition: {total: {gte: 100}}
    on_true:
      - id: boss
        approval:
          title: "Order ${id}"
          roles: [boss]
          exclude: ["${buyer:-}"]
          form: {discount: {type: integer}}
          expires_in: 24h
        on_rejected: [{id: refused, block: {code: refused, reason: "${approvals.boss.reason}"}}]
  - id: pay
    execute: [{webhook: {url: "${secrets.BANK}/pay", json: {id: "${id}", total: "${total}"}}}]
    retry: {max: 2, base: 30s, backoff: fixed, jitter: none}
    on_error: [{id: unpaid, block: {code: unpaid}}]
  - id: shipped
    wait: {event: parcel.sent, match: {order: "${id}"}, timeout: 5d}
  - id: told
    when: {customer.email: {exists: true}}
    execute: [{emit: {event: mail.wanted, key: "${id}", data: {to: "${customer.email}", n: 1}}}]
"""
START = """\
- name: one
  given: {event: {type: order.made, data: {id: o1, total: %d, buyer: eva}}}
  resources: {customer: {email: eva@example.com, orders: 3}}
"""


def a_folder(folder: Path, tests: str, workflow: str = WORKFLOW) -> Path:
    """Write a workflow and the tests of it; return the file of tests."""
    (folder / "order.yaml").write_text(workflow)
    resources = "customer: {kind: http, url: 'https://crm.example/${id}'}\n"
    (folder / "resources.yaml").write_text(resources)
    file = folder / "order.test.yaml"
    file.write_text(f"workflow: order\ntests:\n{indent(dedent(tests), '  ')}")
    return file


def a_test(rest: str, total: int = 50) -> str:
    """Return the text of one test that starts an order; `rest` are its moves and expectations."""
    return START % total + indent(dedent(rest), "  ")


def run(path: Path, capsys: pytest.CaptureFixture[str], **more: Any) -> tuple[int, dict[str, Any]]:
    """Run tests; return exit code and report."""
    code = run_tests(Options([path], as_json=True, **more))
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return code, found


def problems(
    folder: Path, capsys: pytest.CaptureFixture[str], rest: str, total: int = 50
) -> list[str]:
    """Return the failures of one test, each as `the text at its place -> problem`."""
    file = a_folder(folder, a_test(rest, total))
    lines = file.read_text().splitlines()
    code, report = run(file, capsys)
    found = [
        f"{lines[each['line'] - 1][each['column'] - 1 :]} -> {each['problem']}"
        for each in report["tests"][0]["failures"]
    ]
    assert code == (1 if found else 0)
    return found


def test_a_test_passes_when_all_is_as_expected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = """
    then:
      - decide: {step: boss, by: ana, form: {discount: 5}}
        expect: {status: paused, waiting_for: [{step: shipped, event: parcel.sent}]}
      - event: {type: parcel.sent, data: {order: o2}}
        expect: {waiting_for: [shipped]}
      - event: {type: parcel.sent, data: {order: o1}}
    expect:
      status: completed
      result: executed
      path: [large, large/boss, pay, shipped, told]
      ran: [boss]
      not_run: [refused, unpaid]
      waiting_for: []
      calls:
        - {kind: webhook, step: pay, params: {url: "${secrets.BANK}/pay", json: {total: 200}}}
      emitted: [{event: mail.wanted, data: {to: eva@example.com}, key: o1}]
      records: []
      context:
        customer: {orders: 3}
        approvals.boss.form.discount: 5
        steps.pay.output.status: 200
        nothing: null
    """
    assert problems(tmp_path, capsys, rest, 200) == []


@pytest.mark.parametrize(
    ("expect", "place", "problem"),
    [
        ("status: completed", "status", "expected completed, got paused"),
        ("result: allowed", "result", "expected allowed, got nothing"),
        ("error_code: refused", "error_code", "expected refused, got nothing"),
        (
            "path: [large, boss, pay]",
            "boss, pay",
            "expected boss, got pay; the path was: large, pay, shipped",
        ),
        (
            "path: [large, pay]",
            "path",
            "expected no more, got shipped; the path was: large, pay, shipped",
        ),
        (
            "path: [large, pay, shipped, told]",
            "told]",
            "expected told, got the end; the path was: large, pay, shipped",
        ),
        ("ran: [told]", "told]", "told did not run; the path was: large, pay, shipped"),
        ("not_run: [told, pay]", "pay]", "pay did run; the path was: large, pay, shipped"),
        ("waiting_for: [boss]", "boss]", "boss is not waiting; open waits: shipped"),
        ("waiting_for: []", "waiting_for", "these wait too: shipped"),
        (
            "waiting_for: [{step: shipped, event: parcel.lost}]",
            "event: parcel.lost",
            "expected parcel.lost, got parcel.sent",
        ),
        ("calls: []", "calls", "expected 0 calls, got 1: pay: webhook"),
        ("calls: [{params: {json: {total: 51}}}]", "total: 51", "expected 51, got 50"),
        ("calls: [{step: told}]", "step: told", "expected told, got pay"),
        (
            "calls: [{params: {body: x}}]",
            "body: x",
            "expected x, but there is no body (there is: url, json)",
        ),
        ("emitted: [{event: a.b}]", "emitted", "expected 1 events, got 0: nothing"),
        (
            "logged: [{message: hello}]",
            "{message",
            'no such line was logged: {"message":"hello"}; there are: []',
        ),
        (
            "records: [{entity: order}]",
            "{entity",
            'there is no such record: {"entity":"order"}; there are: []',
        ),
        ("context: {customer: {orders: 4}}", "orders: 4", "expected 4, got 3"),
        (
            "context: {customer.orders: '3'}",
            "customer.orders",
            "expected text 3, got number 3",
        ),
        (
            "context: {customer: {vip: true}}",
            "vip",
            "expected true, but there is no vip (there is: email, orders)",
        ),
        ("started: false", "started", "expected false, got true"),
    ],
)
def test_a_failure_says_where_and_what(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], expect: str, place: str, problem: str
) -> None:
    (found,) = problems(tmp_path, capsys, f"expect: {{{expect}}}\n")
    where, _, what = found.partition(" -> ")
    assert where.startswith(place)
    assert what == problem


def test_all_expectations_of_one_place_are_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = problems(tmp_path, capsys, "expect: {status: failed, ran: [told], calls: []}\n")
    assert len(found) == 3


def test_moves_stop_at_the_first_that_goes_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = """\
    then:
      - decide: {step: boss, by: eva}
      - decide: {step: boss, by: eva}
    expect: {status: completed}
    """
    found = problems(tmp_path, capsys, rest, 200)
    decide = "decide: {step: boss, by: eva}"
    assert found == [f"{decide} -> refused: not_allowed: eva is excluded from deciding this"]


@pytest.mark.parametrize(
    ("decide", "code"),
    [
        ("{step: boss, by: eva}", "not_allowed"),
        ("{step: boss, outcome: maybe}", "invalid_outcome"),
        ("{step: boss, form: {discount: much}}", "invalid_form"),
        ("{step: boss, roles: [clerk]}", "not_allowed"),
        ("{step: boss, at: 24h}", "expired"),
        ("{step: boss, at: '2026-01-06T09:00:00Z'}", "expired"),
        ("{step: refused}", "unknown"),
    ],
)
def test_a_refusal_can_be_expected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], decide: str, code: str
) -> None:
    rest = f"then: [{{decide: {decide}, expect: {{refused: {code}}}}}]\nexpect: {{}}\n"
    assert problems(tmp_path, capsys, rest, 200) == []
    rest = f"then: [{{decide: {decide}, expect: {{refused: stale}}}}]\nexpect: {{}}\n"
    (found,) = problems(tmp_path, capsys, rest, 200)
    assert f"expected a refusal stale, got {code}" in found


def test_a_second_decision_and_a_late_cancel_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = """
    then:
      - decide: {step: boss}
      - decide: {step: boss}
        expect: {refused: already_decided}
      - cancel: {by: ops, reason: No longer wanted}
        expect: {status: cancelled}
      - cancel: {}
        expect: {refused: execution_finished}
    expect: {status: cancelled, result: null, error_message: No longer wanted}
    """
    assert problems(tmp_path, capsys, rest, 200) == []


def test_a_decision_that_was_to_be_refused_must_not_be_accepted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = "then: [{decide: {step: boss}, expect: {refused: not_allowed}}]\nexpect: {}\n"
    (found,) = problems(tmp_path, capsys, rest, 200)
    assert "expected a refusal not_allowed, but it was accepted" in found


def test_a_decision_about_what_nobody_asked_is_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = "then: [{decide: {step: boss}}]\nexpect: {}\n"
    (found,) = problems(tmp_path, capsys, rest)
    assert "boss has not asked for a decision; open waits: shipped" in found


def test_time_jumps_fire_what_comes_due(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rest = """
    then:
      - after: 23h
        expect: {waiting_for: [boss]}
      - after: 1h
    expect: {status: blocked, error_code: refused}
    """
    assert problems(tmp_path, capsys, rest, 200) == []


def test_the_clock_does_not_go_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rest = "then: [{after: 2h}, {decide: {step: boss, at: 1h}}]\nexpect: {}\n"
    (found,) = problems(tmp_path, capsys, rest, 200)
    assert "the clock stands at 2026-01-05T11:00:00+00:00 already" in found


def test_a_list_of_answers_is_used_call_by_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = """
    stubs:
      pay:
        - fail: {code: http_503, message: busy, retryable: true}
        - {status: 201, body: {receipt: r1}}
    expect:
      calls: [{attempt: 1}, {attempt: 2}]
      context: {steps.pay.output.body.receipt: r1}
      waiting_for: [shipped]
    """
    assert problems(tmp_path, capsys, rest) == []


@pytest.mark.parametrize("name", ["pay", "webhook", "pay.webhook"])
def test_a_call_can_fail_for_good(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    rest = f"""
    stubs: {{{name}: {{fail: {{code: http_400}}}}}}
    expect: {{status: blocked, error_code: unpaid, calls: [{{attempt: 1}}]}}
    """
    assert problems(tmp_path, capsys, rest) == []


def test_a_failing_resource_fails_the_execution(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = a_test("expect: {status: failed, error_code: http_500, path: []}\n")
    text = text.replace(
        "customer: {email: eva@example.com, orders: 3}", "customer/eva: {fail: {code: http_500}}"
    )
    code, report = run(a_folder(tmp_path, text), capsys)
    assert (code, report["failed"]) == (0, 0)


def test_a_resource_that_nobody_gives_says_what_to_write(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = a_test("expect: {status: completed}\n").replace("resources: {customer", "stubs: {pay")
    code, report = run(a_folder(tmp_path, text), capsys)
    assert code == 1
    problem = report["tests"][0]["failures"][0]["problem"]
    assert problem == (
        "the resource customer is read for eva: give its value, under resources: customer"
    )


def test_an_event_that_starts_nothing_can_be_expected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert problems(tmp_path, capsys, "expect: {started: false}\n", 0) == []
    (found,) = problems(tmp_path, capsys, "expect: {status: completed}\n", 0)
    why = "nothing was started: `when` does not hold: total gt 0 (found 0)"
    assert found == f"status: completed}} -> {why}"


def test_a_payload_against_the_input_schema_starts_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = a_test("expect: {status: completed}\n").replace("id: o1, ", "")
    _, report = run(a_folder(tmp_path, text), capsys)
    problem = report["tests"][0]["failures"][0]["problem"]
    assert '"id" is a required property' in problem


def test_a_start_by_hand_needs_a_trigger_that_allows_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "- {name: by hand, given: {manual: {data: {id: o1, total: -1}}}, %s}\n"
    rest = "resources: {customer: {}}, expect: {waiting_for: [shipped]}"
    code, report = run(a_folder(tmp_path, text % rest), capsys)
    assert code == 1
    assert "manual: true" in report["tests"][0]["failures"][0]["problem"]
    by_hand = WORKFLOW.replace("order.*,", "order.*, manual: true,")
    assert run(a_folder(tmp_path, text % rest, by_hand), capsys)[0] == 0


def mistakes(path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    code, report = run(path, capsys)
    assert code == 1
    return [f"{each['line']}:{each['column']}: {each['problem']}" for each in report["mistakes"]]


@pytest.mark.parametrize(
    ("rest", "problem"),
    [
        ("expect: {statu: failed}", "unknown key 'statu'; docs/testing.md lists what may stand"),
        ("expect: {status: done}", "status: input should be 'pending', 'running',"),
        ("then: [{after: soon}]\nexpect: {}", "'soon' is no duration; write 500ms, 30s"),
        ("then: [{}]\nexpect: {}", "a move is one of: decide, event, after, cancel"),
        ("then: [{after: 1h, cancel: {}}]\nexpect: {}", "a move is one of: decide, event, after"),
        ("then: [{after: 1h, expect: {refused: x}}]\nexpect: {}", "refused belongs to a move that"),
        ("expect: {refused: expired}", "refused belongs to the expect of the move"),
        ("expect: {not_run: [bos]}", "no step is called 'bos'; did you mean boss?"),
        ("expect: {path: [large, bosss]}", "no step is called 'bosss'; did you mean boss?"),
        ("then: [{decide: {step: chief}}]\nexpect: {}", "no step is called 'chief' (there are: "),
        ("expect: {waiting_for: [7]}", "name the step: manager, or {step: manager, roles: [...]}"),
        ("expect: {calls: [{step: payy}]}", "no step is called 'payy'; did you mean pay?"),
        (
            "stubs: {web_hook: 1}\nexpect: {}",
            "no step or call is 'web_hook'; did you mean webhook?",
        ),
        ("stubs: {pay: []}\nexpect: {}", "a list of answers needs at least one"),
        ("stubs: {pay: {fail: {cod: x}}}\nexpect: {}", "fail.cod: Extra inputs are not permitted"),
        ("expect: {context: {'a b': 1}}", "'a b' is no path"),
        ("name: again\nexpect: {}", "the key 'name' occurs twice"),
        ("x: 1", "the key 'expect' is missing"),
    ],
)
def test_a_mistake_in_a_test_file_has_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rest: str, problem: str
) -> None:
    found = mistakes(a_folder(tmp_path, a_test(rest + "\n")), capsys)
    assert any(problem in each for each in found), found
    assert all(int(each.partition(":")[0]) >= 3 for each in found)


def test_a_resource_that_the_workflow_does_not_load_is_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = a_test("expect: {}\n").replace("customer: {", "custmer: {")
    assert mistakes(a_folder(tmp_path, text), capsys) == [
        "5:17: this workflow loads no resource 'custmer'; did you mean customer?"
    ]


def test_two_tests_may_not_have_one_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = a_test("expect: {}\n")
    assert mistakes(a_folder(tmp_path, text + text), capsys) == [
        "7:5: the test 'one' stands here twice; rename one"
    ]


def test_a_workflow_that_nobody_defines_is_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = a_folder(tmp_path, a_test("expect: {}\n"))
    file.write_text(file.read_text().replace("workflow: order", "workflow: odrer"))
    assert mistakes(file, capsys) == [
        "1:1: no workflow beside this file is called 'odrer' (there are: order)"
    ]


def test_mistakes_of_a_definition_are_all_printed_and_nothing_is_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = WORKFLOW.replace("roles: [boss]", "role: [boss]").replace("5d}", "5x}")
    file = a_folder(tmp_path, a_test("expect: {status: completed}\n"), broken)
    assert run_tests(Options([file])) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(": ", 1)[0].rpartition("/")[2] for line in lines] == [
        "order.yaml:10:9",
        "order.yaml:12:11",
        "order.yaml:22:57",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "1:1: the file is empty; it needs workflow and tests"),
        ("workflow: [", "1:12: this is no YAML"),
        ("workflow: order\ntests: []", "2:1: tests: list should have at least 1 item"),
    ],
)
def test_a_file_that_is_none_of_tests_is_a_mistake(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, problem: str
) -> None:
    file = a_folder(tmp_path, a_test("expect: {}\n"))
    file.write_text(text)
    (found,) = mistakes(file, capsys)
    assert found.startswith(problem)


def test_paths_that_hold_no_tests_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mistakes(tmp_path / "gone.test.yaml", capsys) == ["1:1: no such file"]
    a_folder(tmp_path, a_test("expect: {}\n"))
    (found,) = mistakes(tmp_path / "order.yaml", capsys)
    assert found == "1:1: this is no file of tests; their names end in .test.yaml"


def test_tests_are_found_in_folders_below_but_not_in_hidden_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("flows", ".venv"):
        (tmp_path / name).mkdir()
        a_folder(tmp_path / name, a_test("expect: {waiting_for: [shipped]}\n"))
    (tmp_path / "docker-compose.yml").write_text("services: {}\n")
    code, report = run(tmp_path, capsys)
    assert code == 0
    assert [Path(each["file"]).parent.name for each in report["tests"]] == ["flows"]


def test_coverage_names_steps_not_run_and_branches_not_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = """
    then:
      - event: {type: parcel.sent, data: {order: o1}}
    expect: {status: completed}
    """
    _, report = run(a_folder(tmp_path, a_test(rest)), capsys)
    (coverage,) = report["coverage"]
    assert sorted(coverage["steps"]["not_run"]) == [
        "large/boss",
        "large/boss/refused",
        "pay/unpaid",
    ]
    assert sorted(coverage["branches"]["taken"]) == ["large: on_false", "shipped: event"]
    assert sorted(coverage["branches"]["not_taken"]) == [
        "large/boss: on_approved",
        "large/boss: on_expired",
        "large/boss: on_rejected",
        "large: on_true",
        "pay: on_error",
        "shipped: on_timeout",
        "told: when: false",
    ]
    assert coverage["percent"] == round(100 * 6 / 16, 1)


def test_every_branch_that_is_taken_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = "- {name: %s, given: {event: {type: order.made, data: {id: o1, total: %s}}}, %s}\n"
    sent = "{event: {type: parcel.sent, data: {order: o1}}}"
    nobody, mail = "resources: {customer: null}", "resources: {customer: {email: a}}"
    text = "".join(
        (
            start % ("a", 9, f"{nobody}, then: [{sent}], expect: {{not_run: [told]}}"),
            start % ("b", 9, f"{nobody}, then: [{{after: 5d}}], expect: {{status: failed}}"),
            start
            % ("c", 9, f"{nobody}, stubs: {{pay: {{fail: {{}}}}}}, expect: {{ran: [unpaid]}}"),
            start
            % (
                "d",
                900,
                f"{mail}, then: [{{decide: {{step: boss}}}}, {sent}], expect: {{ran: [told]}}",
            ),
            start
            % (
                "e",
                900,
                f"{mail}, then: [{{decide: {{step: boss, outcome: rejected}}}}], expect: {{}}",
            ),
            start % ("f", 900, f"{mail}, then: [{{after: 1d}}], expect: {{}}"),
        )
    )
    code, report = run(a_folder(tmp_path, text), capsys, min_coverage=100)
    assert (code, report["failed"]) == (0, 0)
    assert report["coverage"][0]["branches"]["not_taken"] == []
    assert report["coverage"][0]["percent"] == 100


def test_too_little_coverage_fails_but_not_where_only_some_tests_are_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = a_folder(tmp_path, a_test("expect: {waiting_for: [shipped]}\n"))
    assert run_tests(Options([file], min_coverage=90)) == 1
    assert "order is covered to 25 %, wanted are 90 %" in capsys.readouterr().err
    assert run_tests(Options([file], min_coverage=25)) == 0
    assert run_tests(Options([file], only="ONE", min_coverage=90)) == 0


def test_a_filter_runs_only_tests_with_the_text_in_their_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = a_test("expect: {status: completed}\n") + a_test("expect: {}\n").replace("one", "Two")
    file = a_folder(tmp_path, text)
    code, report = run(file, capsys, only="two")
    assert code == 0
    assert [each["name"] for each in report["tests"]] == ["Two"]
    assert run(file, capsys)[0] == 1


def test_the_report_is_a_line_per_test_with_failures_below(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = a_test("expect: {status: completed}\n") + a_test("expect: {}\n").replace("one", "two")
    file = a_folder(tmp_path, text)
    assert run_tests(Options([file])) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("FAILED  order: one (")
    assert lines[1] == f"        {file}:6:14: expected completed, got paused"
    assert lines[2].startswith("ok      order: two (")
    assert lines[4].startswith("1 passed, 1 failed in ")
    assert lines[5].startswith("order: 25 % covered (steps 3/7, branches 1/9)")
