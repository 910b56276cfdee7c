"""Headers of records: ours must be text, others may be anything (ADR 25)."""

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
        with pytest.raises(Undecodable, match="`approved` says"):
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
