"""`sluicegate test`, `preview` and `explain` as typed: what they print and how they exit."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema_rs
import pytest
from typer.testing import CliRunner

from cli.main import app
from cli.testing.documents import Suite
from config.documents import parse_document

EXAMPLES = Path(__file__).parents[3] / "examples"
SUITES = sorted(EXAMPLES.glob("*.test.yaml"))
ORDER = {
    "order_id": "o1",
    "customer_id": "c-77",
    "total": 46500,
    "currency": "EUR",
    "country": "DE",
}


def sluicegate(*arguments: object, stdin: str | None = None) -> tuple[int, str, str]:
    """Run the command line in this process; return exit code, output and errors."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, done.stdout, done.stderr


def test_the_examples_pass_their_tests_and_are_covered() -> None:
    code, out, err = sluicegate("test", EXAMPLES, "--min-coverage", 90, "--json")
    assert (code, err) == (0, "")
    report = json.loads(out)
    by_workflow: dict[str, int] = {}
    for each in report["tests"]:
        by_workflow[each["workflow"]] = by_workflow.get(each["workflow"], 0) + 1
    definitions = [path for path in EXAMPLES.glob("*.yaml") if ".test" not in path.name]
    assert len(by_workflow) == len(definitions) - 1
    assert min(by_workflow.values()) >= 2


@pytest.mark.parametrize("suite", SUITES, ids=lambda path: path.name)
def test_the_schema_of_tests_fits_the_examples(suite: Path) -> None:
    data, _ = parse_document(suite.read_text())
    jsonschema_rs.Draft202012Validator(Suite.model_json_schema()).validate(data)


def test_tests_are_filtered_by_name() -> None:
    code, out, _ = sluicegate("test", EXAMPLES, "-k", "embargoed")
    assert code == 0
    assert "1 passed, 0 failed" in out


def test_an_event_is_explained_to_each_workflow() -> None:
    event = json.dumps({"type": "order.created", "data": ORDER})
    code, out, _ = sluicegate("explain", EXAMPLES, "--event", event)
    assert code == 0
    assert out.splitlines() == [
        "expense-claim: does not start",
        "  trigger 1 (expense.submitted): the event type order.created does not match"
        " expense.submitted",
        "order-approval: starts",
        "  trigger 1 (order.created): order.created matches order.created",
        "    note: at most one unfinished execution has the key o1; while there is one, the event"
        " starts nothing",
        "stock-alert: does not start",
        "  trigger 1 (stock.*): the event type order.created does not match stock.*",
    ]


def test_an_explanation_lists_every_comparison(tmp_path: Path) -> None:
    file = tmp_path / "event.json"
    file.write_text(json.dumps({"claim_id": "x", "amount": 0}))
    code, out, _ = sluicegate(
        "explain",
        EXAMPLES / "expense-claim.yaml",
        "--event",
        f"@{file}",
        "--type",
        "expense.submitted",
    )
    assert code == 0
    assert out.splitlines()[-1] == "expense-claim\t1\tamount\tgt\t0\t0\tno"


def test_an_explanation_names_what_breaks_the_input_schema() -> None:
    code, out, _ = sluicegate(
        "explain", EXAMPLES, "--event", "-", "--type", "order.created", "--json", stdin="{}"
    )
    assert code == 0
    found = {each["workflow"]: each for each in json.loads(out)}
    problem = found["order-approval"]["input_problem"]
    assert problem == 'the root: "order_id" is a required property'
    assert not found["order-approval"]["starts"]


def test_a_preview_shows_the_way_to_the_next_pause() -> None:
    file = EXAMPLES / "order-approval.yaml"
    event = json.dumps({"type": "order.created", "data": ORDER, "time": "2026-01-05T09:00:00Z"})
    code, out, _ = sluicegate("preview", file, "--event", event, "--decide", "manager=approved")
    assert code == 0
    lines = out.splitlines()
    assert lines[:5] == [
        "embargo_check: condition: false",
        "needs_people: condition: true",
        "needs_people/manager: approval: approved",
        "needs_people/very_large: condition: true",
        "needs_people/very_large/director: approval (waiting)",
    ]
    assert lines[5] == "=> paused"
    assert "waits at needs_people/very_large/director, Second signature" in lines[6]
    assert "for finance-director, until" in lines[6]


def test_a_preview_shows_what_would_be_done_in_the_end() -> None:
    file = EXAMPLES / "order-approval.yaml"
    event = json.dumps({**ORDER, "total": 10})
    code, out, _ = sluicegate("preview", file, "--event", event)
    assert code == 0
    assert out.splitlines()[2:] == [
        "accept: execute",
        "  would update record order o1",
        "  would log info: Order o1 is accepted",
        "done: allow",
        "=> completed, result allowed",
    ]


def test_a_preview_with_an_answer_that_does_not_fit_fails() -> None:
    file = EXAMPLES / "order-approval.yaml"
    code, out, _ = sluicegate(
        "preview", file, "--event", json.dumps(ORDER), "--decide", "director=approved"
    )
    assert code == 1
    assert out.splitlines()[0] == "refused, unknown: no step director waits by then"
    code, out, _ = sluicegate(
        "preview", file, "--event", json.dumps(ORDER), "--decide", "manager=perhaps", "--json"
    )
    assert code == 1
    assert json.loads(out)["answer"]["code"] == "invalid_outcome"


def test_a_preview_follows_both_ways_where_a_call_decides(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(
        "name: x\n"
        "trigger: {event: thing.made}\n"
        "steps:\n"
        "  - {id: ask, execute: [{http_request: {url: https://x.example}}]}\n"
        "  - {id: c, condition: {steps.ask.output.status: {eq: 200}},"
        " on_true: [{id: b, block: {code: no, reason: Not today}}]}\n"
    )
    code, out, _ = sluicegate("preview", file, "--event", "{}")
    assert code == 0
    assert out.splitlines() == [
        "ask: execute",
        "  would call POST https://x.example",
        "c: depends on steps.ask.output.status",
        "  on_true:",
        "    c/b: block",
        "    => blocked, result blocked (no: Not today)",
        "  on_false:",
        "    => completed, result executed",
    ]


def test_a_preview_says_that_more_votes_are_needed(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(
        "name: x\n"
        "trigger: {event: deal.made}\n"
        "steps: [{id: sign, approval: {title: Sign, roles: [boss], policy: {n_of: 2}}}]\n"
    )
    decide = ("--decide", "sign=approved")
    code, out, _ = sluicegate("preview", file, "--event", "{}", *decide)
    assert code == 0
    assert out.splitlines() == [
        "sign: approval (waiting)",
        "sign: approved, 1 of 2: the request stays open for boss",
        "=> paused",
        "   waits at sign, Sign, for boss, 1 of 2 votes",
    ]
    code, out, _ = sluicegate("preview", file, "--event", "{}", *decide, *decide)
    assert code == 0
    assert out.splitlines()[-1] == "=> completed, result allowed"


def test_an_explanation_notes_what_only_a_deployment_knows(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(
        "name: x\n"
        "trigger:\n"
        "  event: deal.made\n"
        "  debounce: {key: '${id}', for: 30s}\n"
        "  cancel_on: {event: deal.*, match: {id: '${id}'}}\n"
        "steps: [{id: x, allow: {}}]\n"
    )
    event = json.dumps({"type": "deal.made", "data": {"id": 7}})
    code, out, _ = sluicegate("explain", file, "--event", event)
    assert code == 0
    assert out.splitlines() == [
        "x: starts",
        "  trigger 1 (deal.made): deal.made matches deal.made",
        "    note: starts once no event with the key 7 has come for 30s, with the last event",
        "  note: cancels the unfinished executions whose `cancel_on` asks for id 7",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("explain", "nowhere", "--event", "{}"), 2, "nowhere: no such file or folder"),
        (("explain", EXAMPLES, "--event", "{}"), 2, "the event has no type: give --type"),
        (("explain", EXAMPLES, "--event", "[]"), 2, "--event must be a JSON object"),
        (("explain", EXAMPLES, "--event", "{"), 2, "--event is no JSON"),
        (("explain", EXAMPLES, "--event", '{"a": 9007199254740993}'), 2, "a is beyond 2^53"),
        (("explain", EXAMPLES, "--event", "@gone.json"), 2, "gone.json is no file"),
        (("preview", EXAMPLES, "--event", "{}"), 2, "is a folder; name one definition file"),
        (
            ("preview", EXAMPLES / "order-approval.yaml", "--event", "{}", "--decide", "manager"),
            2,
            "write it as step=outcome, such as manager=approved",
        ),
        (
            ("preview", EXAMPLES / "order-approval.yaml", "--event", "{}"),
            1,
            "order-approval is not started: a dead letter, the payload breaks `input`",
        ),
        (("explain", EXAMPLES / "resources.yaml", "--event", "{}"), 2, "holds no workflow"),
        (
            ("explain", EXAMPLES, "--event", '{"type": "a.b", "data": {}, "time": "now"}'),
            2,
            "the event's time: 'now' is no instant",
        ),
    ],
)
def test_what_is_typed_wrongly_says_what_to_type(
    arguments: tuple[object, ...], code: int, message: str
) -> None:
    exit_code, _, err = sluicegate(*arguments)
    assert exit_code == code
    assert message in err


@pytest.mark.parametrize("command", ["explain", "preview"])
def test_a_definition_with_mistakes_is_not_explained(tmp_path: Path, command: str) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("name: x\ntrigger: {event: a}\nsteps: [{id: a, alow: {}}]\n")
    code, out, err = sluicegate(command, file, "--event", "{}", "--type", "a")
    assert code == 1
    assert out.startswith(f"{file}:3:9: a step needs one of")
    assert "mend the mistakes above first" in err


def test_a_new_project_is_valid_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert sluicegate("new", "orders")[0] == 0
    assert sluicegate("validate", "orders") == (0, "orders/workflows/orders.yaml: ok\n", "")


def test_a_reader_that_leaves_early_makes_no_test_fail() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "cli", "test", str(EXAMPLES)],
            cwd=EXAMPLES.parent,
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")
