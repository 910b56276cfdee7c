"""Headers of records: ours must be text, others may be anything (ADR 25)."""

import pytest

from streams.codecs import Headers, RawRecord, Undecodable, decode_answered, decode_event

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
