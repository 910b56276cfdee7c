"""`sluicegate test`: loops, parallel branches, and waits for several events."""

from pathlib import Path

import pytest

from tests.unit.cli.rehearsed import check, said, ways

LOOP = """\
name: loop
trigger: {event: order.made}
steps:
  - id: each
    for_each:
      in: ${lines}
      as: line
      steps:
        - id: big
          condition: {line.amount: {gte: 100}}
          on_true: [{id: ask, approval: {title: "${line.sku}", roles: [boss]}}]
        - {id: book, execute: [{webhook: {url: "https://x.example/${line.sku}"}}]}
"""
LINES = "{lines: [{sku: a, amount: 5}, {sku: b, amount: 500}, {sku: c, amount: 500}]}"
GATHER = """\
name: gather
trigger: {event: order.made}
steps:
  - id: offers
    parallel:
      strategy: %s
      branches:
        near: [{id: near, wait: {event: offer.near, match: {id: "${id}"}}}]
        far:
          - {id: far, wait: {for: 1h}}
          - {id: asked, execute: [{webhook: {url: "https://far.example"}}], retry: {max: 0}}
    on_error: [{id: none, block: {code: none}}]
"""
POLL = """\
name: poll
trigger: {event: job.made}
steps:
  - id: poll
    repeat:
      steps:
        - {id: nap, wait: {for: 1m}}
        - {id: look, execute: [{load: {resource: job, id: "${id}"}}]}
      until: {steps.look.output.state: {eq: ready}}
      max: 3
    on_error: [{id: gone, block: {code: gone}}]
"""
JOB = 'job: {kind: http, url: "https://jobs.example/${id}"}\n'
EVENTS = """\
name: events
trigger: {event: order.made}
steps:
  - id: either
    wait:
      any_of: [{event: a.b, match: {id: "${id}"}}, {event: c.d, match: {id: "${id}"}}]
      timeout: 1h
    on_timeout: [{id: late, allow: {}}]
  - id: both
    wait: {all_of: [{event: e.f, match: {id: "${id}"}}, {event: g.h, match: {id: "${id}"}}]}
"""


def test_steps_of_a_loop_are_named_by_id_by_item_or_by_their_place_in_the_definition(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = f"""
    - name: one
      given: {{event: {{type: order.made, data: {LINES}}}}}
      stubs:
        each/2/book: {{status: 202}}
        each/book: {{status: 201}}
      then:
        - decide: {{step: ask}}
          expect: {{waiting_for: [each/2/big/ask], ran: [each/1/book], not_run: [each/2/book]}}
        - decide: {{step: each/2/big/ask, outcome: approved}}
        - decide: {{step: each/big/ask}}
          expect: {{refused: already_decided}}
      expect:
        path: [each, big, book, each/1/big, each/big/ask, each/1/book, big, ask, each/2/book]
        calls:
          - {{step: book, params: {{url: "https://x.example/a"}}}}
          - {{step: each/1/book}}
          - {{step: each/book}}
        context: {{steps.each.items: [{{status: 201}}, {{status: 201}}, {{status: 202}}]}}
    - name: nothing to do
      given: {{event: {{type: order.made, data: {{lines: []}}}}}}
      expect: {{status: completed, path: [each]}}
    """
    report = check(tmp_path, capsys, LOOP, tests)
    assert said(report) == []
    assert ways(report) == (
        [
            "each/big/ask: on_approved",
            "each/big: on_false",
            "each/big: on_true",
            "each: items",
            "each: no items",
        ],
        ["each/big/ask: on_rejected"],
    )


def test_an_approval_asked_for_several_items_at_once_must_be_named_by_its_item(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    side_by_side = LOOP.replace("as: line", "as: line\n      concurrency: 3")
    tests = f"""
    - name: one
      given: {{event: {{type: order.made, data: {LINES}}}}}
      then: [{{decide: {{step: ask}}}}]
      expect: {{}}
    """
    assert said(check(tmp_path, capsys, side_by_side, tests)) == [
        "several approvals are open at ask; name one by its path: each/1/big/ask, each/2/big/ask"
    ]


NEAR = "{event: {type: offer.near, data: {id: o1}}}"


@pytest.mark.parametrize(
    ("strategy", "moves", "stub", "status", "taken"),
    [
        # S39
        ("all", f"[{NEAR}, {{after: 1h}}]", "{}", "completed", ["branch far", "branch near"]),
        ("all", "[{after: 1h}]", "{fail: {}}", "blocked", ["on_error"]),
        # S40
        ("any", f"[{{after: 1h}}, {NEAR}]", "{fail: {}}", "completed", ["branch near"]),
        # S41
        ("race", f"[{NEAR}]", "{}", "completed", ["branch near"]),
        ("race", "[{after: 1h}]", "{fail: {}}", "blocked", ["on_error"]),
        # S42
        ("{n_of: 1}", "[{after: 1h}]", "{}", "completed", ["branch far"]),
        # S43
        ("all_settled", f"[{{after: 1h}}, {NEAR}]", "{fail: {}}", "completed", ["branch near"]),
    ],
)
def test_every_strategy_can_be_tested_and_a_branch_is_covered_once_it_was_completed(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    strategy: str,
    moves: str,
    stub: str,
    status: str,
    taken: list[str],
) -> None:
    tests = f"""
    - name: one
      given: {{event: {{type: order.made, data: {{id: o1}}}}}}
      stubs: {{asked: {stub}}}
      then: {moves}
      expect: {{status: {status}, waiting_for: []}}
    """
    report = check(tmp_path, capsys, GATHER % strategy, tests)
    assert said(report) == []
    found = [each for each in ways(report)[0] if each.startswith("offers: ")]
    assert found == [f"offers: {name}" for name in taken]


def test_rounds_go_on_until_they_hold_or_are_exhausted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tests = """
    - name: at once
      given: {event: {type: job.made, data: {id: j1}}}
      resources: {job: {state: ready}}
      then: [{after: 1m}]
      expect: {status: completed, path: [poll, nap, look]}
    - name: in the second round
      given: {event: {type: job.made, data: {id: j1}}}
      resources: {job: [{state: running}, {state: ready}]}
      then: [{after: 1m, expect: {waiting_for: [poll/1/nap]}}, {after: 1m}]
      expect: {status: completed, path: [poll, poll/0/nap, poll/0/look, poll/1/nap, poll/1/look]}
    """
    report = check(tmp_path, capsys, POLL, tests, JOB)
    assert said(report) == []
    assert ways(report) == (["poll: again", "poll: until"], ["poll: on_error"])
    tests = """
    - name: never
      given: {event: {type: job.made, data: {id: j1}}}
      resources: {job: {state: running}}
      then: [{after: 5m}]
      expect: {status: blocked, error_code: gone, ran: [poll/2/look, gone]}
    """
    report = check(tmp_path, capsys, POLL, tests, JOB)
    assert said(report) == []
    assert ways(report) == (["poll: again", "poll: on_error"], ["poll: until"])


def test_each_of_several_events_is_a_branch_of_its_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    start = "given: {event: {type: order.made, data: {id: o1}}}"
    later = "[{event: {type: g.h, data: {id: o1}}}, {event: {type: e.f, data: {id: o1}}}]"
    tests = f"""
    - name: one
      {start}
      then: [{{event: {{type: c.d, data: {{id: o1}}}}}}, {{event: {{type: g.h, data: {{id: o1}}}}}}]
      expect: {{waiting_for: [{{step: both, event: e.f}}], context: {{waits.either.which: 1}}}}
    """
    report = check(tmp_path, capsys, EVENTS, tests)
    assert said(report) == []
    assert ways(report) == (
        ["either: event c.d"],
        ["both: events", "either: event a.b", "either: on_timeout"],
    )
    tests = f"""
    - {{name: one, {start}, then: [{{after: 1h}}, {later[1:-1]}], expect: {{status: completed}}}}
    """
    report = check(tmp_path, capsys, EVENTS, tests)
    assert said(report) == []
    assert ways(report)[0] == ["both: events", "either: on_timeout"]


def test_events_of_one_type_are_told_apart_by_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    definition = """\
    name: events
    trigger: {event: order.made}
    steps:
      - id: either
        wait: {any_of: [{event: a.b, match: {id: "${id}"}}, {event: a.b, match: {id: "${other}"}}]}
    """
    tests = """
    - name: one
      given: {event: {type: order.made, data: {id: o1, other: o2}}}
      then: [{event: {type: a.b, data: {id: o2}}}]
      expect: {status: completed}
    """
    report = check(tmp_path, capsys, definition, tests)
    assert ways(report) == (["either: event 2: a.b"], ["either: event 1: a.b"])
