"""Bounds of what comes in, each at its limit and one beyond (security.md, Bounds).

Those of a definition stand in tests/unit/engine/loading/test_bounds.py, those of an execution in
tests/unit/engine/test_bounds.py, those that need a broker in tests/integration/test_bounds.py.
"""

import json
from collections.abc import Callable

import pytest

from streams.codecs import (
    MAX_COMMAND_BYTES,
    Headers,
    RawRecord,
    decode_answered,
    decode_command,
    decode_event,
    encode,
)
from streams.json_check import Undecodable, read_json

ANY = 10 * 1024 * 1024


def a_record(value: bytes, headers: Headers = ()) -> RawRecord:
    """Return a record of an event topic."""
    return RawRecord("orders", 0, 7, b"k", value, headers, 1_772_442_000_000)


def padded(value: dict[str, object], size: int) -> bytes:
    """Return JSON of exactly this size, none of whose texts is too long."""
    plain = json.dumps({**value, "a": "", "b": "", "c": ""}).encode()
    left = size - len(plain)
    parts = [min(left, 120_000), min(max(left - 120_000, 0), 120_000), max(left - 240_000, 0)]
    texts = {name: "x" * length for name, length in zip("abc", parts, strict=True)}
    data = json.dumps({**value, **texts}).encode()
    assert len(data) == size
    return data


def an_event(size: int) -> None:
    decode_event(a_record(padded({"type": "order.created"}, size)), ("type",))


def a_decision(size: int) -> None:
    decision: dict[str, object] = {
        "execution_id": "exec_" + "0" * 32,
        "request_id": "w_" + "0" * 32,
        "outcome": "approved",
        "decided_by": "ana",
    }
    plain = json.dumps({**decision, "form": {"x": ""}})
    decision["form"] = {"x": "x" * (size - len(plain))}
    decode_answered(a_record(json.dumps(decision).encode()))


def a_command(size: int) -> None:
    command = {"kind": "start", "workflow": "w", "by": "ana"}
    plain = json.dumps({**command, "data": {"payload": {"a": "", "b": "", "c": ""}}})
    left = size - len(plain)
    texts = {"a": "x" * 110_000, "b": "x" * 110_000, "c": "x" * (left - 220_000)}
    value = json.dumps({**command, "data": {"payload": texts}}).encode()
    assert len(value) == size
    decode_command(a_record(value))


def depth(number: int) -> None:
    read_json(b'{"a":' * (number - 1) + b"[]" + b"}" * (number - 1), ANY)


def depth_of_lists(number: int) -> None:
    read_json(b"[" * number + b"]" * number, ANY)


def keys(number: int) -> None:
    read_json(json.dumps({f"k{n}": n for n in range(number)}).encode(), ANY)


def keys_of_many_objects(number: int) -> None:
    objects = [{f"k{n}": n for n in range(100)} for _ in range(number // 100)]
    read_json(json.dumps([*objects, {f"k{n}": n for n in range(number % 100)}]).encode(), ANY)


def text_length(length: int) -> None:
    read_json(json.dumps({"a": "x" * length}).encode(), ANY)


def text_length_in_a_list(length: int) -> None:
    read_json(json.dumps(["x" * length]).encode(), ANY)


def integer(value: int) -> None:
    read_json(json.dumps({"a": value}).encode(), ANY)


def negative_integer(value: int) -> None:
    read_json(json.dumps({"a": -value}).encode(), ANY)


def type_length(length: int) -> None:
    decode_event(a_record(json.dumps({"type": "x" * length}).encode()), ("type",))


def id_length(length: int) -> None:
    decode_event(a_record(b'{"type": "t"}', (("ce_id", b"x" * length),)), ("type",))


def id_length_of_a_decision(length: int) -> None:
    decision = {
        "execution_id": "exec_" + "0" * 32,
        "request_id": "w_" + "0" * 32,
        "outcome": "approved",
        "decided_by": "ana",
    }
    headers = (("event-id", b"x" * length),)
    decode_answered(a_record(json.dumps(decision).encode(), headers))


# S8
# F17
@pytest.mark.parametrize(
    ("take", "limit", "error_type"),
    [
        (an_event, 256 * 1024, "too_large"),
        (a_decision, 64 * 1024, "too_large"),
        (a_command, MAX_COMMAND_BYTES, "too_large"),
        (depth, 32, "too_deep"),
        (depth_of_lists, 32, "too_deep"),
        (keys, 10_000, "too_many_keys"),
        (keys_of_many_objects, 10_000, "too_many_keys"),
        (text_length, 128 * 1024, "string_too_long"),
        (text_length_in_a_list, 128 * 1024, "string_too_long"),
        (integer, 2**53, "integer_too_large"),
        (negative_integer, 2**53, "integer_too_large"),
        (type_length, 255, "invalid_type"),
        (id_length, 1000, "invalid_id"),
        (id_length_of_a_decision, 255, "invalid_decision"),
    ],
)
def test_the_limit_is_taken_and_one_more_is_refused(
    take: Callable[[int], None], limit: int, error_type: str
) -> None:
    take(limit)
    with pytest.raises(Undecodable) as refused:
        take(limit + 1)
    assert refused.value.error_type == error_type


# F17
def test_what_is_too_large_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(Undecodable) as refused:
        read_json(b"{" * 300, 299)
    assert refused.value.error_type == "too_large"


# F17
def test_what_we_produce_keeps_the_limits_of_what_we_take() -> None:
    value = {"a": "x" * 100}
    data = encode(value, 108)
    assert len(data) == 108
    with pytest.raises(Undecodable):
        encode(value, 107)


@pytest.mark.parametrize(
    "period",
    [
        {"from": "9999-12-31T00:00:00Z"},
        {"from": "0001-01-01T00:00:00+14:00"},
        {"until": "9999-12-31T23:59:59-12:00"},
    ],
)
def test_a_delegation_at_the_end_of_the_calendar_is_refused(period: dict[str, str]) -> None:
    grant = {"kind": "delegate", "decided_by": "ana", "to": "bob", **period}
    with pytest.raises(Undecodable, match=r"Input should be (less|greater) than or equal to"):
        decode_answered(a_record(json.dumps(grant).encode()))


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_command_at_the_end_of_the_calendar_is_refused(at: str) -> None:
    command = {"kind": "start", "workflow": "w", "by": "ana", "at": at}
    with pytest.raises(Undecodable, match=r"at: Input should be (less|greater) than or equal to"):
        decode_command(a_record(json.dumps(command).encode()))
