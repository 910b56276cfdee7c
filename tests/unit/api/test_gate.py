"""The one answer of several executions (requirements.md D29), and the ids of keyed calls."""

from typing import Any

import pytest

from api.events import gate
from api.parts import KEYED_SECONDS, id_for, patience


def an_answer(*statuses: str, rejected: tuple[str, ...] = ()) -> dict[str, Any]:
    runs = [{"status": status} for status in statuses]
    return {"event_id": "e1", "executions": runs, "rejected": list(rejected)}


# S103
@pytest.mark.parametrize(
    ("answers", "wanted"),
    [
        ([an_answer()], "allowed"),
        ([an_answer("completed", "completed")], "allowed"),
        ([an_answer("completed", "paused")], "paused"),
        ([an_answer("paused", "blocked")], "blocked"),
        ([an_answer("paused", "failed")], "blocked"),
        ([an_answer("completed", "cancelled")], "blocked"),
        ([an_answer("completed"), an_answer("paused")], "paused"),
        ([an_answer("completed"), an_answer("paused"), an_answer("failed")], "blocked"),
        ([an_answer("completed", rejected=("w: a is missing",))], "blocked"),
    ],
)
def test_the_gate_opens_only_if_no_execution_objects(
    answers: list[dict[str, Any]], wanted: str
) -> None:
    assert gate(answers) == wanted


def test_a_key_gives_the_same_id_for_the_same_purpose_only() -> None:
    assert id_for("k", "hold", "e1") == id_for("k", "hold", "e1")
    assert id_for("k", "hold", "e1") != id_for("k", "cancel", "e1")
    assert id_for("k", "hold", "e1") != id_for("k", "hold", "e2")
    assert id_for(None, "hold", "e1") != id_for(None, "hold", "e1")


def test_a_call_with_a_key_waits_for_its_receipt() -> None:
    assert patience(0, None) == 0
    assert patience(0, "k") == KEYED_SECONDS
    assert patience(20, "k") == 20
