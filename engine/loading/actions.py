"""Sub-actions of `execute` (definitions.md, Sub-actions)."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from engine.definition import SubAction
from engine.headers import is_header_name, is_one_line
from engine.hints import nearest
from engine.loading.context import check_resource, landing
from engine.loading.node import Node
from engine.loading.notify import check_notify
from engine.paths import Path
from engine.templates import Template, is_one_reference

_STATUS = re.compile(r"[1-5]([0-9]{2}|xx)")
STATIC_HOST = re.compile(r"(https?://[^/${}@\s]+|\$\{secrets\.\w+\})(?=[/?#]|$)")
TEXTS = ("message", "key", "subject", "id")
FIXED = ("event", "entity", "resource", "topic")
MAPPINGS = ("set", "headers", "query", "fields")
LEVELS = ("debug", "info", "warning", "error")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD")
CREDENTIALS = ("authorization", "proxy-authorization", "cookie", "x-api-key")
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


def read_actions(
    node: Node, plugged_in: Collection[str], resources: Collection[str] | None
) -> tuple[SubAction, ...]:
    """Read the list of an `execute` step; `resources` None means: do not check their names."""
    items = node.items()
    if isinstance(node.value, list) and not items:
        node.mistake("execute needs at least one action")
    return tuple(_read_action(item, plugged_in, resources) for item in items)


def _read_action(
    node: Node, plugged_in: Collection[str], resources: Collection[str] | None
) -> SubAction:
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
    _check(kind, fields.known)
    if kind == "load" and "resource" in fields:
        check_resource(fields.known["resource"], resources)
    sent = {key: field.value for key, field in fields.known.items() if key != "timeout"}
    return SubAction(
        kind,
        inner_template(inner, sent, secrets=shape.secrets),
        length,
        required=kind != "notify" or sent.get("required") is True,
        idempotent=sent.get("idempotent") is not False,
        into=_into(fields.get("into")),
    )


def _into(node: Node | None) -> Path:
    path = node.word() if node is not None else ""
    return landing(path, node) if node is not None and path and "${" not in path else ()


def inner_template(inner: Node, sent: dict[str, object], *, secrets: bool) -> Template:
    """Return the template of what an action is passed."""
    return Node(sent, inner.at, inner.findings).template(secrets=secrets)


def _plugged_in(node: Node, kind: str, inner: Node, plugged_in: Collection[str]) -> SubAction:
    if kind not in plugged_in:
        known = (*SHAPES, *plugged_in)
        hint = nearest(kind, known)
        node.mistake(f"unknown action {kind!r}{hint} (there are: {', '.join(known)})", kind)
    elif not isinstance(inner.value, Mapping):
        inner.mistake("what an action is passed is a mapping of names to values")
    value = inner.value if isinstance(inner.value, Mapping) else {}
    return SubAction(kind, inner_template(inner, dict(value), secrets=True))


def _check(kind: str, fields: Mapping[str, Node]) -> None:
    """Check the values of one sub-action, beyond which keys it has."""
    if kind in ("webhook", "http_request"):
        _check_http(fields)
    if kind == "notify":
        check_notify(fields)
    if kind in ("log", "emit"):
        _check_message(fields)
    for name in TEXTS:
        if name in fields:
            fields[name].line(secrets=SHAPES[kind].secrets)
    for name in FIXED:
        if name in fields and kind != "load":
            fields[name].word()
    for name in MAPPINGS:
        if name in fields:
            _check_mapping(fields[name])


def _check_mapping(node: Node) -> None:
    if not isinstance(node.value, Mapping) and not is_one_reference(node.value):
        node.mistake("this must be a mapping of names to values")


def _check_message(fields: Mapping[str, Node]) -> None:
    level, event = fields.get("level"), fields.get("event")
    if level is not None:
        level.choice(LEVELS)
    if event is None or not isinstance(event.value, str) or not event.value:
        return
    if "${" not in event.value and "*" in event.pattern():
        event.mistake("an event that is sent has one name, without *")
    # What other topics take, only their readers know.
    if "data" in fields and "topic" not in fields:
        _check_mapping(fields["data"])


def _check_http(fields: Mapping[str, Node]) -> None:
    url = fields.get("url")
    if url is not None and isinstance(url.value, str):
        if not STATIC_HOST.match(url.value):
            url.mistake(
                "scheme and host must be literal or one secret: https://api.example.com/orders/${id}"
            )
    elif url is not None:
        url.text()
    if "method" in fields:
        fields["method"].choice(METHODS)
    if "json" in fields and "body" in fields:
        fields["body"].mistake("give json or body, not both")
    if "sign" in fields:
        _check_sign(fields["sign"])
    if "idempotent" in fields:
        fields["idempotent"].boolean()
    if "expect" in fields:
        _check_expect(fields["expect"])
    headers = fields.get("headers")
    if headers is not None and isinstance(headers.value, Mapping):
        for name, value in headers.entries():
            if not is_header_name(name):
                value.mistake(f"{name!r} is no header name: write letters, digits and -")
            if isinstance(value.value, str) and not is_one_line(value.value):
                value.mistake("a header is one line: no line breaks, no control characters")
            if name.lower() in CREDENTIALS and "${secrets." not in str(value.value):
                value.warning(f"{name} stands in every trace; write ${{secrets.NAME}} in it")


def _check_sign(node: Node) -> None:
    keys = node.text().split(" ")
    if not isinstance(node.value, str):
        return
    if "${secrets." not in node.value:
        node.mistake("sign names a secret: ${secrets.NAME}")
    elif not all(is_one_reference(key) for key in keys):
        node.warning("what stands around the secret becomes part of the key: ${secrets.NAME}")


def _check_expect(node: Node) -> None:
    items = node.items() if isinstance(node.value, list) else [node]
    if not items:
        node.mistake("expect needs at least one status, such as 2xx or 404")
    for item in items:
        if isinstance(item.value, bool) or not _STATUS.fullmatch(str(item.value)):
            item.mistake(f"{item.value!r} is no status; write 2xx, 404 or a list of those")
