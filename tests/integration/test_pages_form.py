"""The decision form without a browser: what it draws for a field, and what it sends for it."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import psycopg

from tests.integration.seeds import a_request
from tests.world import World

FORM: dict[str, Any] = {
    "term": {
        "oneOf": [{"const": 14, "title": "Two <weeks>"}, {"const": None, "title": "Never"}],
        "default": 14,
    },
    "currency": {"type": "string", "readOnly": True, "default": "EUR\n<b>", "description": "Ours"},
    "code": {"type": "string", "examples": ['K-"12"'], "description": "On the <invoice>"},
}
ANSWER = {"decided_by": "ana", "outcome": "approved"}


def asked(world: World) -> str:
    """Insert a request with a form; return its id."""
    request_id = a_request(world, uuid4().hex)
    more = {"form": FORM, "required_fields": ["term"], "workflow": "order-approval", "version": 1}
    with psycopg.connect(world.database_url) as connection:
        connection.execute(
            "update waits set record = (record::jsonb || %s::jsonb)::json"
            " where record->>'wait_id' = %s",
            (json.dumps(more), request_id),
        )
    return request_id


async def test_a_form_draws_choices_by_title_fixed_texts_and_examples(
    quiet: World, quiet_client: httpx.AsyncClient
) -> None:
    page = (await quiet_client.get(f"/approvals/{asked(quiet)}")).text
    assert '<option value="14" selected>Two &lt;weeks&gt;</option>' in page
    assert '<option value="null">Never</option>' in page
    fixed = '<output id="form.currency" aria-describedby="form.currency-help">'
    assert f"{fixed}EUR<br>&lt;b&gt;</output>" in page
    assert 'name="form.currency"' not in page
    assert 'placeholder="K-&#34;12&#34;"' in page
    assert '<small id="form.code-help">On the &lt;invoice&gt;</small>' in page


async def test_a_wrong_choice_and_a_changed_fixed_value_are_refused_beside_their_fields(
    quiet: World, quiet_client: httpx.AsyncClient
) -> None:
    typed = {**ANSWER, "form.term": "15", "form.currency": "USD"}
    answer = await quiet_client.post(f"/approvals/{asked(quiet)}", data=typed)
    assert answer.status_code == 422
    assert 'id="form.term-error">Choose one of: Two &lt;weeks&gt;, Never.<' in answer.text
    assert 'id="form.currency-error">This cannot be changed: it stays as shown.<' in answer.text
    assert "EUR<br>&lt;b&gt;</output>" in answer.text


async def test_a_choice_is_sent_with_its_type_and_a_fixed_field_with_its_default(
    quiet: World, quiet_client: httpx.AsyncClient
) -> None:
    decision_id = uuid4().hex
    typed = {**ANSWER, "form.term": "null", "decision_id": decision_id}
    answer = await quiet_client.post(f"/approvals/{asked(quiet)}", data=typed)
    assert answer.status_code == 303
    sent = await asyncio.to_thread(
        quiet.wait_for,
        lambda seen: (
            seen.topic == quiet.topic("decisions") and seen.value["decision_id"] == decision_id
        ),
    )
    assert sent.value["form"] == {"term": None, "currency": "EUR\n<b>"}
