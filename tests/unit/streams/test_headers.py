"""Headers of records: ours must be text, others may be anything (ADR 25)."""

import json

import pytest

from streams.codecs import Headers, RawRecord, Undecodable, decode_answered, decode_event
from streams.messages import Decision

RAW = b"\x00\xff\xfe"
VALUE = b'{"order_id": "o-1"}'


def a_record(*headers: tuple[str, bytes | None], value: bytes = VALUE) -> RawRecord:
    own: Headers = (("ce_type", b"order.created"), ("ce_id", b"1"))
    return RawRecord("events", 0, 7, b"k", value, own + headers, 0)


# S8
@pytest.mark.parametrize("name", ["x-span", "traceparent", "tracestate", "ce_tenant", "X-Raw"])
def test_a_foreign_header_of_raw_bytes_is_passed_over(name: str) -> None:
    event = decode_event(a_record((name, RAW)), ())
    assert (event.type, event.event_id, event.traceparent) == ("order.created", "1", None)


# S8
@pytest.mark.parametrize("name", ["ce_source", "CE_Time", "content-type", "event-id"])
def test_a_header_that_tells_the_event_must_be_text_and_is_named(name: str) -> None:
    with pytest.raises(Undecodable, match=f"the header {name} is not UTF-8") as caught:
        decode_event(a_record((name, RAW)), ())
    assert caught.value.error_type == "invalid_header"


def test_a_decision_with_a_foreign_header_of_raw_bytes_is_read() -> None:
    value = b'{"request_id": "w_1", "outcome": "approve", "decided_by": "ana"}'
    said = decode_answered(a_record(("x-span", RAW), value=value))
    assert (said.decided_by, said.decision_id) == ("ana", "events:0:7")


# S8
def test_an_event_without_an_id_has_that_of_its_header_or_its_place() -> None:
    bare: Headers = (
        ("ce_specversion", b"1.0"),
        ("ce_type", b"order.created"),
        ("ce_source", b"/shop"),
    )
    named = RawRecord("events", 0, 7, b"k", VALUE, (*bare, ("event-id", b"e7")), 0)
    assert decode_event(named, ()).event_id == "e7"
    unnamed = RawRecord("events", 0, 7, b"k", VALUE, bare, 0)
    assert decode_event(unnamed, ()).event_id == "events:0:7"


# S112
@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ('"outcome": "approved", "approved": false', None),
        ('"outcome": "reject", "approved": true', None),
        ('"outcome": null, "approved": true', "approved"),
        ('"outcome": "approve", "approved": true', "approved"),
        ('"approved": false', "rejected"),
    ],
)
def test_a_decision_that_contradicts_itself_is_not_read(said: str, outcome: str | None) -> None:
    record = a_record(value=f'{{"request_id": "w_1", "decided_by": "ana", {said}}}'.encode())
    if outcome is None:
        with pytest.raises(Undecodable, match="the record: `outcome` says"):
            decode_answered(record)
        return
    decision = decode_answered(record)
    assert isinstance(decision, Decision)
    assert decision.outcome == outcome


@pytest.mark.parametrize("until", ["1969-12-31T00:00:00Z", "1970-01-01T00:00:00Z"])
def test_a_period_that_is_over_is_not_granted(until: str) -> None:
    value = f'{{"kind": "delegate", "decided_by": "ana", "to": ["bo"], "until": "{until}"}}'
    with pytest.raises(Undecodable, match="a period that is over"):
        decode_answered(a_record(value=value.encode()))


PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def an_envelope(**more: object) -> RawRecord:
    """Return a record in structured mode, its media type in other letters than ours."""
    envelope = {"specversion": "1.0", "id": "1", "source": "/s", "type": "order.created", **more}
    headers: Headers = (("content-type", b"Application/CloudEvents+JSON; charset=UTF-8"),)
    return RawRecord("events", 0, 7, b"k", json.dumps(envelope).encode(), headers, 0)


# S8
def test_the_case_of_a_media_type_means_nothing() -> None:
    event = decode_event(an_envelope(data={"order_id": "o-1"}), ("type",))
    assert (event.event_id, event.payload) == ("1", {"order_id": "o-1"})
    signed = a_record(("Content-Type", b"Application/JWT"), value=b"{}")
    with pytest.raises(Undecodable, match="signed decisions are not enabled"):
        decode_answered(signed)


# S8
@pytest.mark.parametrize("encoded", ["!!", "\u00e9", "e30"])
def test_data_that_is_no_base64_is_refused(encoded: str) -> None:
    with pytest.raises(Undecodable, match="data_base64 is not Base64"):
        decode_event(an_envelope(data_base64=encoded), ())


def test_encoded_data_that_is_null_is_none_and_must_be_text_otherwise() -> None:
    assert decode_event(an_envelope(data={"a": 1}, data_base64=None), ()).payload == {"a": 1}
    with pytest.raises(Undecodable, match="attribute data_base64 is no text"):
        decode_event(an_envelope(data_base64=7), ())


@pytest.mark.parametrize("depth", ["\u00b2", "\u0663", "-1", "1.5", ""])
def test_a_depth_that_is_no_number_counts_as_none(depth: str) -> None:
    assert decode_event(a_record(("ce_hops", depth.encode())), ()).hops == 0


@pytest.mark.parametrize("kind", [["comment"], {"a": 1}, 7])
def test_a_kind_of_decision_that_is_no_text_is_refused(kind: object) -> None:
    value = json.dumps({"kind": kind, "request_id": "w_1", "decided_by": "ana"}).encode()
    with pytest.raises(Undecodable, match="unknown_kind"):
        decode_answered(a_record(value=value))


@pytest.mark.parametrize(
    "parent",
    [
        "00",
        PARENT.upper(),
        PARENT.replace("00-", "ff-"),
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01",
        f"{PARENT}-more",
        f"{PARENT}\x00",
        "\u2603",
    ],
)
def test_a_malformed_traceparent_is_none_and_takes_its_state_along(parent: str) -> None:
    traced = a_record(("traceparent", parent.encode()), ("tracestate", b"a=b"))
    event = decode_event(traced, ())
    assert (event.traceparent, event.tracestate) == (None, None)


@pytest.mark.parametrize("parent", [PARENT, PARENT.replace("00-", "01-", 1) + "-more"])
@pytest.mark.parametrize(("state", "kept"), [("a=b", "a=b"), ("a=\x00", None), ("x" * 5000, None)])
def test_a_traceparent_is_kept_with_a_state_that_can_be(
    parent: str, state: str, kept: str | None
) -> None:
    traced = a_record(("traceparent", parent.encode()), ("tracestate", state.encode()))
    event = decode_event(traced, ())
    assert (event.traceparent, event.tracestate) == (parent, kept)


@pytest.mark.parametrize(
    ("name", "text"), [("ce_id", "\u2603" * 334), ("ce_source", "\u2603" * 334), ("ce_id", "a\x00")]
)
def test_an_id_that_no_index_holds_is_refused(name: str, text: str) -> None:
    with pytest.raises(Undecodable, match="longer than 1000 bytes or holds NUL"):
        decode_event(a_record((name, text.encode())), ())


def test_a_subject_with_a_nul_is_refused() -> None:
    with pytest.raises(Undecodable, match="the subject contains NUL"):
        decode_event(a_record(("ce_subject", b"a\x00b")), ())
