"""What must hold of the database server, checked before workers start."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from config.checks import Check
from storage.errors import MigrationNeeded, SchemaTooNew
from storage.migrate import Applied, judge_schema, migrations, read_schema
from storage.store import PostgresStore

Row = Mapping[str, Any]
DURABLE = ("fsync", "full_page_writes", "synchronous_commit")
MOST_SKEW = timedelta(seconds=5)
"""Difference of two clocks beyond which one of them is wrong."""


async def database_checks(store: PostgresStore) -> list[Check]:
    """Return what must hold of schema, server and clock."""
    applied = await read_schema(store)
    before = datetime.now(UTC)
    rows = await store.fetch("read_server")
    ahead = await store.fetch("read_next_month")
    between = before + (datetime.now(UTC) - before) / 2
    return [
        judge_applied(applied),
        *judge_server(rows),
        judge_months(ahead[0]["partition"]),
        judge_clock(between - rows[0]["now"]),
    ]


def judge_applied(applied: Sequence[Applied]) -> Check:
    """Return what is to be said of the schema."""
    known = migrations()
    current = max((one.version for one in applied), default=0)
    answer = f"version {current} of {max(migration.version for migration in known)}"
    try:
        newer = judge_schema(known, applied)
    except SchemaTooNew as problem:
        remedy = "run the version of sluicegate that migrated it, or a newer one"
        return Check("schema", False, str(problem), remedy)
    except MigrationNeeded:
        return Check("schema", False, answer, "sluicegate migrate")
    return Check("schema", True, f"{answer}, compatible" if newer else answer)


def judge_server(rows: Sequence[Row]) -> Iterator[Check]:
    """Yield what is to be said of a server's settings."""
    for row in rows:
        if row["name"] in DURABLE:
            value = row["setting"]
            yield Check(row["name"], value != "off", value, _turn_on(row))
        else:
            name, value = row["database"], row["setting"]
            remedy = f"createdb -E UTF8 -T template0 {name}_utf8 && sluicegate migrate"
            yield Check("encoding", value == "UTF8", value, remedy)
    replica = bool(rows[0]["replica"])
    answer = "a replica, which cannot be written" if replica else "primary"
    yield Check("server", not replica, answer, "name the primary in DATABASE_URL")


def _turn_on(row: Row) -> str:
    """Return the command for the level at which a setting was made."""
    name = row["name"]
    if row["source"] == "command line":
        return f"take `-c {name}=off` off the server's command line, and start it again"
    if row["source"] == "database":
        statement = f"alter database {row['database']} reset {name}"
    elif row["source"] == "user":
        statement = f"alter role {row['role']} reset {name}"
    else:
        statement = f"alter system set {name} = on"
    return f'psql "$DATABASE_URL" -c "{statement}" -c "select pg_reload_conf()"'


def judge_months(partition: str | None) -> Check:
    """Return what is to be said of next month's partitions, which workers make in time."""
    answer = "next month's partitions are there" if partition else "next month's are missing"
    return Check("partitions", partition is not None, answer, "sluicegate migrate", fatal=False)


def judge_clock(skew: timedelta) -> Check:
    """Return what is to be said of this machine's clock against the database's."""
    answer = f"{skew.total_seconds():+.1f} s against the database"
    return Check("clock", abs(skew) <= MOST_SKEW, answer, "timedatectl set-ntp true", fatal=False)
