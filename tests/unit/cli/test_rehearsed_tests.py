"""`sluicegate test`: what tests of workflows can say, and what their failures tell."""

from pathlib import Path

import pytest

from tests.unit.cli.rehearsed import WORKFLOW, a_folder, a_test, problems, run


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


def test_every_workflow_starts_by_hand_whatever_its_trigger_asks_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "- {name: by hand, given: {manual: {data: {id: o1, total: -1}}}, %s}\n"
    rest = "resources: {customer: {}}, expect: {waiting_for: [shipped]}"
    assert run(a_folder(tmp_path, text % rest), capsys)[0] == 0
    by_hand = WORKFLOW.replace("order.*,", "order.*, manual: true,")
    assert run(a_folder(tmp_path, text % rest, by_hand), capsys)[0] == 0
