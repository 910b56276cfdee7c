"""Resources of kind `sql` on a real PostgreSQL (requirements.md S79, S81, S90)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import orjson
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.rows import scalar_row

from actions.http import json_bytes
from actions.registry import Actions
from actions.results import Failed, Succeeded
from engine.errors import SourceFailed
from storage.sql_source import SqlRows
from tests.unit.actions.target import asking, loaded, secrets_of

SHOP = """
create schema shop;
create table shop.orders (
    id text primary key, number bigint, total numeric(12, 2), quantity numeric,
    placed_at timestamptz, due date, lines jsonb, tags text[], ref uuid,
    picture bytea, patience interval, note text
);
insert into shop.orders values (
    'o-1', 7, 1250.50, 3, '2026-03-02 10:00+01', '2026-03-09', '[{"sku": "a", "n": 2}]', '{x,y}',
    '6b1f0c1e-0000-4000-8000-000000000001', '\\x0102', '90 seconds', null
), ('o-2', 8, 10, 1, null, null, null, null, null, null, null, 'second');
"""
ORDER = {
    "id": "o-1",
    "number": 7,
    "total": 1250.5,
    "quantity": 3,
    "placed_at": "2026-03-02T09:00:00+00:00",
    "due": "2026-03-09",
    "lines": [{"sku": "a", "n": 2}],
    "tags": ["x", "y"],
    "ref": "6b1f0c1e-0000-4000-8000-000000000001",
    "picture": "AQI=",
    "patience": 90.0,
    "note": None,
}
WITHIN = timedelta(seconds=2)


@pytest.fixture(scope="module")
def shop_url(database_url: str) -> str:
    """A database of somebody else, with one table."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(SHOP)
    return database_url + "?options=-c%20timezone%3DUTC"


@pytest.fixture
async def rows() -> AsyncIterator[SqlRows]:
    rows = SqlRows()
    yield rows
    await rows.close()


@pytest.fixture
async def actions(shop_url: str, rows: SqlRows) -> AsyncIterator[Actions]:
    def declared(query: str, **more: object) -> dict[str, object]:
        return {"kind": "sql", "query": query, "dsn": "${secrets.SHOP_DSN}", **more}

    declarations: dict[str, object] = {
        "order.details": declared("select * from shop.orders where id = %(id)s"),
        "by.number": declared("select id from shop.orders where number = %(id)s"),
        "all.orders": declared("select id from shop.orders where id <> %(id)s"),
        "slow": declared("select pg_sleep(30), %(id)s::text", timeout="200ms"),
        "writes": declared("with d as (delete from shop.orders returning id) select %(id)s::text"),
        "wrong": declared("select gone from shop.orders where id = %(id)s"),
        "large": declared("select repeat('x', 2000000), %(id)s::text"),
        "percent": declared("select 5 %% 3 as rest, %(id)s::text as id"),
        "elsewhere": {**declared("select %(id)s::text"), "dsn": "${secrets.NOWHERE}"},
        "no.secret": {**declared("select %(id)s::text"), "dsn": "${secrets.GONE}"},
    }
    dead = shop_url.rpartition("@")[0] + "@127.0.0.1:1/x?connect_timeout=1"
    secrets = secrets_of(SHOP_DSN=shop_url, NOWHERE=dead)
    async with loaded(secrets=secrets, declarations=declarations, rows=rows) as found:
        yield found


async def load(actions: Actions, resource: str, id: object = "o-1") -> Succeeded | Failed:
    return await actions.perform(asking("load", resource=resource, id=id))


# S79 S81
async def test_a_row_is_an_object_of_json_values(actions: Actions) -> None:
    assert await load(actions, "order.details") == Succeeded(ORDER)


# S81
async def test_no_row_is_null(actions: Actions) -> None:
    assert await load(actions, "order.details", "o-9") == Succeeded(None)


# S81
@pytest.mark.parametrize("id", ["' or 1=1 --", "o-1'; drop table shop.orders; --", "%(id)s", "%s"])
async def test_an_id_is_bound_and_never_part_of_the_query(id: str, actions: Actions) -> None:
    assert await load(actions, "order.details", id) == Succeeded(None)
    assert await load(actions, "order.details") == Succeeded(ORDER)


async def test_an_id_takes_the_type_of_its_column(actions: Actions) -> None:
    assert await load(actions, "by.number", 7) == Succeeded({"id": "o-1"})
    refused = await load(actions, "by.number", "seven")
    assert isinstance(refused, Failed)
    assert (refused.code, refused.retryable) == ("query_failed", False)


async def test_a_percent_sign_is_written_twice(actions: Actions) -> None:
    assert await load(actions, "percent") == Succeeded({"rest": 2, "id": "o-1"})


# S90
@pytest.mark.parametrize(
    ("resource", "code", "retryable"),
    [
        ("all.orders", "several_rows", False),
        ("slow", "timeout", True),
        ("writes", "query_refused", False),
        ("wrong", "query_failed", False),
        ("large", "too_large", False),
        ("elsewhere", "connection_failed", True),
        ("no.secret", "secret_missing", False),
    ],
)
async def test_a_database_that_gives_no_row_is_a_failure_that_shows_no_address(
    resource: str, code: str, retryable: bool, actions: Actions
) -> None:
    result = await load(actions, resource, "x" if resource == "all.orders" else "o-1")
    assert isinstance(result, Failed)
    assert (result.code, result.retryable) == (code, retryable)
    assert "127.0.0.1" not in result.message
    assert await load(actions, "order.details") == Succeeded(ORDER)


async def test_many_reads_share_a_few_connections(shop_url: str, rows: SqlRows) -> None:
    query = "select count(*) as n from pg_stat_activity where application_name = %(id)s"
    asked = {"id": "sluicegate resource"}
    found = await asyncio.gather(
        *(rows.fetch_row(shop_url, query, asked, WITHIN) for _ in "x" * 40)
    )
    assert {row["n"] for row in found if row} <= {1, 2, 3, 4}


async def test_a_query_of_several_statements_is_refused(shop_url: str, rows: SqlRows) -> None:
    query = "select %(id)s::text; commit; drop table shop.orders"
    with pytest.raises(SourceFailed, match="multiple commands"):
        await rows.fetch_row(shop_url, query, {"id": "o-1"}, WITHIN)


NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63 - 1)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.sampled_from(["", "ü", '"\\', "€😀"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("aäz", max_size=4), inner),
    max_leaves=12,
)


# S53
def test_a_body_has_the_same_bytes_after_its_effect_was_read_from_the_database(
    database_url: str,
) -> None:
    with psycopg.connect(database_url, autocommit=True, row_factory=scalar_row) as connection:

        @settings(max_examples=300, deadline=None)
        @given(VALUES)
        def check(value: Any) -> None:
            row = connection.execute("select %s::jsonb::text", [orjson.dumps(value).decode()])
            assert json_bytes(orjson.loads(row.fetchone() or "")) == json_bytes(value)

        check()
