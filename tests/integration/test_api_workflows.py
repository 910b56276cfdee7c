"""Definitions by HTTP: read, checked and registered as the command line does (S205)."""

from uuid import uuid4

import httpx2 as httpx
import pytest

from tests.world import World

API = "/api/v1"
YAML = {"content-type": "application/yaml"}


def a_text(name: str, reason: str = "fine") -> str:
    return (
        f"name: {name}\n"
        f"trigger: {{ event: {name} }}\n"
        "steps:\n"
        "  - id: done\n"
        f"    allow: {{ reason: {reason} }}\n"
    )


def a_name() -> str:
    return f"w{uuid4().hex[:8]}"


async def put(client: httpx.AsyncClient, name: str, text: str, **headers: str) -> httpx.Response:
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    return await client.put(
        f"{API}/workflows/{name}", content=text.encode(), headers={**YAML, **named}
    )


# S205
async def test_a_definition_becomes_a_version_and_what_changed_the_next_one(
    quiet_client: httpx.AsyncClient, quiet: World
) -> None:
    name = a_name()
    first = await put(quiet_client, name, a_text(name))
    assert (first.status_code, first.json()["version"]) == (201, 1), first.text
    assert first.headers["location"] == f"{API}/workflows/{name}/versions/1"
    same = await put(quiet_client, name, a_text(name))
    assert (same.status_code, same.json()["version"]) == (200, 1)
    assert (first.json()["changed"], same.json()["changed"]) == (True, False)
    second = await put(quiet_client, name, a_text(name, "other"))
    assert (second.status_code, second.json()["version"]) == (201, 2)
    rows = quiet.query("select version from workflows where name = %s order by 1", name)
    assert [row["version"] for row in rows] == [1, 2]


async def test_a_registered_definition_starts_executions(
    client: httpx.AsyncClient, shop: World
) -> None:
    name = a_name()
    await put(client, name, a_text(name))
    event = {"type": name, "data": {}}
    answer = await client.post(f"{API}/events?wait=20", json=event)
    assert [run["workflow"] for run in answer.json()["executions"]] == [name]


async def test_json_is_taken_too(quiet_client: httpx.AsyncClient) -> None:
    name = a_name()
    body = {"name": name, "trigger": {"event": "a.b"}, "steps": [{"id": "x", "allow": {}}]}
    answer = await quiet_client.put(f"{API}/workflows/{name}", json=body)
    assert answer.status_code == 201, answer.text


async def test_versions_are_read_with_their_text_and_hash(quiet_client: httpx.AsyncClient) -> None:
    name = a_name()
    for reason in ("fine", "better"):
        await put(quiet_client, name, a_text(name, reason))
    latest = await quiet_client.get(f"{API}/workflows/{name}")
    assert latest.json()["version"] == 2
    assert latest.json()["definition"] == a_text(name, "better")
    assert latest.json()["body"]["steps"][0]["allow"] == {"reason": "better"}
    assert latest.headers["etag"] == f'"{latest.json()["content_hash"]}"'
    first = await quiet_client.get(f"{API}/workflows/{name}/versions/1")
    assert first.json()["definition"] == a_text(name)
    versions = await quiet_client.get(f"{API}/workflows/{name}/versions")
    assert [item["version"] for item in versions.json()["items"]] == [2, 1]
    for path in (f"{name}/versions/3", "nobody", "nobody/versions", "nobody/versions/1"):
        assert (await quiet_client.get(f"{API}/workflows/{path}")).status_code == 404
    assert (await quiet_client.get(f"{API}/workflows/{name}/versions/0")).status_code == 422


async def test_nobody_overwrites_what_he_has_not_seen(quiet_client: httpx.AsyncClient) -> None:
    name = a_name()
    absent = await put(quiet_client, name, a_text(name), if_match="*")
    assert absent.status_code == 412
    first = await put(quiet_client, name, a_text(name), if_none_match="*")
    assert first.status_code == 201
    taken = await put(quiet_client, name, a_text(name, "b"), if_none_match="*")
    assert (taken.status_code, taken.json()["type"]) == (412, "/problems/definition-changed")
    seen = first.headers["etag"]
    second = await put(quiet_client, name, a_text(name, "b"), if_match=seen)
    assert second.status_code == 201
    stale = await put(quiet_client, name, a_text(name, "c"), if_match=seen)
    assert stale.status_code == 412
    assert second.json()["content_hash"] in stale.json()["detail"]
    fresh = await put(quiet_client, name, a_text(name, "c"), if_match=second.headers["etag"])
    assert fresh.json()["version"] == 3


async def test_one_of_several_tags_is_enough(quiet_client: httpx.AsyncClient) -> None:
    name = a_name()
    empty = await put(quiet_client, name, a_text(name), if_match='""')
    assert empty.status_code == 412
    seen = (await put(quiet_client, name, a_text(name))).headers["etag"]
    others = await put(quiet_client, name, a_text(name, "b"), if_match='"x", "y"')
    assert others.status_code == 412
    listed = await put(quiet_client, name, a_text(name, "b"), if_match=f'"x", {seen}')
    assert listed.json()["version"] == 2


async def test_a_media_type_is_the_same_in_any_case(quiet_client: httpx.AsyncClient) -> None:
    name, headers = a_name(), {"content-type": "Application/YAML; Charset=UTF-8"}
    url = f"{API}/workflows/{name}"
    answer = await quiet_client.put(url, content=a_text(name), headers=headers)
    assert answer.status_code == 201, answer.text


async def test_every_mistake_is_named_with_its_place_and_nothing_registered(
    quiet_client: httpx.AsyncClient, quiet: World
) -> None:
    name = a_name()
    text = a_text(name) + "    allow: {}\n  - id: bare\n  - id: done\n    allow: {}\n"
    answer = await put(quiet_client, name, text)
    problem = answer.json()
    assert (answer.status_code, problem["type"]) == (422, "/problems/invalid-definition")
    assert answer.headers["content-type"] == "application/problem+json"
    places = [(m["line"], m["column"]) for m in problem["mistakes"]]
    assert places == sorted(places)
    assert [line for line, _ in places] == [6, 7, 8]
    assert "7:5: a step needs one of: condition" in problem["detail"]
    assert quiet.query("select 1 as x from workflows where name = %s", name) == []


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"", "application/yaml", 422),
        (b"\xff\xfe", "application/yaml", 422),
        (b"[1]", "application/json", 422),
        (b"a: 1", "application/xml", 415),
        (b"#" * 300_000, "application/yaml", 413),
    ],
)
async def test_a_body_that_is_no_definition_is_refused(
    quiet_client: httpx.AsyncClient, body: bytes, kind: str, status: int
) -> None:
    headers = {"content-type": kind}
    answer = await quiet_client.put(f"{API}/workflows/w", content=body, headers=headers)
    assert answer.status_code == status
    assert answer.json()["type"].startswith("/problems/")


async def test_the_name_in_the_address_must_be_that_of_the_definition(
    quiet_client: httpx.AsyncClient,
) -> None:
    answer = await put(quiet_client, "other", a_text("w1"))
    assert answer.status_code == 422
    assert "the address says 'other'" in answer.json()["detail"]


async def test_a_resource_must_be_declared(quiet_client: httpx.AsyncClient) -> None:
    name = a_name()
    load = "context: {{ load: {{ x: {{ resource: {}, id: a }} }} }}\n"
    unknown = await put(quiet_client, name, a_text(name) + load.format("no.such"))
    assert unknown.status_code == 422
    assert "no.such" in unknown.json()["detail"]
    known = await put(quiet_client, name, a_text(name) + load.format("customer.history"))
    assert known.status_code == 201, known.text


async def test_a_definition_is_checked_without_being_registered(
    quiet_client: httpx.AsyncClient, quiet: World
) -> None:
    name, path = a_name(), f"{API}/workflows:validate"
    sound = await quiet_client.post(path, content=a_text(name).encode(), headers=YAML)
    assert (sound.status_code, sound.json()["valid"], sound.json()["name"]) == (200, True, name)
    broken = await quiet_client.post(path, content=b"name: w\n", headers=YAML)
    assert (broken.status_code, broken.json()["valid"]) == (200, False)
    assert {m["problem"].split("'")[1] for m in broken.json()["mistakes"]} == {"trigger", "steps"}
    assert quiet.query("select 1 as x from workflows where name = %s", name) == []
