"""Lists by HTTP: filters, pages, and a stable order (requirements.md S195, S200)."""

from uuid import uuid4

import httpx2 as httpx
import pytest

from tests.integration.seeds import an_execution
from tests.world import World

API = "/api/v1"


async def ids(client: httpx.AsyncClient, path: str, name: str, **params: object) -> list[str]:
    """Follow the pages of a list and return one member of every item."""
    found: list[str] = []
    cursor: str | None = None
    while True:
        asked = {**params, **({"cursor": cursor} if cursor else {})}
        answer = await client.get(f"{API}/{path}", params=asked)  # type: ignore[arg-type]
        assert answer.status_code == 200, answer.text
        found += [item[name] for item in answer.json()["items"]]
        cursor = answer.json()["next_cursor"]
        if cursor is None:
            return found


# S195 S200
async def test_executions_are_found_by_label(quiet_client: httpx.AsyncClient, quiet: World) -> None:
    name, value = f"team{uuid4().hex[:6]}", "risk & audit"
    labelled = an_execution(quiet, uuid4().hex, labels={name: value})
    other = an_execution(quiet, uuid4().hex, labels={name: "sales"})
    one = await ids(quiet_client, "executions", "execution_id", label=f"{name}={value}")
    assert one == [labelled]
    both = await ids(quiet_client, "executions", "execution_id", label=name)
    assert sorted(both) == sorted([labelled, other])
    assert await ids(quiet_client, "executions", "execution_id", label="nothing") == []


# S195
@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("approval", [0]),
        ("event", [1]),
        ("stock.counted", [1]),
        ("clerk", [0]),
        ("hold", [2]),
        ("timer", []),
    ],
)
async def test_executions_are_found_by_what_they_wait_for(
    quiet_client: httpx.AsyncClient, quiet: World, wanted: str, found: list[int]
) -> None:
    label = uuid4().hex
    runs = [
        an_execution(quiet, f"{label}1", "paused", "approval:w", ("approval",), {label: ""}),
        an_execution(quiet, f"{label}2", "paused", "event:w", ("event",), {label: ""}),
        an_execution(quiet, f"{label}3", "paused", "hold:ops", (), {label: ""}),
        an_execution(quiet, f"{label}4", "running", None, (), {label: ""}),
    ]
    listed = await ids(quiet_client, "executions", "execution_id", label=label, waiting_on=wanted)
    assert sorted(listed) == sorted(runs[number] for number in found)


# S195 S200
async def test_pages_hold_every_execution_once_in_one_order(
    quiet_client: httpx.AsyncClient, quiet: World
) -> None:
    label = uuid4().hex
    runs = {an_execution(quiet, f"{label}{n}", labels={label: ""}) for n in range(7)}
    paged = await ids(quiet_client, "executions", "execution_id", label=label, limit=2)
    whole = await ids(quiet_client, "executions", "execution_id", label=label, limit=200)
    assert paged == whole
    assert len(paged) == 7
    assert set(paged) == runs
    left = await ids(quiet_client, "executions", "execution_id", label=label, offset=3)
    assert left == whole[3:]
    asked = {"label": label, "limit": "2", "offset": "4"}
    one_page = (await quiet_client.get(f"{API}/executions", params=asked)).json()
    assert [item["execution_id"] for item in one_page["items"]] == whole[4:6]
    assert one_page["next_cursor"] is not None


# S195
async def test_executions_are_found_by_status_workflow_trigger_and_time(
    quiet_client: httpx.AsyncClient, quiet: World
) -> None:
    label = uuid4().hex
    run = an_execution(quiet, label, "blocked", labels={label: ""})
    matching = {"status": "blocked", "result": "blocked", "workflow": "labelled"}
    times = {"since": "2026-01-01T00:00:00Z", "until": "2126-01-01T00:00:00Z"}
    asked = {"label": label, "trigger": "order.created", **matching, **times}
    assert await ids(quiet_client, "executions", "execution_id", **asked) == [run]
    for name, value in (
        ("status", "paused"),
        ("result", "allowed"),
        ("workflow", "other"),
        ("trigger", "order.changed"),
        ("since", times["until"]),
        ("until", times["since"]),
    ):
        none = await ids(quiet_client, "executions", "execution_id", **{**asked, name: value})
        assert none == [], name


# S205
async def test_open_waits_are_listed_by_kind_with_their_execution(
    quiet_client: httpx.AsyncClient, quiet: World
) -> None:
    run = an_execution(quiet, uuid4().hex, "paused", "event:w", ("event", "timer"))
    waits = (await quiet_client.get(f"{API}/waits", params={"limit": 200})).json()["items"]
    own = {wait["kind"]: wait for wait in waits if wait["execution_id"] == run}
    assert set(own) == {"event", "timer"}
    assert own["event"]["event"] == "stock.counted"
    assert own["event"]["workflow"] == "order-approval"
    kinds = await ids(quiet_client, "waits", "kind", kind="timer", limit=1)
    assert set(kinds) == {"timer"}
    closed = await ids(quiet_client, "waits", "status", status="closed")
    assert set(closed) <= {"closed"}
    assert await ids(quiet_client, "waits", "kind", workflow="other") == []
    wrong = await quiet_client.get(f"{API}/waits", params={"kind": "odd"})
    assert wrong.status_code == 422
