"""Operations from the command line: what is produced, refused, printed, and the exit codes."""

import json
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from engine.ids import parse_execution_id, public_id
from streams.messages import Command, started_id
from tests.integration.seeds import EXECUTION, a_request, an_execution, answer, answer_decision
from tests.world import Seen, World

NOBODY = f"exec_{'0' * 32}"
HELD = ("paused", "hold:ops")


def sent_about(world: World, topic: str, key: str) -> Seen:
    return world.wait_for(
        lambda r: r.topic == world.topic(topic) and r.key == key, f"{topic} {key}"
    )


def answered(
    world: World, arguments: tuple[str, ...], act: Callable[[], None]
) -> subprocess.CompletedProcess[str]:
    """Run a command that waits, and play the consuming side meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(world.command, *arguments)
        act()
        return running.result()


# S203
@pytest.mark.parametrize(
    ("arguments", "state", "data"),
    [
        (("hold",), ("running",), {}),
        (
            ("resume", "--data", '{"a": 1}', "--step", "manager"),
            HELD,
            {"resume_data": {"a": 1}, "from_step": "manager"},
        ),
        (("cancel", "--compensate"), ("running",), {"compensate": True}),
        (("retry", "--step", "accept"), ("failed",), {"from_step": "accept"}),
        (("skip", "--step", "accept"), ("failed",), {"step": "accept"}),
    ],
)
def test_a_command_is_produced_with_who_and_why(
    quiet: World, arguments: tuple[str, ...], state: tuple[Any, ...], data: dict[str, Any]
) -> None:
    execution = an_execution(quiet, uuid4().hex, *state)
    kind, *options = arguments
    who = ("--by", "ops", "--reason", "looked at it", "--no-wait")
    done = quiet.command("executions", kind, execution, *options, *who)
    assert done.returncode == 0, done.stderr
    record = sent_about(quiet, "commands", execution)
    command = Command.model_validate(record.value)
    assert done.stdout == f"{command.command_id}\n"
    assert (command.kind, command.data) == (kind, data)
    assert (command.by, command.reason) == ("ops", "looked at it")
    assert command.workflow == "order-approval"


def test_a_rerun_prints_the_execution_to_come(quiet: World) -> None:
    execution = an_execution(quiet, uuid4().hex, "blocked")
    done = quiet.command("executions", "rerun", execution, "--no-wait")
    command = Command.model_validate(sent_about(quiet, "commands", execution).value)
    assert done.stdout == f"{public_id(started_id(command))}\n"


# S93
@pytest.mark.parametrize(
    ("code", "exit_code", "printed"),
    [
        (None, 0, "applied: held by ops"),
        ("already_held", 1, "refused (already_held): held by ops"),
        ("unknown", 3, "refused (unknown): held by ops"),
    ],
)
def test_a_command_waits_for_its_receipt_and_exits_by_it(
    quiet: World, code: str | None, exit_code: int, printed: str
) -> None:
    execution = an_execution(quiet, uuid4().hex)

    def act() -> None:
        sent = sent_about(quiet, "commands", execution)
        answer(quiet, sent, code=code, message="held by ops", execution=None)

    done = answered(quiet, ("executions", "hold", execution), act)
    assert done.returncode == exit_code
    assert printed in done.stdout + done.stderr


def test_a_receipt_is_printed_as_json(quiet: World) -> None:
    execution = an_execution(quiet, uuid4().hex)

    def act() -> None:
        sent = sent_about(quiet, "commands", execution)
        answer(quiet, sent, code="busy", message="no", execution=None)

    done = answered(quiet, ("executions", "cancel", execution, "--json"), act)
    assert (done.returncode, json.loads(done.stdout)["code"]) == (1, "busy")


# S94
@pytest.mark.parametrize(
    ("kind", "state", "code"),
    [
        ("resume", ("running",), "not_paused"),
        ("resume", ("paused", "approval:w_1", ("approval",)), "waits_for_approval"),
        ("hold", HELD, "already_held"),
        ("cancel", ("completed",), "execution_finished"),
        ("retry", ("blocked",), "not_failed"),
    ],
)
def test_what_the_database_already_tells_is_refused_at_once(
    quiet: World, kind: str, state: tuple[Any, ...], code: str
) -> None:
    execution = an_execution(quiet, uuid4().hex, *state)
    done = quiet.command("executions", kind, execution)
    assert done.returncode == 1
    assert f"refused ({code})" in done.stderr
    as_json = quiet.command("executions", kind, execution, "--json")
    assert (as_json.returncode, json.loads(as_json.stdout)["code"]) == (1, code)


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (("executions", "hold", NOBODY), 3),
        (("executions", "rerun", "nonsense"), 3),
        (("trigger", "nobody"), 3),
        (("trigger", "order-approval", "--data", '{"order_id": "o-1"}'), 1),
        (("trigger", "order-approval", "--data", "[1]"), 2),
        (("approvals", "claim", f"w_{'0' * 32}"), 3),
        (("approvals", "reassign", f"w_{'0' * 32}"), 2),
        (("approvals", "delegate", "bo", "--until", "tomorrow"), 2),
        (("workflows", "show", "nobody"), 3),
        (("workflows", "versions", "nobody"), 3),
        (("dead-letters", "show", "999999999"), 3),
        (("dead-letters", "discard", "999999999"), 3),
    ],
)
def test_exit_codes_tell_what_is_wrong(
    quiet: World, arguments: tuple[str, ...], exit_code: int
) -> None:
    done = quiet.command(*arguments)
    assert done.returncode == exit_code, done.stderr
    assert done.stderr.startswith("sluicegate: ")


def test_an_unreachable_broker_is_named_before_anything_is_sent(quiet: World) -> None:
    execution = an_execution(quiet, uuid4().hex)
    done = quiet.command("executions", "hold", execution, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert done.returncode == 4
    assert "127.0.0.1:1" in done.stderr


def an_order() -> dict[str, object]:
    order = {"order_id": uuid4().hex, "customer_id": "c-77", "total": 20}
    return {**order, "currency": "EUR", "country": "DE"}


# S9
def test_a_start_is_produced_and_its_execution_printed(quiet: World) -> None:
    order = an_order()
    done = quiet.command("trigger", "order-approval", "--data", json.dumps(order), "--match")
    record = sent_about(quiet, "commands", str(order["order_id"]))
    command = Command.model_validate(record.value)
    assert (done.returncode, done.stdout) == (0, f"{public_id(started_id(command))}\n")
    assert command.data == {"payload": order, "match": True}


# S23
@pytest.mark.parametrize(
    ("status", "result", "exit_code", "printed"),
    [
        ("completed", "allowed", 0, "completed (allowed)"),
        ("blocked", "blocked", 1, "blocked (blocked)"),
        ("paused", None, 0, "paused (approval:w)"),
    ],
)
def test_a_waiting_start_prints_how_it_ended(
    quiet: World, status: str, result: str | None, exit_code: int, printed: str
) -> None:
    order = an_order()

    def act() -> None:
        sent = sent_about(quiet, "commands", str(order["order_id"]))
        row_id = started_id(Command.model_validate(sent.value))
        answer(quiet, sent, code=None, message="started", execution=row_id)
        reason = "approval:w" if status == "paused" else None
        row = {"id": row_id, "status": status, "result": result, "reason": reason}
        with psycopg.connect(quiet.database_url) as connection:
            connection.execute(
                EXECUTION, {**row, "ended": reason is None, "metadata": "{}", "labels": "{}"}
            )

    arguments = ("trigger", "order-approval", "--data", json.dumps(order), "--wait")
    done = answered(quiet, arguments, act)
    assert (done.returncode, printed in done.stdout) == (exit_code, True), done.stderr


# S204
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("claim",), {"kind": "claim", "reason": None}),
        (
            ("reassign", "--to", "bo", "--to", "cy", "--role", "finance", "--reason", "away"),
            {"kind": "reassign", "to": ["bo", "cy"], "roles": ["finance"], "reason": "away"},
        ),
        (("comment", "looks odd"), {"kind": "comment", "reason": "looks odd"}),
    ],
)
def test_a_note_about_a_request_is_produced(
    quiet: World, arguments: tuple[str, ...], said: dict[str, Any]
) -> None:
    request = a_request(quiet, uuid4().hex)
    verb, *rest = arguments
    done = quiet.command("approvals", verb, request, *rest, "--by", "ana", "--no-wait")
    assert done.returncode == 0, done.stderr
    id = done.stdout.strip()
    topic = quiet.topic("decisions")
    record = quiet.wait_for(lambda r: r.topic == topic and r.value["decision_id"] == id)
    about = {"decision_id": id, "execution_id": record.key, "request_id": request}
    assert record.value == {**about, "decided_by": "ana", **said}
    assert parse_execution_id(str(record.key)) is not None


def test_a_delegation_is_produced_and_waits_for_its_receipt(quiet: World) -> None:
    who = f"ana-{uuid4().hex[:6]}"

    def act() -> None:
        answer_decision(quiet, sent_about(quiet, "decisions", who).value)

    until = "2027-01-02T00:00:00+01:00"
    done = answered(quiet, ("approvals", "delegate", "bo", "--until", until, "--by", who), act)
    assert (done.returncode, done.stdout) == (0, "applied: done\n"), done.stderr
    value = sent_about(quiet, "decisions", who).value
    assert (value["kind"], value["to"], value["from"]) == ("delegate", ["bo"], None)
    assert value["until"].startswith("2027-01-0")


def test_a_closed_request_cannot_be_claimed(quiet: World) -> None:
    request = a_request(quiet, uuid4().hex, "approved")
    done = quiet.command("approvals", "claim", request)
    assert (done.returncode, "already_decided" in done.stderr) == (1, True)


# S205
def test_definitions_and_waits_are_listed_and_shown(quiet: World) -> None:
    listed = json.loads(quiet.command("workflows", "list", "--json").stdout)["items"]
    assert {item["name"] for item in listed} >= {"order-approval"}
    text = quiet.command("workflows", "show", "order-approval").stdout
    assert text == (quiet.definitions / "order-approval.yaml").read_text()
    assert quiet.command("workflows", "show", "order-approval", "--version", "999").returncode == 3
    versions = json.loads(quiet.command("workflows", "versions", "order-approval", "--json").stdout)
    assert versions["items"][-1]["version"] == 1
    run = an_execution(quiet, uuid4().hex, "paused", "timer:w", ("timer",))
    waits = quiet.command("waits", "list", "--kind", "timer", "--json", "--limit", "200")
    assert run in [item["execution_id"] for item in json.loads(waits.stdout)["items"]]
    found = quiet.command("executions", "list", "--waiting-on", "timer", "--json")
    assert run in [item["execution_id"] for item in json.loads(found.stdout)["items"]]
