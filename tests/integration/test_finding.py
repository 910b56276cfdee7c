"""Whatever statement finds a list: what it holds is what its filters say, in one order."""

import itertools
import random
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from engine.ids import ExecutionId, public_id
from storage import finding
from storage.reading import ExecutionFilter, Page, Reading
from storage.store import PostgresStore

Row = dict[str, Any]
BEGIN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
WORKFLOWS: tuple[tuple[str, int, dict[str, str]], ...] = (
    ("a", 1, {"team": "x"}),
    ("a", 2, {}),
    ("b", 1, {"team": "y", "core": ""}),
)
STATES = (
    ("pending", None),
    ("running", None),
    ("paused", None),
    ("completed", "allowed"),
    ("completed", "executed"),
    ("blocked", "blocked"),
    ("failed", "failed"),
    ("cancelled", None),
)
ENDED = ("completed", "blocked", "failed", "cancelled")
OTHER_REASONS = ("hold:op", "execution:x")
ANSWERS = ("pending", "approved", "rejected", "expired", "cancelled")


def _insert(connection: psycopg.Connection, table: str, row: Mapping[str, Any]) -> None:
    names, places = ", ".join(row), ", ".join(f"%({name})s" for name in row)
    connection.execute(f"insert into {table} ({names}) values ({places})".encode(), row)


def an_execution(chance: random.Random, number: int) -> Row:
    name, version, _ = chance.choice(WORKFLOWS)
    status, result = chance.choice(STATES)
    # Some begin at the same instant: then the id orders them.
    at = BEGIN + timedelta(minutes=number // 2)
    ended = at if status in ENDED else None
    return {
        "id": UUID(f"{int(at.timestamp() * 1000):012x}7{number:03x}8{number:015x}"),
        "workflow_id": UUID(int=WORKFLOWS.index((name, version, _)) + 1),
        "workflow_name": name,
        "workflow_version": version,
        "trigger_event": chance.choice(("t.one", "t.two")),
        "trigger_payload": Jsonb({}),
        "trigger_key": chance.choice((None, "k1", "k2")),
        "status": status,
        "result": result,
        "started_at": at,
        "completed_at": ended,
        "paused_at": at if status == "paused" else None,
        "paused_reason": chance.choice(OTHER_REASONS) if status == "paused" else None,
    }


def a_wait(chance: random.Random, number: int, execution: Row) -> tuple[Row, Row | None]:
    kind = chance.choice(("approval", "event", "timer"))
    answer = chance.choice(ANSWERS)
    answer = answer if execution["status"] in ("paused", "running") else "cancelled"
    at = execution["started_at"] + timedelta(seconds=number % 3)
    closed = None if answer == "pending" else at
    record = {"workflow": execution["workflow_name"]}
    wait = {
        "id": UUID(int=execution["id"].int + (number << 40)),
        "execution_id": execution["id"],
        "step_path": "s",
        "kind": kind,
        "status": "open" if closed is None else "closed",
        "outcome": None if closed is None else answer,
        "record": record
        | ({"event": chance.choice(("e.one", "e.two"))} if kind == "event" else {}),
        "opened_at": at,
        "since": at,
        "closed_at": closed,
    }
    if closed is None and execution["status"] == "paused":
        execution["paused_reason"] = f"{kind}:w"
    if kind != "approval":
        return wait, None
    request = {
        "id": wait["id"],
        "execution_id": execution["id"],
        "workflow_name": execution["workflow_name"],
        "step_path": "s",
        "status": answer,
        "roles": chance.sample(["r1", "r2"], chance.randint(0, 2)),
        "users": chance.sample(["u1", "u2"], chance.randint(0, 2)),
        "requested_at": at,
        "decided_at": closed,
    }
    return wait, request


class Filled:
    """A database with a bit of everything, and the same in memory."""

    def __init__(self, url: str) -> None:
        chance = random.Random(7)
        self.executions = [an_execution(chance, number) for number in range(160)]
        pairs = [
            a_wait(chance, number, execution)
            for number, execution in enumerate(self.executions)
            if execution["status"] != "pending"
        ]
        self.waits = [wait for wait, _ in pairs]
        self.requests = [request for _, request in pairs if request is not None]
        with psycopg.connect(url) as connection:
            for number, (name, version, labels) in enumerate(WORKFLOWS, 1):
                connection.execute(
                    "insert into workflows (id, name, version, content_hash, definition, body,"
                    " labels) values (%s, %s, %s, '', '', '{}', %s)",
                    (UUID(int=number), name, version, Jsonb(labels)),
                )
            for execution in self.executions:
                _insert(connection, "workflow_executions", execution)
            for wait in self.waits:
                _insert(connection, "waits", {**wait, "record": Jsonb(wait["record"])})
            for request in self.requests:
                _insert(connection, "approval_requests", request)

    def is_waiting_on(self, execution: Row, what: str) -> bool:
        id = execution["id"]
        names = {(execution["paused_reason"] or "").partition(":")[0]}
        for wait in self.waits:
            if wait["execution_id"] == id and wait["status"] == "open":
                names |= {wait["kind"], wait["record"].get("event"), f"w_{wait['id'].hex}"}
        for request in self.requests:
            if request["execution_id"] == id and request["status"] == "pending":
                names |= {*request["roles"], *request["users"]}
        return what in names


@pytest.fixture(scope="module")
def filled(database_url: str) -> Filled:
    return Filled(database_url)


def labels_of(execution: Row) -> Mapping[str, str]:
    number: int = execution["workflow_id"].int
    return WORKFLOWS[number - 1][2]


def fits(filled: Filled, wanted: ExecutionFilter, execution: Row) -> bool:
    name, has_value, value = (wanted.label or "").partition("=")
    labels = labels_of(execution)
    checks: dict[str, Callable[[Any], bool]] = {
        "status": lambda v: execution["status"] == v,
        "result": lambda v: execution["result"] == v,
        "workflow": lambda v: execution["workflow_name"] == v,
        "trigger": lambda v: execution["trigger_event"] == v,
        "key": lambda v: execution["trigger_key"] == v,
        "since": lambda v: execution["started_at"] >= v,
        "until": lambda v: execution["started_at"] < v,
        "label": lambda _: labels.get(name) == value if has_value else name in labels,
        "waiting_on": lambda v: filled.is_waiting_on(execution, v),
    }
    given = {field.name: getattr(wanted, field.name) for field in fields(wanted)}
    return all(checks[name](value) for name, value in given.items() if value is not None)


def newest_first(rows: list[Row], at: str) -> list[Row]:
    return sorted(rows, key=lambda row: (row[at], row["id"]), reverse=True)


async def all_pages(ask: Callable[[str | None], Any], name: str) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        page: Page = await ask(cursor)
        found += [item[name] for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            return found


FILTERS: Mapping[str, tuple[Any, ...]] = {
    "status": ("paused", "completed", "running", "failed", "cancelled"),
    "result": ("allowed", "executed", "blocked", "failed"),
    "workflow": ("a", "b", "none"),
    "trigger": ("t.one", "none"),
    "key": ("k1", "none"),
    "label": ("team", "team=x", "core", "none"),
    "since": (BEGIN + timedelta(minutes=30),),
    "until": (BEGIN + timedelta(minutes=50),),
    "waiting_on": ("approval", "event", "timer", "hold", "execution", "e.one", "r1", "u2", "none"),
}
SINGLE: list[dict[str, Any]] = [
    {name: value} for name, values in FILTERS.items() for value in values
]
PAIRS = [
    one | other for one, other in itertools.combinations(SINGLE, 2) if set(one).isdisjoint(other)
]


# S195 S200
@pytest.mark.parametrize("most_sorted", [1, 10_000], ids=["walked", "sorted"])
async def test_executions_listed_are_those_that_fit(
    filled: Filled, store: PostgresStore, monkeypatch: pytest.MonkeyPatch, most_sorted: int
) -> None:
    monkeypatch.setattr(finding, "MOST_SORTED", most_sorted)
    reading, newest = (
        Reading(store),
        sorted(filled.executions, key=lambda row: (row["started_at"], row["id"]), reverse=True),
    )
    for given in ({}, *SINGLE, *PAIRS):
        wanted = ExecutionFilter(**given)
        expected = [
            public_id(ExecutionId(str(row["id"]))) for row in newest if fits(filled, wanted, row)
        ]
        found = await reading.executions(wanted, 200)
        assert [row["execution_id"] for row in found.items] == expected, given


# S200
async def test_pages_of_each_kind_of_list_hold_everything_once(
    filled: Filled, store: PostgresStore
) -> None:
    reading = Reading(store)
    some: list[dict[str, Any]] = [{"workflow": "a"}, {"status": "completed"}, {"waiting_on": "r1"}]
    for given in ({}, *some):
        wanted = ExecutionFilter(**given)
        paged = await all_pages(partial(reading.executions, wanted, 7), "id")
        assert paged == [row["id"] for row in (await reading.executions(wanted, 200)).items]
        assert paged, given


async def test_requests_listed_are_those_that_fit(filled: Filled, store: PostgresStore) -> None:
    newest = newest_first(filled.requests, "requested_at")
    for status, role, user, workflow in itertools.product(
        (None, *ANSWERS), (None, "r1", "none"), (None, "u2"), (None, "a", "none")
    ):
        expected = [
            str(row["id"])
            for row in newest
            if status in (None, row["status"])
            and (role is None or role in row["roles"])
            and (user is None or user in row["users"])
            and workflow in (None, row["workflow_name"])
        ]
        given = {"status": status, "role": role, "user": user, "workflow": workflow}

        async def ask(cursor: str | None, given: Any = given) -> Page:
            return await Reading(store).approvals(**given, limit=6, cursor=cursor)

        assert await all_pages(ask, "id") == expected, given


async def test_waits_listed_are_those_that_fit(filled: Filled, store: PostgresStore) -> None:
    newest = newest_first(filled.waits, "opened_at")
    for status, kind, workflow in itertools.product(
        (None, "open", "closed"), (None, "approval", "event", "timer"), (None, "a", "none")
    ):
        expected = [
            str(row["id"])
            for row in newest
            if status in (None, row["status"])
            and kind in (None, row["kind"])
            and workflow in (None, row["record"]["workflow"])
        ]
        given = {"status": status, "kind": kind, "workflow": workflow}

        async def ask(cursor: str | None, given: Any = given) -> Page:
            return await Reading(store).waits(**given, limit=9, cursor=cursor)

        assert await all_pages(ask, "id") == expected, given
