"""Dead letters: replayed with their event ids so that nothing doubles, discarded, audited."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import pytest

from devstack.stack import EmbeddedStack
from streams.redrive import REDRIVE_OF
from tests.integration.conftest import a_client
from tests.world import World, a_world

API = "/api/v1/dead-letters"
TAKES_ALL = """
name: takes-all
trigger: {event: parcel.sent}
steps:
  - {id: ok, allow: {}}
"""
STRICT = """
name: strict
trigger: {event: parcel.sent}
input: {required: [weight], properties: {weight: {type: number}}}
steps:
  - {id: ok, allow: {}}
"""
RELAXED = STRICT.replace("required: [weight], ", "").replace("type: number", "type: string")
GATHERING = RELAXED.replace("parcel.sent}", "parcel.sent, debounce: {key: all, for: 200ms}}")
ODD_BYTES = b'{"weight": \xff'


@pytest.fixture(scope="module")
def post(stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A deployment where one workflow takes every parcel and another is strict."""
    folder = tmp_path_factory.mktemp("post")
    with a_world(stack, folder, {"all.yaml": TAKES_ALL, "strict.yaml": STRICT}) as running:
        running.start_worker()
        yield running


@pytest.fixture
async def post_client(post: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client of that deployment's application."""
    async with a_client(post) as found:
        yield found


def use(world: World, text: str) -> None:
    """Register an edition of the strict workflow."""
    (world.definitions / "strict.yaml").write_text(text)
    done = world.command("apply", str(world.definitions))
    assert done.returncode == 0, done.stderr


def letter_of(world: World, mark: str) -> int:
    """Return the id of the open dead letter whose record has this key."""
    rows = world.until(
        "select id from dead_letters where record_key = %s and status = 'open'", mark.encode()
    )
    assert len(rows) == 1
    return int(rows[0]["id"])


def a_refused_parcel(world: World) -> tuple[str, int]:
    """Publish a parcel that the strict workflow refuses; return its id and its dead letter's."""
    event = uuid4().hex
    world.publish("parcel.sent", {"weight": "heavy"}, key=event, id=event)
    return event, letter_of(world, event)


def an_unreadable_record(world: World, topic: str | None = None) -> tuple[str, int]:
    """Produce bytes that nobody can read; return their key and the dead letter's id."""
    mark = uuid4().hex
    headers: dict[str, str | bytes] = {"x-mark": mark, "x-odd": b"\x00\xff"[:1]}
    world.produce(topic or world.events_topic, ODD_BYTES, key=mark, headers=headers)
    return mark, letter_of(world, mark)


def workflows_of(world: World, event: str) -> list[str]:
    """Return the workflows that an event started, one name per execution."""
    rows = world.query(
        "select workflow_name from workflow_executions where metadata -> 'event' ->> 'id' = %s"
        " order by 1",
        event,
    )
    return [row["workflow_name"] for row in rows]


def pass_by(world: World) -> None:
    """Return once the worker has taken everything that stands in the events topic now."""
    for partition in range(4):
        fence = uuid4().hex
        world.produce(
            world.events_topic,
            "{}",
            partition=partition,
            headers={"ce_id": fence, "ce_type": "fence.passed"},
        )
        world.until("select 1 as x from events where event_id = %s", fence)


# S5 S6 S12
# F4 F18
async def test_a_replay_starts_the_workflow_that_refused_and_no_other(
    post: World, post_client: httpx.AsyncClient
) -> None:
    use(post, STRICT)
    event, letter = a_refused_parcel(post)
    assert workflows_of(post, event) == ["takes-all"]
    use(post, RELAXED)
    answer = await post_client.post(
        f"{API}/{letter}/replay", json={"by": "ana", "reason": "mended"}
    )
    assert answer.status_code == 202, answer.text
    post.until(
        "select 1 as x from events where event_id = %s and jsonb_array_length(triggered_workflows)"
        " = 2",
        event,
    )
    assert workflows_of(post, event) == ["strict", "takes-all"]
    sent = [r for r in post.all_seen(lambda r: r.topic == post.events_topic) if r.key == event]
    assert len(sent) == 2
    first, again = sent
    assert again.raw == first.raw
    assert first.headers.items() <= again.headers.items()
    assert again.headers["ce_id"] == event.encode()


# S6
async def test_what_a_replayed_event_starts_later_stands_at_its_first_arrival(
    post: World, post_client: httpx.AsyncClient
) -> None:
    use(post, STRICT)
    event, letter = a_refused_parcel(post)
    use(post, GATHERING)
    assert (await post_client.post(f"{API}/{letter}/replay")).status_code == 202
    [row] = post.until(
        "select triggered_workflows from events where event_id = %s"
        " and jsonb_array_length(triggered_workflows) = 2",
        event,
    )
    assert workflows_of(post, event) == ["strict", "takes-all"]
    [begun] = post.query(
        "select execution_id from workflow_executions where workflow_name = 'strict'"
        " and metadata -> 'event' ->> 'id' = %s",
        event,
    )
    assert row["triggered_workflows"][1] == begun["execution_id"]


# S12
# F20
async def test_a_replay_produced_twice_starts_once(
    post: World, post_client: httpx.AsyncClient
) -> None:
    use(post, STRICT)
    event, letter = a_refused_parcel(post)
    use(post, RELAXED)
    assert (await post_client.post(f"{API}/{letter}/replay")).status_code == 202
    again = post.wait_for(lambda r: r.key == event and REDRIVE_OF in r.headers, "the replay")
    for _ in range(2):
        post.produce(post.events_topic, again.raw, key=event, headers=again.headers)
    pass_by(post)
    assert workflows_of(post, event) == ["strict", "takes-all"]
    assert post.query("select 1 from dead_letters where record_key = %s", event.encode()) == [
        {"?column?": 1}
    ]


# S12
async def test_a_header_alone_replays_nothing(post: World) -> None:
    use(post, STRICT)
    event, letter = a_refused_parcel(post)
    use(post, RELAXED)
    forged = {"ce_specversion": "1.0", "ce_id": event, "ce_source": "/tests"}
    forged |= {"ce_type": "parcel.sent", REDRIVE_OF: str(letter)}
    post.produce(post.events_topic, '{"weight": "forged"}', key=event, headers=forged)
    pass_by(post)
    assert workflows_of(post, event) == ["takes-all"]


# F18
async def test_what_fails_again_is_a_new_dead_letter_with_one_attempt_more(
    post: World, post_client: httpx.AsyncClient
) -> None:
    use(post, STRICT)
    event, letter = a_refused_parcel(post)
    assert (await post_client.post(f"{API}/{letter}/replay")).status_code == 202
    second = letter_of(post, event)
    assert second != letter
    found = (await post_client.get(f"{API}/{second}")).json()
    assert (found["attempts"], found["error_type"]) == (2, "invalid_input")
    use(post, RELAXED)
    assert (await post_client.post(f"{API}/{second}/replay")).status_code == 202
    post.until(
        "select 1 as x from workflow_executions where workflow_name = 'strict'"
        " and metadata -> 'event' ->> 'id' = %s",
        event,
    )
    assert workflows_of(post, event) == ["strict", "takes-all"]


# F18
async def test_a_record_without_an_id_keeps_its_place_as_its_id(
    post: World, post_client: httpx.AsyncClient
) -> None:
    mark, letter = an_unreadable_record(post)
    row = (await post_client.get(f"{API}/{letter}")).json()
    assert row["value"] == {"base64": "eyJ3ZWlnaHQiOiD/"}
    assert row["record_key"] == {"text": mark}
    assert {"name": "x-odd", "value": {"text": "\x00"}} in row["headers"]
    assert (await post_client.post(f"{API}/{letter}/replay")).status_code == 202
    again = post.wait_for(
        lambda r: r.topic == post.events_topic and r.key == mark and REDRIVE_OF in r.headers,
        "the replay",
    )
    assert (again.raw, again.headers["x-odd"]) == (ODD_BYTES, b"\x00")
    place = f"{row['topic']}:{row['partition']}:{row['record_offset']}"
    assert again.headers["event-id"] == place.encode()
    second = letter_of(post, mark)
    assert (await post_client.post(f"{API}/{second}/replay")).status_code == 202
    third = post.wait_for(
        lambda r: r.headers.get(REDRIVE_OF) == str(second).encode() and r.topic == again.topic,
        "the second replay",
    )
    assert third.headers["event-id"] == place.encode()


async def test_a_malformed_decision_is_replayed_to_its_own_topic(
    post: World, post_client: httpx.AsyncClient
) -> None:
    mark, letter = an_unreadable_record(post, post.topic("decisions"))
    assert (await post_client.post(f"{API}/{letter}/replay")).status_code == 202
    again = post.wait_for(lambda r: r.key == mark and REDRIVE_OF in r.headers, "the replay")
    assert (again.topic, again.raw) == (post.topic("decisions"), ODD_BYTES)


async def test_who_settled_a_dead_letter_and_why_is_kept(
    post: World, post_client: httpx.AsyncClient
) -> None:
    _, letter = an_unreadable_record(post)
    answer = await post_client.post(f"{API}/{letter}/discard", json={"by": "bo", "reason": "spam"})
    assert (answer.status_code, answer.json()["status"]) == (200, "discarded")
    (note,) = (await post_client.get(f"{API}/{letter}")).json()["redrives"]
    assert (note["action"], note["asked_by"], note["reason"]) == ("discard", "bo", "spam")
    assert note["asked_at"]
    refused = await post_client.post(f"{API}/{letter}/replay", json={"by": "ana"})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/dead-letter-settled")
    assert refused.json()["code"] == "discarded"
    assert len((await post_client.get(f"{API}/{letter}")).json()["redrives"]) == 1


async def test_a_repeated_call_with_one_idempotency_key_replays_once(
    post: World, post_client: httpx.AsyncClient
) -> None:
    mark, letter = an_unreadable_record(post)
    key = {"Idempotency-Key": uuid4().hex}
    answers = [await post_client.post(f"{API}/{letter}/replay", headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [202, 202]
    letter_of(post, mark)
    sent = post.all_seen(lambda r: r.topic == post.events_topic and r.key == mark)
    assert len(sent) == 2


async def test_lists_are_filtered_and_paged(post: World, post_client: httpx.AsyncClient) -> None:
    ids = [an_unreadable_record(post)[1] for _ in range(3)]
    _, other = an_unreadable_record(post, post.topic("commands"))

    async def listed(**asked: Any) -> list[int]:
        found: list[int] = []
        while True:
            page = (await post_client.get(API, params={**asked, "limit": 2})).json()
            found += [item["id"] for item in page["items"]]
            if page["next_cursor"] is None:
                return found
            asked["cursor"] = page["next_cursor"]

    events = await listed(topic=post.events_topic, status="open")
    assert (set(ids) <= set(events), other in events) == (True, False)
    assert await listed(topic=post.topic("commands"), error_type="invalid_json") == [other]
    assert await listed(error_type="no_such_reason") == []
    assert await listed(since="2999-01-01T00:00:00Z") == []
    assert await listed(topic=post.topic("commands"), status="replayed") == []
    assert events == sorted(events, reverse=True)


@pytest.mark.parametrize("call", ["", "/replay", "/discard"])
async def test_an_unknown_dead_letter_is_not_found(
    post_client: httpx.AsyncClient, call: str
) -> None:
    method = "POST" if call else "GET"
    assert (await post_client.request(method, f"{API}/999999999{call}")).status_code == 404
    assert (
        await post_client.request(method, f"{API}/99999999999999999999{call}")
    ).status_code == 422


@pytest.mark.parametrize("cursor", ["nonsense", "²", "9" * 30])
async def test_a_foreign_cursor_is_refused(post_client: httpx.AsyncClient, cursor: str) -> None:
    answer = await post_client.get(API, params={"cursor": cursor})
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-cursor")


def test_many_are_replayed_only_once_their_count_is_agreed_to(post: World) -> None:
    use(post, STRICT)
    parcels = [a_refused_parcel(post) for _ in range(3)]
    chosen = ("--error-type", "invalid_input", "--topic", post.events_topic, "--since", "1h")
    count = len(
        post.query("select id from dead_letters where status='open' and error_type='invalid_input'")
    )
    asked = post.command("dead-letters", "replay", *chosen)
    assert asked.returncode == 2
    assert f"{count} dead letters match; add --yes" in asked.stderr
    use(post, RELAXED)
    done = post.command("dead-letters", "replay", *chosen, "--yes", "--by", "ana")
    assert (done.returncode, done.stdout) == (0, f"{count} dead letters replayed\n"), done.stderr
    pass_by(post)
    for event, letter in parcels:
        assert workflows_of(post, event) == ["strict", "takes-all"]
        shown = json.loads(post.command("dead-letters", "show", str(letter), "--json").stdout)
        assert (shown["status"], shown["redrives"][0]["asked_by"]) == ("replayed", "ana")


def test_the_command_line_lists_shows_and_discards(post: World) -> None:
    mark, letter = an_unreadable_record(post)
    listed = post.command(
        "dead-letters", "list", "--error-type", "invalid_json", "--status", "open"
    )
    assert str(letter) in [line.split("\t")[0] for line in listed.stdout.splitlines()]
    assert mark in post.command("dead-letters", "show", str(letter)).stdout
    done = post.command("dead-letters", "discard", str(letter), "--reason", "spam")
    assert (done.returncode, done.stdout) == (0, "1 dead letter discarded\n")
    again = post.command("dead-letters", "replay", str(letter), "--json")
    assert again.returncode == 1
    assert json.loads(again.stdout)["refused"][0]["id"] == letter
    assert post.command("dead-letters", "show", "999999999").returncode == 3
    everything = post.command("dead-letters", "discard")
    assert everything.returncode == 2
    assert "--topic" in everything.stderr


async def test_the_pages_list_a_letter_and_show_its_bytes_and_execution(
    post: World, post_client: httpx.AsyncClient
) -> None:
    mark, letter = an_unreadable_record(post)
    execution = f"01a20d5f-4f44-79a8-ba57-{uuid4().hex[:12]}"
    post.query(
        "update dead_letters set execution_id = %s where id = %s returning id", execution, letter
    )
    listed = await post_client.get("/dead-letters")
    assert f'href="/dead-letters/{letter}"' in listed.text
    page = await post_client.get(f"/dead-letters/{letter}")
    assert mark in page.text
    assert ODD_BYTES.hex(" ") in page.text
    assert f'href="/executions/exec_{execution.replace("-", "")}"' in page.text
    assert (await post_client.get("/dead-letters/999999999")).status_code == 404
    discarded = await post_client.get("/dead-letters", params={"status": "discarded"})
    assert f'href="/dead-letters/{letter}"' not in discarded.text
