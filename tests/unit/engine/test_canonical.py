"""Canonical JSON by RFC 8785, its appendix B for numbers."""

import math
import struct

import pytest

from engine.canonical import canonical_json, request_hash


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1e21, "1e+21"),
        (1e-7, "1e-7"),
        (0.000001, "0.000001"),
        (4.5, "4.5"),
        (2e-3, "0.002"),
        (1e30, "1e+30"),
        (-0.0, "0"),
        (0.0, "0"),
        (333333333.33333329, "333333333.3333333"),
        (1.0, "1"),
        (-1.5e300, "-1.5e+300"),
        (123.456e-9, "1.23456e-7"),
        (-1.25e-5, "-0.0000125"),
        (1e20, "100000000000000000000"),
        (0, "0"),
        (-17, "-17"),
        (9007199254740991, "9007199254740991"),
    ],
)
def test_a_number_is_written_as_ecmascript_writes_it(value: float, expected: str) -> None:
    assert canonical_json([value]) == f"[{expected}]".encode()


@pytest.mark.parametrize(
    ("bits", "expected"),
    [
        ("0000000000000000", "0"),
        ("8000000000000000", "0"),
        ("0000000000000001", "5e-324"),
        ("8000000000000001", "-5e-324"),
        ("7fefffffffffffff", "1.7976931348623157e+308"),
        ("ffefffffffffffff", "-1.7976931348623157e+308"),
        ("4340000000000000", "9007199254740992"),
        ("c340000000000000", "-9007199254740992"),
        ("4430000000000000", "295147905179352830000"),
        ("44b52d02c7e14af5", "9.999999999999997e+22"),
        ("44b52d02c7e14af6", "1e+23"),
        ("44b52d02c7e14af7", "1.0000000000000001e+23"),
        ("444b1ae4d6e2ef4e", "999999999999999700000"),
        ("444b1ae4d6e2ef4f", "999999999999999900000"),
        ("444b1ae4d6e2ef50", "1e+21"),
        ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
        ("3eb0c6f7a0b5ed8d", "0.000001"),
        ("41b3de4355555553", "333333333.3333332"),
        ("41b3de4355555554", "333333333.33333325"),
        ("41b3de4355555555", "333333333.3333333"),
        ("41b3de4355555556", "333333333.3333334"),
        ("41b3de4355555557", "333333333.33333343"),
        ("becbf647612f3696", "-0.0000033333333333333333"),
        ("43143ff3c1cb0959", "1424953923781206.2"),
    ],
)
def test_the_numbers_of_appendix_b_come_out_as_printed_there(bits: str, expected: str) -> None:
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_json(value).decode() == expected


def test_keys_are_ordered_by_utf_16() -> None:
    keys = ["\ufb33", "\U0001f600", "\u00f6", "\u0080", "\r", "1", "\u20ac", "a", "B"]
    text = canonical_json(dict.fromkeys(keys)).decode()
    ordered = ["\\r", "1", "B", "a", "\u0080", "\u00f6", "\u20ac", "\U0001f600", "\ufb33"]
    assert text == "{" + ",".join(f'"{key}":null' for key in ordered) + "}"


def test_texts_escape_only_what_json_must() -> None:
    value = "\u20ac$\u000f\nA'\u0042\u0022\u005c\\\"/\u007f\u2028"
    expected = '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/\u007f\u2028"'
    assert canonical_json(value).decode() == expected
    assert canonical_json({"é": value}).decode() == f'{{"é":{expected}}}'


def test_nested_values_have_neither_space_nor_order_of_their_own() -> None:
    value = {"b": [1, 2.0, {"y": None, "x": True}], "a": {}, "c": [], "": ""}
    expected = b'{"":"","a":{},"b":[1,2,{"x":true,"y":null}],"c":[]}'
    assert canonical_json(value) == expected


def test_plain_and_general_writing_agree() -> None:
    plain = {"b": [1, {"y": None, "x": True}], "a": {"k": "\u00e9\t"}}
    general = {**plain, "z": 1.5}
    without = canonical_json(general).decode().replace(',"z":1.5', "")
    assert canonical_json(plain).decode() == without


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, {1, 2}, b"x", [object()]])
def test_what_has_no_json_form_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="JSON form"):
        canonical_json(value)


def test_the_hash_is_that_of_the_canonical_text() -> None:
    assert request_hash({}).startswith("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e83")
    assert request_hash({"a": 1.0, "b": 2}) == request_hash({"b": 2, "a": 1})
    assert request_hash({"a": 1}) != request_hash({"a": "1"})
