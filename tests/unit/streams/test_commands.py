"""Commands on the wire: what is taken, what is refused, and the ids that they give."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.ids import execution_id, public_id
from streams.codecs import RawRecord, Undecodable, decode_command, encode, encode_command
from streams.messages import Command, started_id

ROW = "01994a6e-7a00-7123-89ab-0123456789ab"
PUBLIC = "exec_01994a6e7a00712389ab0123456789ab"
AT = datetime(2026, 3, 2, 9, 0, 0, 123_000, UTC)
AT_MS = 1_772_442_000_123


def a_record(value: object) -> RawRecord:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return RawRecord("sluicegate.commands", 3, 7, b"k", data, (), AT_MS)


def a_value(**more: Any) -> dict[str, Any]:
    return {
        "command_id": "c1",
        "kind": "hold",
        "execution_id": PUBLIC,
        "workflow": None,
        "data": {},
        "by": "ops",
        "reason": None,
        "at": AT.isoformat(),
        **more,
    }


def a_start(**more: Any) -> Command:
    return Command.model_validate(a_value(kind="start", execution_id=None, workflow="w", **more))


def error_of(value: object) -> str:
    with pytest.raises(Undecodable) as caught:
        decode_command(a_record(value))
    return str(caught.value)


def test_a_command_reads_back_as_it_was_written() -> None:
    command = Command.model_validate(a_value(kind="cancel", data={"compensate": True}))
    sent = encode_command(command, "sluicegate.commands")
    assert isinstance(sent.value, bytes)
    assert decode_command(a_record(sent.value)) == command
    assert sent.key == json.loads(sent.value)["execution_id"] == PUBLIC


def test_a_start_is_keyed_by_its_trigger_key_else_by_its_own_id() -> None:
    assert encode_command(a_start(), "t", "order-7").key == "order-7"
    assert encode_command(a_start(), "t").key == "c1"


def test_an_execution_is_named_by_its_public_id_or_its_uuid() -> None:
    assert decode_command(a_record(a_value())).execution_id == ROW
    assert decode_command(a_record(a_value(execution_id=ROW))).execution_id == ROW


def test_what_may_be_left_out_is_filled_in() -> None:
    value = a_value()
    for name in ("command_id", "at", "data", "reason", "workflow"):
        del value[name]
    command = decode_command(a_record(value))
    assert command.command_id == "sluicegate.commands:3:7"
    assert command.at == AT


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("hold", {}),
        ("rerun", {}),
        ("resume", {"resume_data": {}, "from_step": None}),
        ("cancel", {"compensate": False}),
        ("retry", {"from_step": None}),
        ("skip", {"step": None}),
    ],
)
def test_each_kind_carries_its_own_data_with_defaults(kind: str, data: dict[str, object]) -> None:
    assert decode_command(a_record(a_value(kind=kind))).data == data


def test_a_start_carries_its_payload_and_whether_conditions_must_hold() -> None:
    assert a_start().data == {"payload": {}, "match": False}
    assert a_start(data={"payload": {"a": 1}}).data == {"payload": {"a": 1}, "match": False}


@pytest.mark.parametrize(
    "data", [{"order_id": "o-1", "total": 3}, {"payload": "text"}, {"match": True, "total": 3}]
)
def test_other_data_of_a_start_are_its_payload(data: dict[str, Any]) -> None:
    assert a_start(data=data).data == {"payload": data, "match": False}


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"kind": "pause"}, "kind"),
        ({"kind": None}, "kind"),
        ({"execution_id": "order-7"}, "execution_id"),
        ({"execution_id": None}, "name the execution_id"),
        ({"kind": "start"}, "name the workflow"),
        ({"by": ""}, "by"),
        ({"by": None}, "by"),
        ({"by": "x" * 256}, "by"),
        ({"reason": "x" * 2_001}, "reason"),
        ({"command_id": "x" * 256}, "command_id"),
        ({"at": "2026-03-02T09:00:00"}, "at"),
        ({"data": [1]}, "data"),
        ({"data": {"compensate": True}}, "compensate"),
        ({"kind": "cancel", "data": {"compensate": "yes"}}, "compensate"),
        ({"kind": "resume", "data": {"resume_data": 1}}, "resume_data"),
        ({"kind": "resume", "data": {"resume": {}}}, "resume"),
        ({"kind": "skip", "data": {"step": ""}}, "step"),
    ],
)
def test_a_command_that_does_not_fit_is_refused_and_its_field_named(
    more: dict[str, object], named: str
) -> None:
    problem = error_of(a_value(**more))
    assert problem.startswith("invalid_command: ")
    assert named in problem


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (b"{", "invalid_json"),
        (b"[]", "payload_not_an_object"),
        (b'{"a": "\\u0000"}', "nul_character"),
        (b" " * 400_000, "too_large"),
    ],
)
def test_bytes_that_are_no_command_are_refused(value: bytes, kind: str) -> None:
    assert error_of(value).startswith(kind)


@pytest.mark.parametrize(
    "value",
    [{"a": "\x00"}, {"a": "\ud800"}, {"a": 2**70}, {"a": 2**60}, {"a": "x" * 200_000}],
)
def test_what_our_decoders_refuse_is_not_written_either(value: object) -> None:
    with pytest.raises(Undecodable):
        encode(value, 1_000_000)


def test_a_start_gives_its_execution_the_id_of_workflow_command_and_time() -> None:
    wanted = execution_id("w", "/sluicegate/commands", "c1", AT_MS)
    assert started_id(a_start()) == wanted
    assert public_id(wanted).startswith(f"exec_{AT_MS:012x}")
    assert started_id(a_start(command_id="c2")) != wanted


def test_a_rerun_gives_an_id_of_the_old_executions_workflow() -> None:
    rerun = Command.model_validate(a_value(kind="rerun"))
    assert started_id(rerun, "w") == started_id(a_start())
    named = Command.model_validate(a_value(kind="rerun", workflow="w"))
    assert started_id(named) == started_id(a_start())
    with pytest.raises(ValueError, match="names no workflow"):
        started_id(rerun)
