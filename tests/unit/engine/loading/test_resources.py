"""`resources.yaml`: every mistake with its place (requirements.md S81)."""

from pathlib import Path

import jsonschema_rs
import pytest

from actions.definitions import Folder, read_into
from engine.language.schema import resources_schema

RESOURCES = jsonschema_rs.Draft202012Validator(resources_schema())

SOUND = """
customer.history:
  kind: http
  url: "http://crm.internal/customers/${id}/history"
  headers: { authorization: "Bearer ${secrets.CRM}", x-id: "${id}" }
  timeout: 2s
  cache: 10m
from.secret:      { kind: http, url: "${secrets.CRM_URL}/customers/${id}", cache: 0 }
order.details:    { kind: sql, query: "select * from a where id = %(id)s", dsn: "${secrets.DSN}" }
late.orders:
  kind: sql
  query: |
    with late as (select * from shop.orders where note like 'late%%' and due < now())
    select count(*) as n from late where customer_id = %(id)s and kind <> 'it''s'
  dsn: "postgresql://${secrets.SHOP_USER}@db.internal/shop"
  timeout: 1s
  cache: 0s
country.rates:    { kind: static, data: { DE: { vat: 19 }, 7: x }, default: { vat: 0 } }
"""


def mistakes(folder: Path, text: str) -> list[str]:
    """Return the mistakes of a resources file, without its name."""
    file = folder / "resources.yaml"
    file.write_text(text, "utf-8")
    found = Folder()
    read_into(file, found)
    return [f"{each.line}:{each.column}: {each.problem}" for each in found.mistakes]


# S79 S80 S81
def test_sound_declarations_of_every_kind_are_taken(tmp_path: Path) -> None:
    assert mistakes(tmp_path, SOUND) == []


def sql(query: str = "select %(id)s", dsn: str = "${secrets.A}") -> str:
    return f'r:\n  kind: sql\n  query: "{query}"\n  dsn: "{dsn}"\n'


BOUND = "only %(id)s is bound; write %% for a percent sign"
FIXED = "this must be a fixed text: not empty, no ${...}"
HOST = "scheme and host must be literal or one secret: https://crm.example.com/customers/${id}"
SECRET = "dsn names a secret and nothing of the data: ${secrets.SHOP_DSN}"
USES = "the query must use the id: where id = %(id)s"
ONLY_ID = "${order_id} is not known here; there are ${id} and ${secrets.NAME}"


# S81
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (sql("delete from a where id = %(id)s"), ["3:3: a query begins with select or with"]),
        (sql("select 1"), [f"3:3: {USES}"]),
        (sql("select %s, %(id)s"), [f"3:3: {BOUND}"]),
        (sql("select %(other)s, %(id)s"), [f"3:3: {BOUND}"]),
        (sql("select 5 % 3, %(id)s"), [f"3:3: {BOUND}"]),
        (
            sql("select * from a where id = '%(id)s'"),
            ["3:3: take the quotes away from %(id)s: it is bound, not inserted"],
        ),
        (sql("select * from a where id = ${id}"), [f"3:3: {FIXED}"]),
        (sql(dsn="postgresql://u:p@db/shop"), [f"4:3: {SECRET}"]),
        (sql(dsn="${secrets.A}?user=${id}"), [f"4:3: {SECRET}"]),
        ("r: { kind: sql }", ["1:1: the key 'dsn' is missing", "1:1: the key 'query' is missing"]),
        (
            sql() + "  url: x\n",
            ["5:3: unknown key 'url' (allowed: cache, dsn, kind, query, timeout)"],
        ),
        (
            sql() + "  timeout: 2\n",
            ["5:3: 2 is no duration; write 500ms, 30s, 10m, 24h, 5d, 2w or PT24H"],
        ),
        ("r: { kind: http, url: '//crm/${id}' }", [f"1:18: {HOST}"]),
        ("r: { kind: http, url: 'http://${id}.crm/' }", [f"1:18: {HOST}"]),
        ("r: { kind: http, url: 'http://crm/${order_id}' }", [f"1:18: {ONLY_ID}"]),
        (
            "r: { kind: http, url: http://crm/, headers: { a: '${order_id}' } }",
            [f"1:47: {ONLY_ID}"],
        ),
        ("r: { kind: http, url: http://crm/, headers: [a] }", ["1:36: this must be a mapping"]),
        ("r: { kind: static, data: [1] }", ["1:20: data is a mapping of ids to values"]),
        ("r: { kind: python, entry_point: '' }", [f"1:20: {FIXED}"]),
    ],
)
def test_a_mistake_of_a_declaration_is_named_with_its_place(
    text: str, expected: list[str], tmp_path: Path
) -> None:
    assert mistakes(tmp_path, text) == expected


@pytest.mark.parametrize("name", ["Bad Name!", "12", "a..b", "Ü..x", ".a", "a.", "a.9", "a:b", ""])
def test_a_name_that_is_none_is_refused_at_its_place(tmp_path: Path, name: str) -> None:
    text = (
        f'sound.one_2: {{ kind: static, data: {{}} }}\n"{name}": {{ kind: static, data: {{}} }}\n'
    )
    assert mistakes(tmp_path, text) == [
        f"2:1: {name!r} is no resource name: write lower-case letters, digits and _, a letter "
        "first, such parts joined by dots: customer.history"
    ]
    assert list(RESOURCES.iter_errors({name: {"kind": "static"}}))


# A resource lands where the load says: its name hides nothing.
def test_a_resource_may_be_called_as_a_part_of_the_context(tmp_path: Path) -> None:
    assert mistakes(tmp_path, "event: { kind: static, data: {} }\n") == []


@pytest.mark.parametrize(
    "url", ["http://[::1", "http://crm:99999/a", "http://crm:x/", "http://crm/.."]
)
def test_a_url_that_no_call_can_use_is_refused_at_its_place(tmp_path: Path, url: str) -> None:
    (found,) = mistakes(tmp_path, f"r: {{ kind: http, url: '{url}' }}")
    assert found.startswith("1:18: the URL")
    assert found.endswith("; write one such as https://api.example.com:8443/orders?of=a%20b")
