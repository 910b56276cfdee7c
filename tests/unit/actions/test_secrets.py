"""Secrets go in where an effect is performed, and are taken out of everything else (S55)."""

import pytest

from actions.secrets import SecretMissing, fill, redact, redact_value
from engine.templates import Secret, SecretSlot, compile_template
from tests.unit.actions.target import secrets_of

SECRETS = secrets_of(TOKEN="s3cret/token", URL="https://erp.example")


# S55
def test_what_a_template_leaves_open_is_filled_with_the_secrets() -> None:
    template = compile_template(
        {
            "url": "${secrets.URL}/orders/${id}",
            "headers": [{"a": "x"}, {"b": "t ${secrets.TOKEN}"}],
        },
        allow_secrets=True,
    )
    rendered = template.render_with_secrets({"id": "${secrets.TOKEN}"})
    assert isinstance(rendered.value, dict)
    filled = fill(rendered.value, rendered.secrets, SECRETS)
    assert filled == {
        "url": "https://erp.example/orders/${secrets.TOKEN}",
        "headers": [{"a": "x"}, {"b": "t s3cret/token"}],
    }
    assert rendered.value["url"] is None


def test_an_unknown_secret_is_named_with_its_variable() -> None:
    with pytest.raises(SecretMissing, match="SLUICEGATE_SECRET_CRM"):
        fill({"a": None}, (SecretSlot(("a",), (Secret("CRM"),)),), SECRETS)


# S55
@pytest.mark.parametrize("shape", ["s3cret/token", "s3cret%2Ftoken"])
def test_a_secret_is_masked_plain_and_as_it_stands_in_a_url(shape: str) -> None:
    assert redact(f"no connection to https://x/{shape}/y", SECRETS) == (
        "no connection to https://x/***/y"
    )


def test_a_secret_that_contains_another_is_masked_whole() -> None:
    assert redact("abcd-efgh", secrets_of(A="abcd", B="abcd-efgh")) == "***"


def test_secrets_are_masked_at_every_depth_of_a_value() -> None:
    value = {"a": ["s3cret/token", 1, None, {"b": "x s3cret/token"}]}
    assert redact_value(value, SECRETS) == {"a": ["***", 1, None, {"b": "x ***"}]}


def test_a_secret_too_short_to_tell_from_text_is_left() -> None:
    assert redact("a cab", secrets_of(A="a", EMPTY="")) == "a cab"
