"""Housekeeping: months are made ahead, old ones dropped, what belongs to neither is trimmed."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Literal, TypeVar

import psycopg

from storage.errors import HousekeepingFailed, Unstorable
from storage.partitions import (
    DROPPED,
    Month,
    MonthInUse,
    drop_partition,
    ensure_partitions,
    existing_months,
    first_id,
    has_ended,
)
from storage.statements import statements
from storage.store import (
    LIMIT_TRANSACTIONS,
    TRANSIENT,
    Connection,
    PostgresStore,
    limit_transactions,
)

T = TypeVar("T")
Chore = Literal["housekeeping", "vacuum"]
LIMIT = 2_000
"""Rows of one piece: short transactions, and a vacuum that keeps up."""
TRIES = 20
OF_MONTH = ("trim_effects", "trim_votes", "trim_comments", "trim_decisions", "trim_root_starts")
"""What belongs to a month's executions and is not partitioned; gone before the month is."""
STRAYS = ("trim_stray_executions", "trim_stray_waits", "trim_stray_events")
DATED = ("trim_commands", "trim_orphaned_decisions", "trim_redrives", "trim_dead_letters")
BUSY = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what has ended is kept (None: for ever), and how long an event id is known."""

    history: timedelta | None
    event_ids: timedelta


def retention_of(history_days: float, event_id_days: float) -> Retention:
    """Return a retention given in days; a history of 0 days is kept for ever."""
    history = timedelta(days=history_days) if history_days else None
    return Retention(history, timedelta(days=event_id_days))


def first_line(error: Exception) -> str:
    """Return what an error says, without its details."""
    return str(error).strip().partition("\n")[0]


class Housekeeping:
    """What one worker of a deployment does now and then, in short transactions."""

    def __init__(self, store: PostgresStore, retention: Retention) -> None:
        self._store, self._retention = store, retention

    async def claim(self, chore: Chore, every_seconds: float) -> datetime | None:
        """Take a chore if it is due; return the database's time, None where it is not."""
        rows = await self._store.fetch("claim_chore", name=chore, every_seconds=every_seconds)
        return rows[0]["now"] if rows else None

    async def vacuum(self) -> None:
        """Make room in the tables whose rows come and go; the server itself looks once a minute."""
        async with self._store.connection() as connection:
            await connection.set_autocommit(True)
            try:
                await connection.execute(LIMIT_TRANSACTIONS, ("0", False))
                await connection.execute(statements()["vacuum_queues"])
            finally:
                await connection.set_autocommit(False)
                await limit_transactions(connection)

    async def tidy(self, now: datetime) -> list[str]:
        """Do everything that is due; return what was done, for the log.

        Raises HousekeepingFailed for what trying again does not help.
        """
        try:
            return await self._tidy(now)
        except TRANSIENT:
            raise
        except psycopg.errors.InsufficientPrivilege as error:
            why = f"the database role does not own the tables ({first_line(error)})"
            text = f"{why}: run `sluicegate migrate` every month as the one that does"
            raise HousekeepingFailed(text) from error
        except (psycopg.Error, Unstorable) as error:
            raise HousekeepingFailed(f"not done: {first_line(error)}") from error

    async def _tidy(self, now: datetime) -> list[str]:
        if not await self._patiently(partial(ensure_partitions, now=now)):
            return ["the tables are in use: the next months' partitions come later"]
        done = await self._trim(("trim_event_ids",), before=now - self._retention.event_ids)
        if self._retention.history is None:
            return done
        before = now - self._retention.history
        for month in await self._expired(before):
            low, high = month.ids
            done += await self._trim(OF_MONTH, low=low, high=high)
            done.append(await self._drop(month, before))
        months = await self._read(existing_months)
        oldest = min((month.start for month in months), default=now)
        done += await self._trim(STRAYS, low=first_id(oldest), before=before)
        # An unfinished execution may still wait for an event that came since its month began.
        done += await self._trim(("trim_signals",), before=min(oldest, before))
        return done + await self._trim(DATED, before=before)

    async def _expired(self, before: datetime) -> list[Month]:
        """Return the months that are over and whose every execution ended before an instant."""
        return [
            month
            for month in await self._read(existing_months)
            if month.end <= before
            and await self._read(partial(has_ended, month=month, before=before))
        ]

    async def _drop(self, month: Month, before: datetime) -> str:
        for table in DROPPED:
            drop = partial(drop_partition, table=table, month=month, before=before)
            try:
                is_gone = await self._patiently(drop)
            except MonthInUse as problem:
                return f"{problem}: kept until they have ended"
            if not is_gone:
                # The month's executions are still there: the next round finds it again.
                return f"{table} of {month.suffix} is in use: dropped later"
        return f"dropped {month.suffix}"

    async def _trim(self, names: tuple[str, ...], **bounds: object) -> list[str]:
        """Delete what is out of bounds, piece by piece."""
        done = []
        for name in names:
            gone, total = LIMIT, 0
            while gone == LIMIT:
                gone = (await self._store.fetch(name, limit=LIMIT, **bounds))[0]["gone"]
                total += gone
            if total:
                done.append(f"{name} {total}")
        return done

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Connection]:
        """Run a block that stops others for half a second at most, and may itself take minutes."""
        async with self._store.connection() as connection, connection.transaction():
            await connection.execute("set local lock_timeout = '500ms'")
            await connection.execute("set local statement_timeout = '5min'")
            await connection.execute(LIMIT_TRANSACTIONS, ("0", True))
            yield connection

    async def _read(self, question: Callable[[Connection], Awaitable[T]]) -> T:
        async with self._transaction() as connection:
            return await question(connection)

    async def _patiently(self, change: Callable[[Connection], Awaitable[None]]) -> bool:
        """Make a change once its locks can be had; tell whether they could."""
        for attempt in range(1, TRIES + 1):
            try:
                async with self._transaction() as connection:
                    await change(connection)
                return True
            except BUSY:
                await asyncio.sleep(random.uniform(0.1, 0.2) * attempt)  # noqa: S311  (jitter)
        return False
