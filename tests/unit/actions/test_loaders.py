"""Resources as their sources see them (requirements.md S79-S81)."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from actions.loaders import Resources
from actions.registry import Actions
from actions.results import Failed, Succeeded
from tests.unit.actions.target import Target, asking, loaded, secrets_of, serving


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    async with serving(Target()) as running:
        yield running


@pytest.fixture
async def actions(target: Target) -> AsyncIterator[Actions]:
    declarations: dict[str, object] = {
        "customer.history": {
            "kind": "http",
            "url": f"{target.url}/customers/${{id}}/history?full=1",
            "headers": {"authorization": "Bearer ${secrets.CRM}"},
            "timeout": "1s",
        },
        "named.by_id": {"kind": "http", "url": "http://${id}.example/x"},
        "no.secret": {"kind": "http", "url": "${secrets.NOWHERE}/${id}"},
        "from.secret": {"kind": "http", "url": "${secrets.SOURCE}/orders/${id}"},
        "country.rates": {
            "kind": "static",
            "data": {"DE": {"vat": 19}},
            "default": {"vat": 0},
        },
        "unwired": {"kind": "sql", "query": "select %(id)s", "dsn": "${secrets.CRM}"},
    }
    secrets = secrets_of(CRM="crm-token", SOURCE=target.url)
    async with loaded(secrets=secrets, declarations=declarations) as found:
        yield found


# S80 S81
async def test_a_resource_is_read_from_its_source_by_its_id(
    target: Target, actions: Actions
) -> None:
    target.body = b'{"orders_count": 4}'
    result = await actions.perform(asking("load", resource="customer.history", id="c-1"))
    assert result == Succeeded({"orders_count": 4})
    asked = target.asked[0]
    assert (asked.method, asked.path, asked.query) == ("GET", "/customers/c-1/history", "full=1")
    assert asked.headers["Authorization"] == "Bearer crm-token"


# S79
async def test_the_source_itself_may_be_a_secret(target: Target, actions: Actions) -> None:
    await actions.perform(asking("load", resource="from.secret", id="o-1"))
    assert target.asked[0].path == "/orders/o-1"


@pytest.mark.parametrize(
    ("id", "path"),
    [
        ("a/b", "a%2Fb"),
        ("a?x=1", "a%3Fx=1"),
        ("a#b", "a%23b"),
        ("a b", "a%20b"),
        ("ü", "%C3%BC"),
        ("a%2Fb", "a%252Fb"),
        (17, "17"),
    ],
)
async def test_an_id_is_one_component_of_the_path_whatever_it_holds(
    id: object, path: str, target: Target, actions: Actions
) -> None:
    await actions.perform(asking("load", resource="customer.history", id=id))
    assert target.asked[0].path == f"/customers/{path}/history"
    assert target.asked[0].query == "full=1"


@pytest.mark.parametrize("id", ["", ".", "..", "a/../../admin", "a\r\nX: y", "a\\..\\b", "a\0"])
async def test_an_id_that_would_lead_elsewhere_is_refused(
    id: str, target: Target, actions: Actions
) -> None:
    result = await actions.perform(asking("load", resource="customer.history", id=id))
    assert isinstance(result, Failed)
    assert (result.code, result.retryable, target.asked) == ("invalid_request", False, [])


async def test_an_id_never_chooses_the_host(actions: Actions) -> None:
    result = await actions.perform(asking("load", resource="named.by_id", id="evil"))
    assert isinstance(result, Failed)
    assert "host" in result.message


async def test_what_the_source_does_not_know_is_null(target: Target, actions: Actions) -> None:
    target.status = 404
    result = await actions.perform(asking("load", resource="customer.history", id="c-1"))
    assert result == Succeeded(None)


# S90
@pytest.mark.parametrize(
    ("status", "retryable"), [(500, True), (503, True), (429, True), (403, False), (302, False)]
)
async def test_a_source_that_refuses_is_a_failure_as_for_webhooks(
    status: int, retryable: bool, target: Target, actions: Actions
) -> None:
    target.status = status
    result = await actions.perform(asking("load", resource="customer.history", id="c-1"))
    assert isinstance(result, Failed)
    assert (result.code, result.retryable) == (f"http_{status}", retryable)


@pytest.mark.parametrize(
    "body", [b"<html>", b"", b'{"a": "\\u0000"}', b"[" * 40 + b"]" * 40, b'"' + b"x" * 2**20 + b'"']
)
async def test_an_answer_that_cannot_be_a_context_is_a_failure_for_good(
    body: bytes, target: Target, actions: Actions
) -> None:
    target.body = body
    result = await actions.perform(asking("load", resource="customer.history", id="c-1"))
    assert isinstance(result, Failed)
    assert result.code in ("invalid_json", "too_large")
    assert not result.retryable


# S81
async def test_a_static_resource_answers_from_its_declaration(actions: Actions) -> None:
    known = await actions.perform(asking("load", resource="country.rates", id="DE"))
    other = await actions.perform(asking("load", resource="country.rates", id="XX"))
    assert (known, other) == (Succeeded({"vat": 19}), Succeeded({"vat": 0}))


@pytest.mark.parametrize(
    ("resource", "code"),
    [
        ("nobody.knows", "unknown_resource"),
        ("unwired", "unknown_resource"),
        ("no.secret", "secret_missing"),
    ],
)
async def test_a_resource_that_cannot_be_read_says_why(
    resource: str, code: str, actions: Actions
) -> None:
    result = await actions.perform(asking("load", resource=resource, id="1"))
    assert isinstance(result, Failed)
    assert (result.code, result.retryable) == (code, False)


def test_declarations_tell_how_long_to_cache() -> None:
    resources = Resources()
    resources.replace({"a": {"kind": "static", "cache": "10m"}, "b": {"kind": "http", "url": "x"}})
    assert resources.ttl("a") == timedelta(minutes=10)
    assert resources.ttl("b") is None
    assert resources.ttl("c") is None
    resources.replace({"a": {"kind": "static", "cache": 0}, "b": {"kind": "http", "cache": "0s"}})
    assert resources.ttl("a") == resources.ttl("b") == timedelta()
    assert resources.is_static("a")
    assert not resources.is_static("b")
