"""Webhooks as their targets see them (requirements.md S53-S57)."""

import asyncio
import base64
import gzip
import hashlib
import hmac
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web

from actions.client import AT_ONCE, HttpClient, retry_after
from actions.http import HttpAction, is_expected
from actions.registry import Actions
from actions.results import Failed, Succeeded
from engine.templates import Secret, SecretSlot
from tests.unit.actions.target import KEY, ON_LOOPBACK, Target, asking, loaded, secrets_of, serving

SIGNING_KEY = "whsec_" + base64.b64encode(b"a signing key of 32 bytes length").decode()
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    async with serving(Target()) as running:
        yield running


@pytest.fixture
async def actions() -> AsyncIterator[Actions]:
    async with loaded(secrets=secrets_of(TOKEN="s3cret-token", SIGN=SIGNING_KEY)) as found:
        yield found


def output_of(result: Succeeded | Failed) -> dict[str, object]:
    assert isinstance(result, Succeeded), result
    assert isinstance(result.output, dict)
    return result.output


# S53
async def test_a_webhook_posts_json_with_the_key_that_all_attempts_share(
    target: Target, actions: Actions
) -> None:
    for attempt in (1, 2):
        await actions.perform(asking(url=f"{target.url}/in", json={"a": 1}, attempt=attempt))
    for asked in target.asked:
        assert asked.method == "POST"
        assert asked.headers["Content-Type"] == "application/json"
        assert asked.headers["Idempotency-Key"] == KEY
        assert asked.body == b'{"a":1}'
    assert len(target.asked) == 2


# S53
async def test_a_signed_webhook_carries_a_standard_webhooks_signature(
    target: Target, actions: Actions
) -> None:
    slot = SecretSlot(("sign",), (Secret("SIGN"),))
    await actions.perform(asking(url=target.url, json={"a": 1}, sign=None, slots=(slot,)))
    headers, body = target.asked[0].headers, target.asked[0].body
    assert headers["webhook-id"] == headers["Idempotency-Key"] == KEY
    signed = f"{KEY}.{headers['webhook-timestamp']}.".encode() + body
    mac = hmac.digest(b"a signing key of 32 bytes length", signed, hashlib.sha256)
    assert headers["webhook-signature"] == "v1," + base64.b64encode(mac).decode()


# S53
async def test_while_a_key_is_rotated_the_target_may_hold_either(
    target: Target, actions: Actions
) -> None:
    old, new = (b"o" * 32, b"n" * 32)
    keys = " ".join("whsec_" + base64.b64encode(key).decode() for key in (old, new))
    await actions.perform(asking(url=target.url, json={"a": 1}, sign=keys))
    headers, body = target.asked[0].headers, target.asked[0].body
    sent = headers["webhook-signature"].split(" ")
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    for key, signature in zip((old, new), sent, strict=True):
        mac = hmac.digest(key, signed, hashlib.sha256)
        assert signature == "v1," + base64.b64encode(mac).decode()


# S53
async def test_attempts_differ_in_their_time_and_signature_only(target: Target) -> None:
    seconds = iter((1_772_442_000.9, 1_772_442_060.2))
    client = HttpClient(ON_LOOPBACK)
    action = HttpAction(client, lambda: next(seconds))
    bodies = ({"b": 1, "a": [1e16, -0.0, 2.50]}, {"a": [10**16, 0.0, 2.5], "b": 1})
    for attempt, body in enumerate(bodies, 1):
        request = asking(url=target.url, json=body, sign=SIGNING_KEY, attempt=attempt)
        await action.perform(request)
    await client.close()
    first, second = target.asked
    assert first.body == second.body == b'{"a":[10000000000000000,0.0,2.5],"b":1}'
    times = [asked.headers["webhook-timestamp"] for asked in target.asked]
    assert times == ["1772442000", "1772442060"]
    changing = ("webhook-timestamp", "webhook-signature")
    one, other = (
        {name: value for name, value in asked.headers.items() if name not in changing}
        for asked in target.asked
    )
    assert one == other
    assert one["webhook-id"] == one["Idempotency-Key"] == KEY


@pytest.mark.parametrize("key", ["", "  ", "whsec_not base64", "whsec_%%%"])
async def test_a_signing_key_that_is_none_is_told_and_nothing_is_sent(
    key: str, target: Target, actions: Actions
) -> None:
    result = await actions.perform(asking(url=target.url, sign=key))
    assert isinstance(result, Failed)
    assert (result.code, result.retryable) == ("invalid_request", False)
    assert "signing secret" in result.message
    assert target.asked == []


# S54
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_http_request_sends_the_method_the_headers_and_the_query(
    method: str, target: Target, actions: Actions
) -> None:
    result = await actions.perform(
        asking(
            "http_request",
            url=f"{target.url}/orders?page=1",
            method=method,
            headers={"X-Kind": "a"},
            query={"q": "x&y=z", "n": 5, "tag": ["a", "b"], "none": None},
        )
    )
    asked = target.asked[0]
    assert (asked.method, asked.path) == (method, "/orders")
    assert asked.query == "page=1&q=x%26y%3Dz&n=5&tag=a&tag=b"
    assert asked.headers["X-Kind"] == "a"
    assert output_of(result)["body"] == {"ok": True}


# S53
async def test_an_object_in_query_or_headers_is_sent_alike_however_its_keys_are_ordered(
    target: Target, actions: Actions
) -> None:
    for filters in ({"zz": 1, "a": 2}, {"a": 2, "zz": 1}):
        await actions.perform(
            asking(url=target.url, query={"f": filters}, headers={"X-F": filters})
        )
    assert {(asked.query, asked.headers["X-F"]) for asked in target.asked} == {
        ("f=%7B%22a%22:2,%22zz%22:1%7D", '{"a":2,"zz":1}')
    }


# S54
async def test_a_text_body_is_sent_as_it_is(target: Target, actions: Actions) -> None:
    await actions.perform(asking(url=target.url, body="grüß", headers={"content-type": "text/csv"}))
    assert target.asked[0].body.decode() == "grüß"
    assert target.asked[0].headers.getall("Content-Type") == ["text/csv"]


# S55
async def test_a_secret_reaches_the_target_but_never_the_result(
    target: Target, actions: Actions
) -> None:
    target.body = b'{"you sent": "Bearer s3cret-token"}'
    slot = SecretSlot(("headers", "Authorization"), ("Bearer ", Secret("TOKEN")))
    request = asking(url=target.url, headers={"Authorization": None}, slots=(slot,))
    result = await actions.perform(request)
    assert target.asked[0].headers["Authorization"] == "Bearer s3cret-token"
    assert request.params["headers"] == {"Authorization": None}
    assert output_of(result)["body"] == {"you sent": "Bearer ***"}


# S55
@pytest.mark.parametrize(
    "headers",
    [
        {"X-A": "a\r\nX-B: b"},
        {"X-A": "a\nb"},
        {"X-A": "a\0b"},
        {"X-A": "a\x85b"},
        {"X-A": "a\u2028b"},
        {"X-A\r\nX-B": "b"},
        {"X A": "b"},
        {"": "b"},
        {"idempotency-key": "mine"},
        {"Webhook-Signature": "v1,forged"},
        {"Host": "elsewhere"},
        {"Content-Length": "1"},
    ],
)
async def test_a_header_that_could_inject_or_clash_is_refused_before_anything_is_sent(
    headers: dict[str, str], target: Target, actions: Actions
) -> None:
    result = await actions.perform(asking(url=target.url, headers=headers))
    assert isinstance(result, Failed)
    assert (result.code, result.retryable) == ("invalid_request", False)
    assert target.asked == []


# S56
async def test_an_answer_after_the_timeout_is_a_timeout() -> None:
    release = asyncio.Event()

    class Slow(Target):
        async def answer(self, request: web.Request) -> web.Response:  # noqa: ARG002
            await release.wait()
            return web.Response()

    async with serving(Slow()) as target, loaded() as actions:
        result = await actions.perform(asking(url=target.url, timeout=0.2))
        release.set()
    assert isinstance(result, Failed)
    assert (result.code, result.retryable) == ("timeout", True)


# S56
async def test_an_answer_that_trickles_is_a_timeout_too() -> None:
    release = asyncio.Event()

    class Trickling(Target):
        async def answer(self, request: web.Request) -> web.StreamResponse:  # type: ignore[override]
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b"x")
            await release.wait()
            return response

    async with serving(Trickling()) as target, loaded() as actions:
        result = await actions.perform(asking(url=target.url, timeout=0.2))
        release.set()
    assert isinstance(result, Failed)
    assert result.code == "timeout"


# S57
@pytest.mark.parametrize("status", [200, 201, 202, 204])
async def test_a_2xx_succeeds(status: int, target: Target, actions: Actions) -> None:
    target.status, target.body = status, b""
    assert output_of(await actions.perform(asking(url=target.url)))["status"] == status


# S57
@pytest.mark.parametrize(
    ("status", "retryable"),
    [
        (301, False),
        (302, False),
        (307, False),
        (400, False),
        (401, False),
        (403, False),
        (404, False),
        (408, True),
        (409, False),
        (410, False),
        (422, False),
        (425, True),
        (429, True),
        (500, True),
        (501, True),
        (502, True),
        (503, True),
        (504, True),
        (599, True),
    ],
)
async def test_another_status_fails_and_tells_whether_to_try_again(
    status: int, retryable: bool, target: Target, actions: Actions
) -> None:
    target.status = status
    target.headers["Location"] = f"{target.url}/elsewhere"
    result = await actions.perform(asking(url=target.url))
    assert isinstance(result, Failed)
    assert (result.code, result.retryable) == (f"http_{status}", retryable)
    assert len(target.asked) == 1


# S57
async def test_retry_after_in_seconds_is_honoured(target: Target, actions: Actions) -> None:
    target.status, target.headers["Retry-After"] = 503, "17"
    result = await actions.perform(asking(url=target.url))
    assert isinstance(result, Failed)
    assert result.retry_after == timedelta(seconds=17)


# S57
@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("0", timedelta()),
        ("120", timedelta(seconds=120)),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), timedelta(seconds=90)),
        (format_datetime(NOW - timedelta(days=1), usegmt=True), timedelta()),
        ("99999999999999999999", timedelta(hours=1)),
        ("Fri, 31 Dec 2100 23:59:59 GMT", timedelta(hours=1)),
        ("soon", None),
        ("-5", None),
        ("²", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_never_more_than_an_hour(
    value: str | None, wait: timedelta | None
) -> None:
    assert retry_after(value, NOW) == wait


@pytest.mark.parametrize(
    ("status", "expect", "expected"),
    [
        (200, None, True),
        (404, None, False),
        (404, 404, True),
        (404, "404", True),
        (404, "4xx", True),
        (201, 200, False),
        (409, [200, "409"], True),
        (500, ["2xx", "4xx"], False),
    ],
)
def test_expect_names_statuses_and_classes(status: int, expect: object, expected: bool) -> None:
    assert is_expected(status, expect) is expected


async def test_a_status_that_was_expected_succeeds_whatever_the_table_says(
    target: Target, actions: Actions
) -> None:
    target.status = 409
    assert output_of(await actions.perform(asking(url=target.url, expect=[200, 409])))


async def test_a_long_answer_is_cut_and_says_so(target: Target, actions: Actions) -> None:
    target.body = b'"' + b"x" * 200_000 + b'"'
    output = output_of(await actions.perform(asking(url=target.url)))
    assert output["truncated"] is True
    assert 0 < len(str(output["body"])) <= 64 * 1024


async def test_a_gzip_bomb_is_inflated_to_a_bound_only(target: Target, actions: Actions) -> None:
    target.body = gzip.compress(b"0" * 50_000_000)
    target.headers["Content-Encoding"] = "gzip"
    assert len(target.body) < 64 * 1024
    output = output_of(await actions.perform(asking(url=target.url)))
    assert output["truncated"] is True
    assert len(str(output["body"])) <= 64 * 1024


async def test_a_compressed_answer_is_read(target: Target, actions: Actions) -> None:
    target.body = gzip.compress(b'{"a": 1}')
    target.headers["Content-Encoding"] = "gzip"
    assert output_of(await actions.perform(asking(url=target.url)))["body"] == {"a": 1}


@pytest.mark.parametrize(
    "body",
    [b'{"a": "\\u0000"}', b"\xff\xfe", b"a\0b", b'"\\ud800"', b"[" * 40 + b"]" * 40, b"{", b""],
)
async def test_an_answer_that_could_not_be_stored_is_kept_as_text(
    body: bytes, target: Target, actions: Actions
) -> None:
    target.body = body
    text = output_of(await actions.perform(asking(url=target.url)))["body"]
    assert isinstance(text, str)
    assert "\0" not in text
    text.encode()


async def test_a_target_that_is_not_there_may_be_tried_again_and_shows_no_address(
    target: Target, actions: Actions, unused_tcp_port: int
) -> None:
    result = await actions.perform(asking(url=f"http://127.0.0.1:{unused_tcp_port}/"))
    assert isinstance(result, Failed)
    assert (result.code, result.retryable) == ("connection_failed", True)
    assert "127.0.0.1" not in result.message


async def test_a_method_that_is_none_is_refused(target: Target, actions: Actions) -> None:
    result = await actions.perform(asking(url=target.url, method="GET / HTTP/1.1\r\nX: y\r\n"))
    assert isinstance(result, Failed)
    assert (result.code, target.asked) == ("invalid_request", [])


# S57
async def test_no_call_spends_its_time_waiting_for_a_connection_of_ours(actions: Actions) -> None:
    all_here = asyncio.Barrier(AT_ONCE)

    class Crowded(Target):
        async def answer(self, request: web.Request) -> web.Response:
            await all_here.wait()
            return await Target.answer(self, request)

    async with serving(Crowded()) as target:
        calls = [actions.perform(asking(url=f"{target.url}/{n}")) for n in range(AT_ONCE)]
        for result in await asyncio.gather(*calls):
            assert output_of(result)["status"] == 200
    assert len(target.asked) == AT_ONCE
