"""`POST /events` takes CloudEvents as the official SDK sends them (HTTP binding 1.0.2)."""

from uuid import uuid4

import httpx2 as httpx
import pytest
from cloudevents.core.bindings.http import to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from tests.world import World

EVENTS = "/api/v1/events"


def an_event(data: object, **more: str) -> CloudEvent:
    named = {"id": uuid4().hex, "source": "/sdk", "type": "nothing.here", "specversion": "1.0"}
    return CloudEvent({**named, **more}, data)  # type: ignore[arg-type]


async def sent(client: httpx.AsyncClient, event: CloudEvent, mode: str) -> httpx.Response:
    message = (to_binary if mode == "binary" else to_structured)(event, JSONFormat())
    return await client.post(EVENTS, content=message.body, headers=message.headers)


# S7
@pytest.mark.parametrize("mode", ["binary", "structured"])
@pytest.mark.parametrize(
    ("data", "more", "payload"),
    [
        ({"a": 1}, {"datacontenttype": "application/vnd.shop+json"}, {"a": 1}),
        (b'{"a": 1}', {"datacontenttype": "application/json"}, {"a": 1}),
    ],
)
async def test_an_event_of_the_sdk_is_taken_in_both_modes(
    client: httpx.AsyncClient,
    shop: World,
    mode: str,
    data: object,
    more: dict[str, str],
    payload: dict[str, object],
) -> None:
    event = an_event(data, subject='süß % "q"', partitionkey="p-1", **more)
    answer = await sent(client, event, mode)
    assert answer.status_code == 202, answer.text
    sql = "select payload, subject, record_key from events where event_id = %s"
    [row] = shop.until(sql, event.get_id())
    assert row == {"payload": payload, "subject": 'süß % "q"', "record_key": "p-1"}


# S7
async def test_an_event_without_data_is_taken_where_it_says_all_that(
    client: httpx.AsyncClient, shop: World
) -> None:
    structured, binary = an_event(None), an_event(None)
    assert (await sent(client, structured, "structured")).status_code == 202
    [row] = shop.until("select payload from events where event_id = %s", structured.get_id())
    assert row == {"payload": {}}
    assert (await sent(client, binary, "binary")).json()["code"] == "invalid_json"


# S7
@pytest.mark.parametrize(
    ("kind", "status"), [("application/xml", 415), ("application/cloudevents-x+json", 415)]
)
async def test_data_of_another_media_type_is_refused(
    client: httpx.AsyncClient, kind: str, status: int
) -> None:
    named = {"ce-specversion": "1.0", "ce-type": "nothing.here", "content-type": kind}
    answer = await client.post(EVENTS, content=b"{}", headers=named)
    assert answer.status_code == status
