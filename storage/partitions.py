"""Monthly partitions of the big tables, by the time bits of their ids."""

from collections.abc import Iterator
from datetime import UTC, datetime

from psycopg import sql

from storage.store import Connection

CHILDREN = ("step_executions", "approval_requests")
"""Tables whose rows belong to an execution and go with it."""
PARTITIONED = ("workflow_executions", "step_executions", "waits", "approval_requests", "events")
UPDATED = {
    "workflow_executions": 80,
    "step_executions": 90,
    "waits": 80,
    "approval_requests": 80,
    "events": 100,
}
"""Fill factor of a table: room for updates in place on the same page."""


def month_start(year: int, month: int) -> datetime:
    """Return the first instant of a month; months may run over into the next year."""
    return datetime(year + (month - 1) // 12, (month - 1) % 12 + 1, 1, tzinfo=UTC)


def first_id(instant: datetime) -> str:
    """Return the smallest id of an instant."""
    digits = f"{round(instant.timestamp() * 1000):012x}"
    return f"{digits[:8]}-{digits[8:]}-0000-0000-000000000000"


def months_around(now: datetime, ahead: int) -> Iterator[tuple[datetime, datetime]]:
    """Yield the months from the current one on, each as its start and end."""
    for month in range(now.month, now.month + ahead + 1):
        yield month_start(now.year, month), month_start(now.year, month + 1)


async def ensure_partitions(connection: Connection, now: datetime, *, ahead: int = 1) -> None:
    """Create what is missing: the default partitions, this month's, and `ahead` more."""
    await _ensure_month(connection, "default", sql.SQL("default"))
    for start, end in months_around(now, ahead):
        bounds = sql.SQL("for values from ({}) to ({})").format(
            sql.Literal(first_id(start)), sql.Literal(first_id(end))
        )
        await _ensure_month(connection, f"{start:%Y_%m}", bounds)


async def _ensure_month(connection: Connection, suffix: str, bounds: sql.Composable) -> None:
    cursor = await connection.execute(
        "select to_regclass(%s) is null as missing", (f"{PARTITIONED[-1]}_{suffix}",)
    )
    row = await cursor.fetchone()
    if row is None or not row["missing"]:
        return
    for table in PARTITIONED:
        await _create(connection, table, f"{table}_{suffix}", bounds)
    for table in CHILDREN:
        statement = sql.SQL(
            "alter table {child} add foreign key (execution_id) references {parent} (id) "
            "on delete cascade"
        )
        await connection.execute(
            statement.format(
                child=sql.Identifier(f"{table}_{suffix}"),
                parent=sql.Identifier(f"workflow_executions_{suffix}"),
            )
        )


async def _create(connection: Connection, table: str, name: str, bounds: sql.Composable) -> None:
    statement = sql.SQL(
        "create table if not exists {name} partition of {table} {bounds} with (fillfactor = {fill})"
    )
    await connection.execute(
        statement.format(
            name=sql.Identifier(name),
            table=sql.Identifier(table),
            bounds=bounds,
            fill=sql.Literal(UPDATED[table]),
        )
    )
