"""`webhook` and `http_request`: one HTTP call per attempt, always with the same key (S53-S58)."""

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import aiohttp
import orjson

from actions.guard import Guard, TargetRefused
from actions.results import ActionRequest, Failed, Succeeded

MAX_RESPONSE = 64 * 1024
CONNECT_SECONDS = 3.0
RETRYABLE = frozenset({408, 425, 429})
MAX_RETRY_AFTER = timedelta(hours=1)


def open_session(guard: Guard) -> aiohttp.ClientSession:
    """Return a session whose sockets pass the guard; without proxies, cookies or redirects."""
    connector = aiohttp.TCPConnector(
        socket_factory=guard.socket_factory, limit_per_host=32, ttl_dns_cache=10
    )
    return aiohttp.ClientSession(
        connector=connector,
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": "sluicegate"},
    )


def sign(key: str, id: str, timestamp: int, body: bytes) -> str:
    """Return a Standard Webhooks signature; `whsec_` keys are Base64."""
    secret = base64.b64decode(key[6:]) if key.startswith("whsec_") else key.encode()
    mac = hmac.new(secret, f"{id}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(mac.digest()).decode()


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Return what a `Retry-After` header asks for, in seconds or as a date, at most an hour."""
    if not value:
        return None
    if value.isdigit():
        return min(timedelta(seconds=int(value[:9])), MAX_RETRY_AFTER)
    try:
        asked = parsedate_to_datetime(value)
    except ValueError:
        return None
    if asked.tzinfo is None:
        return None
    return min(max(asked - now, timedelta()), MAX_RETRY_AFTER)


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

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def perform(self, request: ActionRequest) -> Succeeded | Failed:
        """Send the request; a status that was not expected is a failure."""
        params = request.params
        url = str(params.get("url", ""))
        if not url.startswith(("http://", "https://")):
            return Failed("invalid_url", "url must begin with http:// or https://", False)
        body, content_type = _body(params)
        headers = {"Idempotency-Key": request.idempotency_key}
        if content_type:
            headers["Content-Type"] = content_type
        headers |= _signature_headers(params.get("sign"), request.idempotency_key, body)
        try:
            headers |= _own_headers(params.get("headers"))
        except ValueError as problem:
            return Failed("invalid_header", str(problem), False)
        return await self._call(params, url, headers, body, request.timeout)

    async def _call(
        self,
        params: Mapping[str, object],
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        within: timedelta,
    ) -> Succeeded | Failed:
        query = params.get("query")
        try:
            async with self._session.request(
                str(params.get("method", "POST")).upper(),
                url,
                params={k: _text(v) for k, v in query.items()} if isinstance(query, dict) else None,
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    total=within.total_seconds(), sock_connect=CONNECT_SECONDS
                ),
            ) as response:
                content = await _read(response)
                return _result(response, content, params.get("expect"))
        except TimeoutError:
            return Failed("timeout", f"no answer within {within.total_seconds():g} s", True)
        except aiohttp.InvalidURL:
            return Failed("invalid_url", "the URL cannot be used", False)
        except TargetRefused as problem:
            return Failed("target_refused", str(problem), False)
        except aiohttp.ClientError as problem:
            if isinstance(problem.__cause__, TargetRefused):
                return Failed("target_refused", str(problem.__cause__), False)
            return Failed("connection_failed", type(problem).__name__, True)


def _text(value: object) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _body(params: Mapping[str, object]) -> tuple[bytes | None, str | None]:
    if "json" in params:
        return orjson.dumps(params["json"]), "application/json"
    if "body" in params:
        return _text(params["body"]).encode(), "text/plain; charset=utf-8"
    return None, None


def _own_headers(headers: object) -> dict[str, str]:
    found = {}
    for name, value in headers.items() if isinstance(headers, dict) else ():
        text = _text(value)
        if any(c in text for c in "\r\n\0"):
            raise ValueError(f"the header {name} contains a line break")
        found[str(name)] = text
    return found


def _signature_headers(key: object, id: str, body: bytes | None) -> dict[str, str]:
    if not isinstance(key, str) or not key:
        return {}
    timestamp = int(time.time())
    return {
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(key, id, timestamp, body or b""),
    }


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Return at most the first bytes of a body: the rest is not ours to keep."""
    content = bytearray()
    async for chunk in response.content.iter_chunked(16 * 1024):
        content += chunk
        if len(content) >= MAX_RESPONSE:
            break
    return bytes(content[:MAX_RESPONSE])


def _result(response: aiohttp.ClientResponse, content: bytes, expect: object) -> Succeeded | Failed:
    status = response.status
    if is_expected(status, expect):
        return Succeeded({"status": status, "body": _parsed(response, content)})
    retryable = status in RETRYABLE or status >= 500
    wait = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
    return Failed(f"http_{status}", f"the target answered {status}", retryable, wait)


def _parsed(response: aiohttp.ClientResponse, content: bytes) -> object:
    if "json" in response.content_type:
        try:
            return orjson.loads(content)
        except orjson.JSONDecodeError:
            pass
    return content.decode("utf-8", "replace").replace("\x00", "\ufffd")
