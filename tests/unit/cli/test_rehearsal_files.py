"""`sluicegate test`: mistakes in files of tests, which files are found, and what is covered."""

from pathlib import Path

import pytest

from cli.testing.command import Options, run_tests
from tests.unit.cli.rehearsed import WORKFLOW, a_folder, a_test, run


def mistakes(path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    code, report = run(path, capsys)
    assert code == 1
    return [f"{each['line']}:{each['column']}: {each['problem']}" for each in report["mistakes"]]


@pytest.mark.parametrize(
    ("rest", "problem"),
    [
        ("expect: {statu: failed}", "unknown key 'statu'; docs/testing.md lists what may stand"),
        ("expect:", "this must be a mapping of keys to values"),
        ("expect: {status: done}", "status: input should be 'pending', 'running',"),
        ("then: [{after: soon}]\nexpect: {}", "'soon' is no duration; write 500ms, 30s"),
        ("then: [{}]\nexpect: {}", "a move is one of: decide, event, after, claim"),
        ("then: [{after: 1h, cancel: {}}]\nexpect: {}", "a move is one of: decide, event, after"),
        ("then: [{after: 1h, expect: {refused: x}}]\nexpect: {}", "refused belongs to a move that"),
        ("expect: {refused: expired}", "refused belongs to the expect of the move"),
        ("expect: {not_run: [bos]}", "no step is called 'bos'; did you mean boss?"),
        ("expect: {path: [large, bosss]}", "no step is called 'bosss'; did you mean boss?"),
        ("then: [{decide: {step: chief}}]\nexpect: {}", "no step is called 'chief' (there are: "),
        (
            "expect: {children: {boss: {}}}",
            "no step that starts a workflow is called 'boss' (there",
        ),
        ("expect: {waiting_for: [7]}", "name the step: manager, or {step: manager, roles: [...]}"),
        ("expect: {calls: [{step: payy}]}", "no step is called 'payy'; did you mean pay?"),
        (
            "stubs: {web_hook: 1}\nexpect: {}",
            "no step or call is 'web_hook'; did you mean webhook?",
        ),
        ("stubs: {pay: []}\nexpect: {}", "a list of answers needs at least one"),
        ("stubs: {pay: {fail: {cod: x}}}\nexpect: {}", "fail.cod: Extra inputs are not permitted"),
        ("expect: {context: {'a b': 1}}", "'a b' is no path"),
        (
            f"then: [{{cancel: {{reason: {'x' * 2_001}}}}}]\nexpect: {{}}",
            "reason: string should have at most 2000 characters",
        ),
        ("then: [{cancel: {by: ''}}]\nexpect: {}", "by: string should have at least 1 character"),
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
