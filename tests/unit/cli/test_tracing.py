"""How the path of an execution, lengths of time and outcomes are written."""

import pytest

from cli.show import text_of
from cli.tracing import length, lines_of, outcome


@pytest.mark.parametrize(
    ("milliseconds", "said"),
    [
        (0, "0 ms"),
        (999, "999 ms"),
        (1_000, "1.0 s"),
        (119_000, "119.0 s"),
        (120_000, "2 min"),
        (7_200_000, "2 h 0 min"),
        (86_399_000, "23 h 59 min"),
    ],
)
def test_a_length_is_said_as_people_say_it(milliseconds: int, said: str) -> None:
    assert length(milliseconds) == said


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ({"outcome": "approved", "decided_by": "ana"}, "approved by ana"),
        ({"outcome": "expired", "decided_by": None}, "expired"),
        ({"result": False, "explain": []}, "no"),
        ({"data": [{"id": 1}, {"id": 2}]}, '{"id": 1}, {"id": 2}'),
        (None, ""),
        ("text", "text"),
    ],
)
def test_an_outcome_is_a_few_words(output: object, said: str) -> None:
    assert outcome(output) == said


def test_a_long_outcome_is_cut() -> None:
    assert len(outcome({"reason": "x" * 500})) == 80


def step(path: str, status: str, **more: object) -> dict[str, object]:
    return {
        "step_id": path.rpartition("/")[2],
        "step_path": path,
        "step_type": "action",
        "attempt": 1,
        "status": status,
        "duration_ms": 5,
        "output": None,
        "error_message": None,
        **more,
    }


def test_steps_are_nested_and_failures_tell_why() -> None:
    trace = {
        "execution": {
            "workflow": "w",
            "version": 2,
            "execution_id": "exec_1",
            "status": "failed",
            "result": "failed",
            "duration_ms": 1_500,
            "trigger_event": "a.b",
            "started_at": None,
            "error_code": "timeout",
            "error_message": "no answer",
            "paused_reason": None,
        },
        "steps": [
            step("a", "completed"),
            step("a/b", "failed", attempt=4, error_message="no answer"),
        ],
        "not_taken": ["a/c"],
        "remaining": [],
        "approvals": [],
    }
    lines = list(lines_of(trace))
    assert lines[0] == "w v2 exec_1: failed (failed), 1.5 s"
    assert lines[2].endswith("action completed, 5 ms")
    assert lines[3].startswith("    ")
    assert lines[3].endswith("action failed (attempt 4), 5 ms: no answer")
    assert lines[4] == "    - c: not taken"
    assert lines[-1] == "timeout: no answer"


def test_cells_are_words_and_no_code() -> None:
    assert text_of(True) == "yes"
    assert text_of(["a", "b"]) == "a, b"
    assert text_of({"a": 1}) == '{"a": 1}'


def test_a_held_execution_says_who_held_it_and_how_it_goes_on() -> None:
    trace = {
        "execution": {
            "workflow": "w",
            "version": 2,
            "execution_id": "exec_1",
            "status": "paused",
            "result": None,
            "duration_ms": None,
            "trigger_event": "a.b",
            "started_at": None,
            "error_code": None,
            "error_message": None,
            "paused_reason": "hold:ops@example.com",
        },
        "steps": [],
        "not_taken": [],
        "remaining": [],
        "approvals": [],
    }
    assert list(lines_of(trace))[-1] == (
        "held by ops@example.com: sluicegate executions resume exec_1"
    )
