"""What CloudEvents 1.0 and its Kafka binding 1.0.2 ask of a record: mode, version, data."""

from base64 import b64decode
from collections.abc import Mapping

from streams.json_check import MAX_EVENT_BYTES, Undecodable, read_json, require_object

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
SPECVERSION = "1.0"
REQUIRED = ("specversion", "id", "source", "type")
SHOWN = 80
"""How much is shown of a text that was not expected."""
NO_PAYLOAD = ("invalid_json", "payload_not_an_object")
"""What is wrong with data that its content type announces as something else."""


def media_type(headers: Mapping[str, str]) -> str:
    """Return the media type, in lower case: its case means nothing (RFC 9110, 8.3.1)."""
    return _bare(headers.get("content-type", ""))


def _bare(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def is_structured(kind: str) -> bool:
    """Tell whether a media type says structured mode; raises Undecodable for another than JSON."""
    if kind == BATCH:
        raise Undecodable(
            "unsupported_content_type",
            f"{kind}: on Kafka each event is a record of its own; POST /events takes a list",
        )
    if kind.startswith("application/cloudevents") and kind != STRUCTURED:
        raise Undecodable(
            "unsupported_content_type",
            f"{kind[:SHOWN]} is not read; send {STRUCTURED}, or the data with ce_ headers",
        )
    return kind == STRUCTURED


def is_unannounced(kind: str, value: object) -> bool:
    """Tell whether a plain record is a whole event whose content type does not say so.

    Python's SDK before 2.0 writes structured mode like this.
    """
    return (
        kind in ("", "application/json")
        and isinstance(value, Mapping)
        and value.get("specversion") == SPECVERSION
        and all(isinstance(value.get(name), str) and value[name] for name in REQUIRED)
    )


def require_version(value: object) -> None:
    """Refuse another version than ours: its attributes and data may mean something else."""
    found = optional_text("specversion", value)
    if found != SPECVERSION:
        raise Undecodable(
            "invalid_cloudevent",
            f"specversion {(found or '')[:SHOWN]!r} is not read; send CloudEvents {SPECVERSION}",
        )


def require_text(name: str, value: object) -> str:
    """Return a required attribute; raises Undecodable."""
    text = optional_text(name, value)
    if not text:
        raise Undecodable("invalid_cloudevent", f"the CloudEvents attribute {name} is missing")
    return text


def optional_text(name: str, value: object) -> str | None:
    """Return an attribute, None where it is absent; raises Undecodable."""
    if value is not None and not isinstance(value, str):
        raise Undecodable("invalid_cloudevent", f"the CloudEvents attribute {name} is no text")
    return value


def binary_payload(data: bytes | None, kind: str) -> dict[str, object]:
    """Return the payload of an event in binary mode; raises Undecodable.

    The binding lets an event be without data; here a record without a value is a tombstone or a
    mistake (security.md, corpus 1), and must not start a workflow with nothing.
    """
    try:
        return require_object(read_json(data, MAX_EVENT_BYTES))
    except Undecodable as problem:
        raise _named(problem, kind) from None


def structured_payload(envelope: Mapping[str, object]) -> dict[str, object]:
    """Return the payload of an event in structured mode; raises Undecodable."""
    kind = optional_text("datacontenttype", envelope.get("datacontenttype"))
    try:
        return require_object(structured_data(envelope))
    except Undecodable as problem:
        raise _named(problem, _bare(kind or "")) from None


def structured_data(envelope: Mapping[str, object]) -> object:
    """Return the data of an envelope, {} where it has none; raises Undecodable."""
    data, encoded = envelope.get("data"), optional_text("data_base64", envelope.get("data_base64"))
    if encoded is None:
        return {} if data is None else data
    if data is not None:
        raise Undecodable("invalid_cloudevent", "data and data_base64 exclude each other; send one")
    try:
        decoded = b64decode(encoded, validate=True)
    except ValueError:
        raise Undecodable("invalid_cloudevent", "data_base64 is not Base64") from None
    return read_json(decoded, MAX_EVENT_BYTES) if decoded else {}


def _named(problem: Undecodable, kind: str) -> Undecodable:
    """Return what is wrong with data; that it was never JSON, where its media type says so."""
    if problem.error_type not in NO_PAYLOAD or not kind or kind.endswith(("/json", "+json")):
        return problem
    return Undecodable(
        "unsupported_content_type",
        f"the data is {kind[:SHOWN]}; send a JSON object as application/json",
    )
