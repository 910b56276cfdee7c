"""`webhook` and `http_request`: one HTTP call per attempt, always with the same key (S53-S58)."""

import time
from collections.abc import Callable, Mapping

import orjson

from actions.client import Answer, Call, HttpClient, refusal_of
from actions.outputs import body_text, storable
from actions.results import ActionRequest, Failed, Succeeded
from actions.signing import signature_headers
from actions.urls import checked_url, with_query
from engine.canonical import as_stored
from engine.headers import is_header_name, is_one_line

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
KEPT_HEADERS = ("content-type", "location", "etag", "last-modified", "x-request-id")
MAX_BODY = 48 * 1024
"""Bytes of a body that a step's output keeps."""
_OURS = frozenset(
    {
        "idempotency-key",
        "webhook-id",
        "webhook-timestamp",
        "webhook-signature",
        "host",
        "content-length",
        "transfer-encoding",
        "connection",
        "upgrade",
        "te",
        "trailer",
        "expect",
    }
)


def is_expected(status: int, expect: object) -> bool:
    """Tell whether a status is one that the definition takes as success; 2xx by default."""
    if isinstance(expect, int):
        return status == expect
    if isinstance(expect, list):
        return any(is_expected(status, item) for item in expect)
    text = str(expect or "2xx")
    return str(status) == text or (text.endswith("xx") and str(status)[0] == text[0])


class HttpAction:
    """Calls a URL as the definition says."""

    idempotent = True

    def __init__(self, client: HttpClient, clock: Callable[[], float] = time.time) -> None:
        self._client, self._clock = client, clock

    async def perform(self, request: ActionRequest) -> Succeeded | Failed:
        """Send the request; a status that was not expected is a failure."""
        try:
            call = self._call(request)
        except ValueError as problem:
            return Failed("invalid_request", str(problem), False)
        answer = await self._client.send(call)
        if isinstance(answer, Failed):
            return answer
        if is_expected(answer.status, request.params.get("expect")):
            return Succeeded(_output(answer))
        return refusal_of(answer, "the target")

    def _call(self, request: ActionRequest) -> Call:
        """Return the call to make; raises ValueError saying what is wrong with the parameters."""
        params = request.params
        url = with_query(checked_url(str(params.get("url", ""))), _texts(params.get("query")))
        method = str(params.get("method", "POST")).upper()
        if method not in METHODS:
            raise ValueError(f"method must be one of: {', '.join(sorted(METHODS))}")
        body, content_type = _body(params)
        headers = own_headers(params.get("headers"))
        headers["Idempotency-Key"] = request.idempotency_key
        if content_type and not any(name.lower() == "content-type" for name in headers):
            headers["Content-Type"] = content_type
        key = params.get("sign")
        if key is not None:
            now = int(self._clock())
            headers |= signature_headers(str(key), request.idempotency_key, now, body or b"")
        return Call(method, url, headers, body, request.timeout)


def json_bytes(value: object) -> bytes:
    """Return the same bytes for the same value, also when PostgreSQL's `jsonb` held it meanwhile.

    An attempt that another worker takes over is read from there: keys in other order, numbers too.
    """
    return orjson.dumps(as_stored(value), option=orjson.OPT_SORT_KEYS)


def _text(value: object) -> str:
    return value if isinstance(value, str) else json_bytes(value).decode()


def _texts(query: object) -> dict[str, str | list[str]]:
    if not isinstance(query, Mapping):
        return {}
    return {
        str(name): [_text(item) for item in value] if isinstance(value, list) else _text(value)
        for name, value in query.items()
        if value is not None
    }


def _body(params: Mapping[str, object]) -> tuple[bytes | None, str | None]:
    """Return the bytes to send and their content type."""
    if "json" in params:
        return json_bytes(params["json"]), "application/json"
    body = params.get("body")
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    return (None, None) if body is None else (json_bytes(body), "application/json")


def own_headers(headers: object) -> dict[str, str]:
    """Return a definition's headers as texts; raises ValueError for what could inject or clash."""
    found = {}
    for name, value in headers.items() if isinstance(headers, Mapping) else ():
        if not is_header_name(str(name)):
            raise ValueError("a header's name has only letters, digits and hyphens")
        if str(name).lower() in _OURS:
            raise ValueError(f"the header {name} is set by Sluicegate")
        text = _text(value)
        if not is_one_line(text):
            raise ValueError(f"the header {name} contains a line break or control character")
        found[str(name)] = text
    return found


def _output(answer: Answer) -> dict[str, object]:
    """Return what a step keeps of an answer."""
    kept = {name: answer.headers[name] for name in KEPT_HEADERS if name in answer.headers}
    output: dict[str, object] = {"status": answer.status, "headers": kept}
    whole = answer.whole and len(answer.content) <= MAX_BODY
    if whole and "json" in answer.content_type:
        try:
            body = orjson.loads(answer.content)
        except orjson.JSONDecodeError:
            body = None
        if body is not None and storable(body):
            return {**output, "body": body}
    output["body"] = body_text(answer.content[:MAX_BODY])
    return output if whole else {**output, "truncated": True}
