"""What can be refused before it is produced, and how records about requests look."""

from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from streams.issuing import (
    HTTP_STATUS,
    decision_record,
    delegation,
    key_of_start,
    new_command,
    note,
    refusal,
    refusal_of_note,
    refusal_of_start,
)
from streams.messages import CommandKind
from tests.builders import a_definition

ENDED = ("completed", "blocked", "cancelled", "failed")


def a_target(status: str, reason: str | None = None, *waits: str) -> dict[str, Any]:
    return {"status": status, "paused_reason": reason, "open_waits": list(waits)}


def code(kind: CommandKind, target: dict[str, Any]) -> str | None:
    found = refusal(kind, target)
    return None if found is None else found.code


@pytest.mark.parametrize("status", ["pending", "running", "paused"])
def test_an_unfinished_execution_can_be_held_cancelled_and_rerun(status: str) -> None:
    assert code("hold", a_target(status)) is None
    assert code("cancel", a_target(status)) is None
    assert code("rerun", a_target(status)) is None


@pytest.mark.parametrize("status", ENDED)
def test_a_finished_execution_can_only_be_run_again(status: str) -> None:
    kinds: tuple[CommandKind, ...] = ("hold", "resume", "cancel")
    for kind in kinds:
        assert code(kind, a_target(status)) == "execution_finished"
    assert code("rerun", a_target(status)) is None


def test_only_a_failed_execution_is_retried() -> None:
    assert code("retry", a_target("failed")) is None
    assert code("skip", a_target("failed")) is None
    for status in ("pending", "running", "paused", "completed", "blocked", "cancelled"):
        assert code("retry", a_target(status)) == "not_failed"
    assert code("skip", a_target("completed")) == "execution_finished"


def test_an_execution_is_held_once() -> None:
    assert code("hold", a_target("paused", "hold:ops")) == "already_held"
    assert code("hold", a_target("paused", "event:w_1", "event")) is None


# S94
@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        (a_target("running"), "not_paused"),
        (a_target("pending"), "not_paused"),
        (a_target("paused", "approval:w_1", "approval"), "waits_for_approval"),
        (a_target("paused", "approval:w_1", "approval", "event"), None),
        (a_target("paused", "event:w_1", "event"), None),
        (a_target("paused", "timer:w_1", "timer"), None),
        (a_target("paused", "hold:ops", "approval"), None),
        (a_target("paused", "hold:ops"), None),
    ],
)
def test_what_is_not_paused_or_waits_for_an_approval_is_not_resumed(
    target: dict[str, Any], wanted: str | None
) -> None:
    assert code("resume", target) == wanted


def test_a_payload_against_the_input_schema_is_refused_at_once() -> None:
    definition = a_definition("""
        input: {required: [a]}
        steps: [{id: x, allow: {}}]
    """)
    found = refusal_of_start(definition, {"b": 1})
    assert found is not None
    assert (found.code, HTTP_STATUS[found.code]) == ("invalid_input", 422)
    assert "test: " in found.message
    assert refusal_of_start(definition, {"a": 1}) is None


def test_a_start_has_the_key_of_its_trigger() -> None:
    keyed = a_definition("""
        trigger: {event: thing.made, key: "${order.id}"}
        steps: [{id: x, allow: {}}]
    """)
    assert key_of_start(keyed, {"order": {"id": 7}}, "c1") == "7"
    assert key_of_start(keyed, {}, "c1") is None
    plain = a_definition("steps: [{id: x, allow: {}}]")
    assert key_of_start(plain, {"order": {"id": 7}}, "c1") is None


def test_a_new_command_carries_milliseconds_and_no_more() -> None:
    command = new_command("start", "c1", "ops", workflow="w", data={"payload": {"a": 1}})
    assert command.at.microsecond % 1000 == 0
    assert abs((datetime.now(UTC) - command.at).total_seconds()) < 5
    assert set(get_args(CommandKind)) >= {"start", "rerun"}


@pytest.mark.parametrize(
    ("kind", "status", "wanted"),
    [
        ("claim", "pending", None),
        ("claim", "approved", "already_decided"),
        ("reassign", "expired", "expired"),
        ("reassign", "cancelled", "cancelled"),
        ("comment", "rejected", None),
    ],
)
def test_a_closed_request_takes_comments_only(kind: str, status: str, wanted: str | None) -> None:
    found = refusal_of_note(kind, {"status": status, "outcome": None})
    assert (None if found is None else found.code) == wanted


def test_records_about_requests_are_keyed_by_execution_else_by_their_author() -> None:
    record = {"execution_id": "exec_1", "wait_id": "w_1"}
    said = note("claim", "d1", record, "ana", reason=None)
    assert said == {
        "decision_id": "d1",
        "kind": "claim",
        "execution_id": "exec_1",
        "request_id": "w_1",
        "decided_by": "ana",
        "reason": None,
    }
    assert decision_record("t", said, "exec_1").key == "exec_1"
    until = datetime(2026, 3, 2, tzinfo=UTC)
    given = delegation("d2", "ana", "bo", None, until, "holiday")
    assert (given["to"], given["from"], given["until"]) == (["bo"], None, until.isoformat())
    assert "request_id" not in given
    assert decision_record("t", given, None).key == "ana"
