"""Indexes built while others write, also those of partitioned tables."""

import re
from typing import LiteralString, cast

from psycopg import sql

from storage.store import Connection

_INDEX = re.compile(r"create index concurrently if not exists (\w+) on (\w+) (.+)", re.DOTALL)


async def drop_half_built(connection: Connection, text: str) -> None:
    """Drop what an earlier try left behind: `if not exists` would take it for built."""
    names = tuple(re.findall(r"\bidx_\w+", text))
    cursor = await connection.execute(
        "select c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid "
        "where not i.indisvalid and c.relkind = 'i'"
    )
    for row in await cursor.fetchall():
        if row["name"].endswith(names):
            drop = sql.SQL("drop index concurrently if exists {name}")
            await connection.execute(drop.format(name=sql.Identifier(row["name"])))


async def run_online(connection: Connection, statement: LiteralString) -> None:
    """Run one statement of an online migration, outside a transaction."""
    found = _INDEX.search(statement)
    if found is not None and await _is_partitioned(connection, found[2]):
        await _build_in_parts(connection, found[1], found[2], cast(LiteralString, found[3]))
    else:
        await connection.execute(statement)


async def _is_partitioned(connection: Connection, table: str) -> bool:
    cursor = await connection.execute(
        "select relkind = 'p' as found from pg_class where oid = %s::regclass", (table,)
    )
    row = await cursor.fetchone()
    return row is not None and bool(row["found"])


async def _build_in_parts(
    connection: Connection, name: str, table: str, rest: LiteralString
) -> None:
    """Build the index of each partition concurrently, which the server cannot do for the whole."""
    cursor = await connection.execute(
        "select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid "
        "where i.inhparent = %s::regclass and not exists ("
        "select from pg_inherits a join pg_index x on x.indexrelid = a.inhrelid "
        "where a.inhparent = to_regclass(%s) and x.indrelid = c.oid)",
        (table, name),
    )
    parts = [row["name"] for row in await cursor.fetchall()]
    build = sql.SQL("create index concurrently if not exists {name} on {part} " + rest)
    for part in parts:
        names = {"name": sql.Identifier(f"{part}_{name}"), "part": sql.Identifier(part)}
        await connection.execute(build.format(**names))
    whole = sql.SQL("create index if not exists {name} on only {table} " + rest)
    await connection.execute(whole.format(name=sql.Identifier(name), table=sql.Identifier(table)))
    attach = sql.SQL("alter index {name} attach partition {part}")
    for part in parts:
        names = {"name": sql.Identifier(name), "part": sql.Identifier(f"{part}_{name}")}
        await connection.execute(attach.format(**names))
