"""Monthly partitions of the big tables, by the time bits of their ids."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from psycopg import sql

from engine.errors import SluicegateError
from storage.store import Connection

PARTITIONED = ("workflow_executions", "step_executions", "waits", "approval_requests", "events")
CHILDREN = ("step_executions", "approval_requests")
"""Tables whose rows belong to an execution and go with it."""
DROPPED = ("step_executions", "approval_requests", "waits", "events", "workflow_executions")
"""In the order in which a month goes: its executions last, so that one half gone is found again."""
UPDATED = {
    "workflow_executions": 80,
    "step_executions": 90,
    "waits": 80,
    "approval_requests": 80,
    "events": 100,
}
"""Fill factor of a table: room for updates in place on the same page."""
AHEAD = 2
"""Months whose partitions exist before they begin."""


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month, in UTC."""

    start: datetime
    end: datetime

    @property
    def suffix(self) -> str:
        """What the names of its partitions end in."""
        return f"{self.start:%Y_%m}"

    @property
    def ids(self) -> tuple[str, str]:
        """The smallest id of the month, and that of the next one."""
        return first_id(self.start), first_id(self.end)


def month_of(year: int, month: int) -> Month:
    """Return a month; numbers above 12 run over into the next years."""
    return Month(_month_start(year, month), _month_start(year, month + 1))


def _month_start(year: int, month: int) -> datetime:
    return datetime(year + (month - 1) // 12, (month - 1) % 12 + 1, 1, tzinfo=UTC)


def first_id(instant: datetime) -> str:
    """Return the smallest id of an instant."""
    digits = f"{round(instant.timestamp() * 1000):012x}"
    return f"{digits[:8]}-{digits[8:]}-0000-0000-000000000000"


def months_from(now: datetime, ahead: int) -> Iterator[Month]:
    """Yield the months from the current one on."""
    for month in range(now.month, now.month + ahead + 1):
        yield month_of(now.year, month)


async def ensure_partitions(connection: Connection, now: datetime, *, ahead: int = AHEAD) -> None:
    """Create what is missing: the default partitions, this month's, and `ahead` more."""
    if await _is_missing(connection, "default"):
        await _create_all(connection, "default", sql.SQL("default"))
    for month in months_from(now, ahead):
        if await _is_missing(connection, month.suffix):
            await create_month(connection, month)


async def _is_missing(connection: Connection, suffix: str) -> bool:
    cursor = await connection.execute(
        "select to_regclass(%s) is null as missing", (f"{PARTITIONED[-1]}_{suffix}",)
    )
    row = await cursor.fetchone()
    return row is not None and bool(row["missing"])


async def create_month(connection: Connection, month: Month) -> None:
    """Create a month's partitions; rows of its own in the default ones move into them."""
    moved = [table for table in PARTITIONED if await _has_strays(connection, table, month)]
    # Children first: they would go with their executions.
    for table in reversed(moved):
        await _set_aside(connection, table, month)
    low, high = month.ids
    bounds = sql.SQL("for values from ({}) to ({})").format(sql.Literal(low), sql.Literal(high))
    await _create_all(connection, month.suffix, bounds)
    for table in moved:
        await _put_back(connection, table)


async def _create_all(connection: Connection, suffix: str, bounds: sql.Composable) -> None:
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
        "create table if not exists {name} partition of {table} {bounds} "
        "with (fillfactor = {fill}, autovacuum_vacuum_scale_factor = 0.05)"
    )
    await connection.execute(
        statement.format(
            name=sql.Identifier(name),
            table=sql.Identifier(table),
            bounds=bounds,
            fill=sql.Literal(UPDATED[table]),
        )
    )


async def _has_strays(connection: Connection, table: str, month: Month) -> bool:
    """Tell whether the default partition holds rows of a month, which a clock ran ahead to."""
    statement = sql.SQL(
        "select exists (select from {default} where id >= %s and id < %s) as found"
    ).format(default=sql.Identifier(f"{table}_default"))
    row = await (await connection.execute(statement, month.ids)).fetchone()
    return row is not None and bool(row["found"])


async def _set_aside(connection: Connection, table: str, month: Month) -> None:
    names = {
        "default": sql.Identifier(f"{table}_default"),
        "aside": sql.Identifier(f"aside_{table}"),
    }
    like = "create temp table {aside} on commit drop as select * from {default} with no data"
    await connection.execute(sql.SQL(like).format(**names))
    move = (
        "with moved as (delete from {default} where id >= %s and id < %s returning *) "
        "insert into {aside} select * from moved"
    )
    await connection.execute(sql.SQL(move).format(**names), month.ids)


async def _put_back(connection: Connection, table: str) -> None:
    cursor = await connection.execute(
        "select attname from pg_attribute where attrelid = %s::regclass and attnum > 0 "
        "and not attisdropped and attgenerated = '' order by attnum",
        (table,),
    )
    names = [sql.Identifier(row["attname"]) for row in await cursor.fetchall()]
    columns = sql.SQL(", ").join(names)
    statement = sql.SQL("insert into {table} ({columns}) select {columns} from {aside}")
    await connection.execute(
        statement.format(
            table=sql.Identifier(table), columns=columns, aside=sql.Identifier(f"aside_{table}")
        )
    )


async def existing_months(connection: Connection) -> list[Month]:
    """Return the months that have partitions, the oldest first."""
    cursor = await connection.execute(
        "select right(inhrelid::regclass::text, 7) as suffix from pg_inherits "
        "where inhparent = 'workflow_executions'::regclass "
        "and inhrelid::regclass::text ~ '_[0-9]{4}_[0-9]{2}$' order by 1"
    )
    parts = [row["suffix"].split("_") for row in await cursor.fetchall()]
    return [month_of(int(year), int(month)) for year, month in parts]


async def has_ended(connection: Connection, month: Month, before: datetime) -> bool:
    """Tell whether every execution of a month ended before an instant."""
    statement = sql.SQL(
        "select not exists (select from {name} where completed_at is null or completed_at >= %s) "
        "as ended"
    ).format(name=sql.Identifier(f"workflow_executions_{month.suffix}"))
    row = await (await connection.execute(statement, (before,))).fetchone()
    return row is not None and bool(row["ended"])


class MonthInUse(SluicegateError):
    """Executions have begun in a month that was over: their events bear old times."""


async def drop_partition(
    connection: Connection, table: str, month: Month, before: datetime
) -> None:
    """Drop a month's partition of one table; raises MonthInUse if it does not rest any more.

    Nothing can begin in the month between the look and the drop: its executions are locked.
    """
    lock = sql.SQL("lock table {name} in share mode")
    executions = sql.Identifier(f"workflow_executions_{month.suffix}")
    await connection.execute(lock.format(name=executions))
    if not await has_ended(connection, month, before):
        raise MonthInUse(f"{month.suffix} has new executions")
    statement = sql.SQL("drop table if exists {name}")
    await connection.execute(statement.format(name=sql.Identifier(f"{table}_{month.suffix}")))
