"""`sluicegate test`: executions that several events, a schedule or a hand starts."""

from pathlib import Path

import pytest

from tests.unit.cli.rehearsed import check, said

BATCH = """\
name: batch
trigger:
  event: item.sold
  when: {n: {gt: 0}}
  key: "${events.0.shop:-}"
  batch: {key: "${shop}", size: 2, for: 1h}
input: {properties: {events: {minItems: 1}}, required: [events]}
steps: [{id: told, execute: [{log: {message: "${events.0.n} of ${event.meta.id}"}}]}]
"""
DEBOUNCE = """\
name: debounced
trigger: {event: item.sold, debounce: {key: "${shop}", for: 1m}}
steps: [{id: told, execute: [{log: {message: "${n}"}}]}]
"""
NIGHTLY = """\
name: nightly
trigger: [{schedule: {cron: "0 2 * * *"}}, {schedule: {cron: "0 3 * * *"}}]
steps: [{id: told, execute: [{log: {message: "${schedule} ${slot}"}}]}]
"""


def a_sale(n: int, shop: str = "s1") -> str:
    return f"{{type: item.sold, id: e{n}, data: {{n: {n}, shop: {shop}}}}}"


def problems(
    folder: Path, capsys: pytest.CaptureFixture[str], definition: str, given: str, expect: str
) -> list[str]:
    """Return what one test of a definition complains of."""
    tests = f"- {{name: one, given: {given}, expect: {expect}}}\n"
    return said(check(folder, capsys, definition, tests))


def test_a_batch_is_one_execution_for_its_events(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = f"{{events: [{a_sale(3)}, {a_sale(4)}]}}"
    expect = "{logged: [{message: 3 of e3}], context: {events: [{n: 3}, {n: 4}]}}"
    assert problems(tmp_path, capsys, BATCH, given, expect) == []
    alone = f"{{event: {a_sale(3)}}}"
    assert problems(tmp_path, capsys, BATCH, alone, "{context: {events: [{n: 3}]}}") == []


@pytest.mark.parametrize(
    ("definition", "events", "problem"),
    [
        (BATCH, [a_sale(3), a_sale(0)], "event 2: `when` does not hold: n gt 0 (found 0)"),
        (BATCH, [a_sale(3), a_sale(4, "s2")], "the events are not gathered together"),
        (BATCH, [a_sale(n) for n in (3, 4, 5)], "a batch of this trigger has at most 2 events"),
        (BATCH.replace("minItems: 1", "minItems: 2"), [a_sale(3)], "[{"),
        (BATCH.replace(":-}", "s}"), [a_sale(3)], "`key` has no value: ${events.0.shops}"),
        (
            DEBOUNCE.replace(', debounce: {key: "${shop}", for: 1m}', ""),
            [a_sale(3), a_sale(4)],
            "the trigger gathers no events; give one, as given: event",
        ),
    ],
)
def test_events_that_start_nothing_together_say_why(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    definition: str,
    events: list[str],
    problem: str,
) -> None:
    given = f"{{events: [{', '.join(events)}]}}"
    (found,) = problems(tmp_path, capsys, definition, given, "{status: completed}")
    assert found.startswith("nothing was started: ")
    assert problem in found


def test_of_debounced_events_the_last_one_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = f"{{events: [{a_sale(3)}, {a_sale(4)}]}}"
    assert problems(tmp_path, capsys, DEBOUNCE, given, "{logged: [{message: '4'}]}") == []


def test_a_schedule_starts_with_its_name_and_slot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slot = "{schedule: {name: nightly:1}, at: '2026-01-06T03:00:00Z'}"
    expect = "{logged: [{message: 'nightly:1 2026-01-06T03:00:00Z'}]}"
    assert problems(tmp_path, capsys, NIGHTLY, slot, expect) == []
    for given in ("{schedule: {}}", "{schedule: {name: nightly}}"):
        (found,) = problems(tmp_path, capsys, NIGHTLY, given, "{status: completed}")
        assert found.endswith("name one of its schedules: nightly:0, nightly:1")
    (found,) = problems(tmp_path, capsys, BATCH, "{schedule: {}}", "{status: completed}")
    assert found == "nothing was started: no trigger of the workflow has a schedule"
