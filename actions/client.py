"""HTTP to anywhere outside: guarded sockets, bounded answers, and failures as values."""

import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from actions.guard import Guard, TargetRefused
from actions.results import Failed

AT_ONCE = 32
"""Calls of one worker under way at once; as many connections, so that none waits for another."""
CONNECT_SECONDS = 3.0
MAX_SENT = 64 * 1024
"""Bytes of an answer that are read, as they come over the wire."""
MAX_INFLATED = 1024 * 1024
RETRYABLE = frozenset({408, 425, 429})
MAX_RETRY_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request."""

    method: str
    url: URL
    headers: Mapping[str, str]
    body: bytes | None
    timeout: timedelta
    most_bytes: int = MAX_SENT


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `whole` is false where the body was longer than we read."""

    status: int
    headers: Mapping[str, str]
    content_type: str
    content: bytes
    whole: bool


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Return what a `Retry-After` header asks for, in seconds or as a date, at most an hour."""
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return min(timedelta(seconds=int(value[:9])), MAX_RETRY_AFTER)
    try:
        asked = parsedate_to_datetime(value)
    except ValueError:
        return None
    if asked.tzinfo is None:
        asked = asked.replace(tzinfo=UTC)
    return min(max(asked - now, timedelta()), MAX_RETRY_AFTER)


def refusal_of(answer: Answer, who: str) -> Failed:
    """Return the failure that a status means: 408, 425, 429 and 5xx may be tried again (S57)."""
    status = answer.status
    retryable = status in RETRYABLE or status >= 500
    hint = "; redirects are not followed" if 300 <= status < 400 else ""
    wait = retry_after(answer.headers.get("Retry-After"), datetime.now(UTC)) if retryable else None
    return Failed(f"http_{status}", f"{who} answered {status}{hint}", retryable, wait)


class HttpClient:
    """Sends calls; neither proxies of the environment, cookies nor redirects are followed."""

    def __init__(self, guard: Guard, resolver: AbstractResolver | None = None) -> None:
        self._guard = guard
        self._trusted = _session(aiohttp.TCPConnector(limit_per_host=AT_ONCE, resolver=resolver))
        self._tls, self._plain = (
            _session(
                aiohttp.TCPConnector(
                    socket_factory=guard.socket_factory(plain=plain),
                    limit_per_host=AT_ONCE,
                    resolver=resolver,
                )
            )
            for plain in (False, True)
        )

    def _session_for(self, url: URL) -> aiohttp.ClientSession:
        if self._guard.trusts(url.host or ""):
            return self._trusted
        return self._plain if url.scheme == "http" else self._tls

    async def send(self, call: Call) -> Answer | Failed:
        """Return the answer, or why there is none."""
        seconds = call.timeout.total_seconds()
        try:
            async with self._session_for(call.url).request(
                call.method,
                call.url,
                data=call.body,
                headers=call.headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    total=seconds, sock_connect=min(CONNECT_SECONDS, seconds)
                ),
            ) as response:
                return await _answer(response, call.most_bytes)
        except TimeoutError:
            return Failed("timeout", f"no answer within {seconds:g} s", True)
        except TargetRefused as problem:
            return Failed("target_refused", str(problem), False)
        except aiohttp.ClientError as problem:
            return _failure(problem)

    async def close(self) -> None:
        """Close all connections."""
        for session in (self._trusted, self._tls, self._plain):
            await session.close()


def _session(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector,
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        headers={"User-Agent": "sluicegate", "Accept-Encoding": "gzip, deflate"},
    )


def _failure(problem: aiohttp.ClientError) -> Failed:
    """Return a client's error as a failure; its own text could show addresses."""
    match problem:
        case aiohttp.InvalidURL():
            return Failed("invalid_url", "the URL cannot be used", False)
        case aiohttp.ClientConnectorCertificateError():
            return Failed("tls_failed", "the target's certificate is not valid for it", False)
        case aiohttp.ClientSSLError():
            return Failed("tls_failed", "no TLS connection to the target", True)
        case aiohttp.ClientConnectorDNSError():
            return Failed("connection_failed", "the target's name is not known", True)
        case aiohttp.ClientConnectorError(os_error=TargetRefused() as refused):
            return Failed("target_refused", str(refused), False)
        case aiohttp.ClientConnectorError(errno=int(number)):
            return Failed("connection_failed", f"no connection: {os.strerror(number)}", True)
        case aiohttp.ServerDisconnectedError():
            return Failed("connection_failed", "the target closed the connection", True)
        case _:
            return Failed("connection_failed", type(problem).__name__, True)


async def _answer(response: aiohttp.ClientResponse, most_bytes: int) -> Answer:
    content, whole = await _read(response, most_bytes)
    encoding = response.headers.get("Content-Encoding", "identity").lower()
    if encoding in ("gzip", "x-gzip", "deflate"):
        content, inflated_whole = inflated(content, encoding)
        whole = whole and inflated_whole
    return Answer(response.status, response.headers, response.content_type, content, whole)


async def _read(response: aiohttp.ClientResponse, most_bytes: int) -> tuple[bytes, bool]:
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > most_bytes:
            return bytes(content[:most_bytes]), False
    return bytes(content), True


def inflated(content: bytes, encoding: str) -> tuple[bytes, bool]:
    """Return a compressed body inflated to at most 1 MiB, and whether that was all of it."""
    # A raw deflate stream, which some servers send, lacks zlib's first nibble 8.
    raw = encoding == "deflate" and content[:1] and content[0] & 0x0F != 8
    inflater = zlib.decompressobj(-zlib.MAX_WBITS if raw else zlib.MAX_WBITS | 32)
    try:
        plain = inflater.decompress(content, MAX_INFLATED)
    except zlib.error:
        return b"", False
    return plain, inflater.eof
