"""URLs that data was put into (security.md, Header/URL interpolation)."""

import pytest

from actions.outputs import storable
from actions.urls import checked_url, with_query


@pytest.mark.parametrize(
    "text",
    [
        "https://erp.example/orders/o-1/accept",
        "http://erp.example:8080/a?b=c&d=%2F",
        "https://[2606:4700::1111]/x",
        "HTTPS://ERP.example/a..b/.well-known/...",
    ],
)
def test_an_ordinary_url_is_taken(text: str) -> None:
    assert checked_url(text).host


@pytest.mark.parametrize(
    "text",
    [
        "https://erp.example/orders/../admin",
        "https://erp.example/orders/..",
        "https://erp.example/orders/%2e%2e/admin",
        "https://erp.example/orders/a%2f..%2fb",
        "https://erp.example/orders/a%5c..%5cb",
        "https://erp.example/orders/%00",
        "https://erp.example/orders/%0d%0aX: y",
        "https://erp.example/a b",
        "https://erp.example/a\nb",
        "https://erp.example\\@evil.example/",
        "https://user:pass@erp.example/",
        "https://erp.example:99999/",
        "https:///orders",
        "javascript:alert(1)",
        "",
    ],
)
def test_a_url_that_data_has_bent_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(ValueError, match="the URL") as problem:
        checked_url(text)
    assert not text or text not in str(problem.value)


def test_query_parameters_are_encoded_and_join_those_of_the_url() -> None:
    url = with_query(checked_url("https://erp.example/a?x=1"), {"q": "a&b=c#d", "t": ["1", "2"]})
    assert str(url) == "https://erp.example/a?x=1&q=a%26b%3Dc%23d&t=1&t=2"


@pytest.mark.parametrize("value", [None, True, 0, -1.5, "é", [], {"a": [{"b": 2**63}]}])
def test_ordinary_json_can_be_stored(value: object) -> None:
    assert storable(value)


@pytest.mark.parametrize(
    "value",
    [
        "a\0b",
        "\ud800",
        {"a\0": 1},
        {1: "a"},
        [float("nan")],
        float("inf"),
        2**64,
        {"a": {1, 2}},
        b"a",
        object(),
    ],
)
def test_what_postgres_or_json_would_refuse_cannot_be_stored(value: object) -> None:
    assert not storable(value)


def test_nesting_has_a_limit() -> None:
    nested: object = 1
    for _ in range(32):
        nested = [nested]
    assert storable(nested)
    assert not storable([nested])
