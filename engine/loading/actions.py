"""Sub-actions of `execute` (definitions.md, Sub-actions)."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from engine.definition import SubAction
from engine.loading.node import Node, nearest
from engine.templates import Template

_STATIC_HOST = re.compile(r"(https?://[^/${}@\s]+|\$\{secrets\.\w+\})(?=[/?#]|$)")
LEVELS = ("debug", "info", "warning", "error")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
HTTP_KEYS = (
    "url",
    "method",
    "headers",
    "query",
    "json",
    "body",
    "timeout",
    "sign",
    "idempotent",
    "expect",
)


@dataclass(frozen=True, slots=True)
class Shape:
    """The keys of one sub-action."""

    keys: tuple[str, ...]
    required: tuple[str, ...] = ()
    secrets: bool = False


SHAPES: Mapping[str, Shape] = {
    "webhook": Shape(HTTP_KEYS, ("url",), secrets=True),
    "http_request": Shape(HTTP_KEYS, ("url",), secrets=True),
    "notify": Shape(
        ("channel", "to", "template", "message", "data", "required"), ("channel",), secrets=True
    ),
    "emit": Shape(("event", "data", "key", "topic", "subject"), ("event",)),
    "create_record": Shape(("entity", "id", "set"), ("entity",)),
    "update_record": Shape(("entity", "id", "set", "expected_version"), ("entity", "id")),
    "load": Shape(("resource", "id", "into"), ("resource", "id")),
    "log": Shape(("level", "message", "fields"), ("message",)),
}


def read_actions(node: Node, plugged_in: Collection[str]) -> tuple[SubAction, ...]:
    """Read the list of an `execute` step."""
    items = node.items()
    if isinstance(node.value, list) and not items:
        node.mistake("execute needs at least one action")
    return tuple(_read_action(item, plugged_in) for item in items)


def _read_action(node: Node, plugged_in: Collection[str]) -> SubAction:
    value = node.value
    if not isinstance(value, Mapping) or len(value) != 1:
        node.mistake("an action is a mapping with one key, such as {log: {message: ...}}")
        return SubAction("log", node.child(0, {}).template())
    kind, inner = next(iter(node.entries()))
    shape = SHAPES.get(kind)
    if shape is None:
        return _plugged_in(node, kind, inner, plugged_in)
    fields = inner.fields(shape.keys, required=shape.required)
    timeout = fields.get("timeout")
    length = timeout.duration() if timeout is not None else None
    _check(kind, fields.known, inner)
    sent = {key: field.value for key, field in fields.known.items() if key != "timeout"}
    return SubAction(kind, inner_template(inner, sent, secrets=shape.secrets), length)


def inner_template(inner: Node, sent: dict[str, object], *, secrets: bool) -> Template:
    """Return the template of what an action is passed."""
    return Node(sent, inner.at, inner.findings).template(secrets=secrets)


def _plugged_in(node: Node, kind: str, inner: Node, plugged_in: Collection[str]) -> SubAction:
    if kind not in plugged_in:
        known = (*SHAPES, *plugged_in)
        hint = nearest(kind, known)
        node.mistake(f"unknown action {kind!r}{hint} (there are: {', '.join(known)})", kind)
    value = inner.value if isinstance(inner.value, Mapping) else {}
    return SubAction(kind, inner_template(inner, dict(value), secrets=True))


def _check(kind: str, fields: Mapping[str, Node], inner: Node) -> None:
    if kind in ("webhook", "http_request"):
        _check_http(fields)
    elif kind == "notify":
        channel = fields.get("channel")
        if channel is not None and channel.value != "log":
            channel.mistake(
                f"the channel {channel.value!r} is not available in this version; use log"
            )
    elif kind == "log" and "level" in fields:
        fields["level"].choice(LEVELS)
    elif kind in ("create_record", "update_record"):
        if "set" in fields and not isinstance(fields["set"].value, Mapping):
            fields["set"].mistake("set must be a mapping of fields to values")
    elif kind == "load" and "into" in fields:
        fields["into"].mistake("into is not available in this version; read steps.<id>.output")
    for name in ("event", "entity", "resource"):
        if name in fields:
            fields[name].text()
    del inner


def _check_http(fields: Mapping[str, Node]) -> None:
    url = fields.get("url")
    if url is not None and isinstance(url.value, str):
        if not _STATIC_HOST.match(url.value):
            url.mistake(
                "scheme and host must be literal or one secret: https://api.example.com/orders/${id}"
            )
    elif url is not None:
        url.text()
    if "method" in fields:
        fields["method"].choice(METHODS)
    if "json" in fields and "body" in fields:
        fields["body"].mistake("give json or body, not both")
    if "sign" in fields and "${secrets." not in str(fields["sign"].value):
        fields["sign"].mistake("sign names a secret: ${secrets.NAME}")
    if "idempotent" in fields and fields["idempotent"].boolean() is False:
        fields["idempotent"].mistake("idempotent: false is not available in this version")
