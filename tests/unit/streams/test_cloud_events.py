"""CloudEvents on Kafka, by the specification (1.0.2) and as the official SDK writes them."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone

import pytest
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.kafka import KafkaMessage, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v03.event import CloudEvent as OldCloudEvent
from cloudevents.core.v1.event import CloudEvent
from cloudevents.v1 import kafka as before_2
from cloudevents.v1.http import CloudEvent as CloudEventBefore2

from streams.codecs import RawRecord, Undecodable, decode_event

Mode = Callable[[BaseCloudEvent, JSONFormat], KafkaMessage]
MODES: tuple[Mode, ...] = (to_binary, to_structured)
TIME = datetime(2026, 5, 5, 10, 11, 12, 123456, timezone(timedelta(hours=5, minutes=45)))
NAMED = {"id": "e-1", "source": "/shop", "type": "order.created"}
PLAIN_FIELDS = ("type", "event_type")
BATCH = "application/cloudevents-batch+json"


def a_record(value: bytes | None, headers: Mapping[str, str | bytes]) -> RawRecord:
    pairs = [
        (name, text.encode() if isinstance(text, str) else text) for name, text in headers.items()
    ]
    return RawRecord("events", 0, 7, None, value, tuple(pairs), 0)


def of_sdk(message: KafkaMessage | before_2.KafkaMessage) -> RawRecord:
    """Return the record that a producer would make of what the SDK gives it."""
    value = message.value if isinstance(message.value, bytes) else str(message.value).encode()
    return a_record(value, message.headers)


def binary(value: bytes | None, **more: str) -> RawRecord:
    own = {f"ce_{name}": text for name, text in NAMED.items()}
    more = {name.replace("__", "-"): text for name, text in more.items()}
    return a_record(value, {"ce_specversion": "1.0", **own, **more})


def structured(**more: object) -> RawRecord:
    return structured_as("application/cloudevents+json", **more)


def structured_as(kind: str, **more: object) -> RawRecord:
    envelope = {"specversion": "1.0", **NAMED, **more}
    return a_record(json.dumps(envelope).encode(), {"content-type": kind})


def refusal(record: RawRecord) -> tuple[str, str]:
    """Return why a record goes to the dead letters."""
    with pytest.raises(Undecodable) as caught:
        decode_event(record, PLAIN_FIELDS)
    return caught.value.error_type, caught.value.message


# S8
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "application/vnd.shop+json"])
def test_what_the_sdk_writes_is_read_whole(mode: Mode, kind: str) -> None:
    subject = 'süß/€ %E2%82%AC "x" \U0001f600'
    more = {"subject": subject, "time": TIME, "datacontenttype": kind, "dataschema": "urn:x"}
    event = CloudEvent({**NAMED, "specversion": "1.0", **more, "tenant": "ä"}, {"a": [1, None]})
    found = decode_event(of_sdk(mode(event, JSONFormat())), PLAIN_FIELDS)
    assert (found.event_id, found.source, found.type) == tuple(NAMED.values())
    assert (found.subject, found.time, found.payload) == (subject, TIME, {"a": [1, None]})


# S8
@pytest.mark.parametrize("more", [{}, {"datacontenttype": "application/json"}], ids=str)
def test_an_event_without_data_has_an_empty_payload_only_where_it_says_all_that(
    more: Mapping[str, str],
) -> None:
    event = CloudEvent({**NAMED, "specversion": "1.0", **more}, None)
    record = of_sdk(to_structured(event, JSONFormat()))
    assert decode_event(record, PLAIN_FIELDS).payload == {}
    assert refusal(of_sdk(to_binary(event, JSONFormat())))[0] == "invalid_json"


# S8
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("text/plain", "hello"),
        ("application/xml", "<a/>"),
        ("application/octet-stream", b"\x01\x02"),
    ],
)
def test_data_that_is_no_json_is_refused_by_its_media_type(
    mode: Mode, kind: str, data: str | bytes
) -> None:
    event = CloudEvent({**NAMED, "specversion": "1.0", "datacontenttype": kind}, data)
    error_type, message = refusal(of_sdk(mode(event, JSONFormat())))
    assert error_type == "unsupported_content_type"
    assert message == f"the data is {kind}; send a JSON object as application/json"


# S8
@pytest.mark.parametrize("mode", MODES)
def test_an_event_of_an_older_version_is_refused(mode: Mode) -> None:
    event = OldCloudEvent({**NAMED, "specversion": "0.3"}, {"a": 1})
    message = "specversion '0.3' is not read; send CloudEvents 1.0"
    assert refusal(of_sdk(mode(event, JSONFormat()))) == ("invalid_cloudevent", message)


@pytest.mark.parametrize("version", ["0.2", "1.1", "2.0", "1", "1.0.2", " 1.0", "", "banana"])
def test_no_version_but_1_0_is_read(version: str) -> None:
    expected = f"specversion {version!r} is not read; send CloudEvents 1.0"
    for record in (binary(b"{}", ce_specversion=version), structured(specversion=version)):
        assert refusal(record) == ("invalid_cloudevent", expected)


# S8
@pytest.mark.parametrize("kind", [None, "application/json"])
@pytest.mark.parametrize("data", [{"a": 1}, b'{"a": 1}'])
def test_structured_mode_of_the_sdk_before_2_is_an_event_with_its_id(
    kind: str | None, data: object
) -> None:
    # It names no media type of its own; without this the whole envelope would be the payload.
    more = {"datacontenttype": kind} if kind else {}
    message = before_2.to_structured(CloudEventBefore2({**NAMED, **more}, data))
    found = decode_event(of_sdk(message), ("kind",))
    assert (found.event_id, found.source, found.type) == tuple(NAMED.values())
    assert found.payload == {"a": 1}


@pytest.mark.parametrize(
    "more", [{"specversion": "3"}, {"source": None}, {"id": 7}, {"type": ""}], ids=str
)
def test_a_plain_event_that_only_resembles_a_cloud_event_is_all_payload(
    more: Mapping[str, object],
) -> None:
    value = {"specversion": "1.0", **NAMED, "event_type": "order.made", "data": {}, **more}
    found = decode_event(a_record(json.dumps(value).encode(), {}), PLAIN_FIELDS)
    assert (found.event_id, found.source, found.payload) == ("events:0:7", "events", value)


# S8
@pytest.mark.parametrize(
    ("value", "error_type"),
    [(None, "tombstone"), (b"", "invalid_json"), (b"null", "payload_not_an_object")],
)
def test_a_record_without_a_value_starts_nothing(value: bytes | None, error_type: str) -> None:
    for record in (binary(value), a_record(value, {"ce_type": "order.created"})):
        assert refusal(record)[0] == error_type


@pytest.mark.parametrize("more", [{}, {"data": None}, {"data_base64": ""}, {"data_base64": None}])
def test_structured_mode_without_data_has_an_empty_payload(more: Mapping[str, object]) -> None:
    assert decode_event(structured(**more), PLAIN_FIELDS).payload == {}


def test_data_in_both_forms_is_refused() -> None:
    record = structured(data={"a": 1}, data_base64="e30=")
    assert refusal(record) == (
        "invalid_cloudevent",
        "data and data_base64 exclude each other; send one",
    )


@pytest.mark.parametrize(
    "name", ["id", "source", "type", "specversion", "subject", "time", "datacontenttype"]
)
def test_an_attribute_that_is_no_text_is_named(name: str) -> None:
    expected = ("invalid_cloudevent", f"the CloudEvents attribute {name} is no text")
    assert refusal(structured(**{name: 7})) == expected


@pytest.mark.parametrize("name", ["id", "source", "type"])
@pytest.mark.parametrize("value", [None, ""])
def test_a_required_attribute_is_missed(name: str, value: str | None) -> None:
    expected = ("invalid_cloudevent", f"the CloudEvents attribute {name} is missing")
    assert refusal(structured(**{name: value})) == expected


# S8
@pytest.mark.parametrize(
    "kind",
    ["application/cloudevents+avro", "Application/CloudEvents+XML", "application/cloudevents"],
)
def test_a_format_of_cloud_events_that_is_not_read_is_named(kind: str) -> None:
    message = (
        f"{kind.lower()} is not read; "
        "send application/cloudevents+json, or the data with ce_ headers"
    )
    for record in (
        structured_as(kind),
        binary(b"{}", content__type=kind),
        a_record(b"\x00", {"content-type": kind}),
    ):
        assert refusal(record) == ("unsupported_content_type", message)


# S8
def test_a_batch_is_refused_with_the_way_that_is_open_to_it() -> None:
    for value in (b"[]", json.dumps([{"specversion": "1.0", **NAMED}]).encode(), b"{}"):
        error_type, message = refusal(a_record(value, {"content-type": BATCH}))
        assert error_type == "unsupported_content_type"
        assert (
            message
            == f"{BATCH}: on Kafka each event is a record of its own; POST /events takes a list"
        )


# S8
@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026-05-05T10:11:12.123456789Z", "2026-05-05T10:11:12.123456+00:00"),
        ("2026-05-05t10:11:12z", "2026-05-05T10:11:12+00:00"),
        ("2026-05-05T10:11:12.5+05:45", "2026-05-05T04:26:12.500000+00:00"),
        ("2026-05-05T10:11:12-00:00", "2026-05-05T10:11:12+00:00"),
    ],
)
def test_a_time_is_read_in_each_form_of_the_rfc(text: str, read: str) -> None:
    for record in (binary(b"{}", ce_time=text), structured(time=text)):
        time = decode_event(record, PLAIN_FIELDS).time
        assert time is not None
        assert time.isoformat() == read


@pytest.mark.parametrize("subject", ["Euro%20%E2%82%AC", "100%", "Euro € \U0001f600"])
def test_a_header_of_kafka_is_not_percent_encoded(subject: str) -> None:
    assert decode_event(binary(b"{}", ce_subject=subject), PLAIN_FIELDS).subject == subject
