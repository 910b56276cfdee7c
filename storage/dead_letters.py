"""Dead letters as rows: looked for, and settled once, with who asked for it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from engine.errors import SluicegateError
from storage.reading import InvalidCursor, Page
from storage.store import PostgresStore

Row = dict[str, Any]
Settlement = Literal["replay", "discard"]
STATUSES = {"replay": "replayed", "discard": "discarded"}
LAST_ID = 2**63 - 1


class NoDeadLetter(SluicegateError):
    """There is no dead letter with this id."""

    def __init__(self, id: int) -> None:
        self.id = id
        super().__init__(f"the dead letter {id} does not exist")


class NotOpen(SluicegateError):
    """A dead letter was replayed or discarded before."""

    def __init__(self, id: int, status: str) -> None:
        self.id, self.status = id, status
        super().__init__(
            f"the dead letter {id} is {status}; a record that failed again has a new one"
        )


class NotWhole(SluicegateError):
    """A dead letter cannot be replayed: only the head of its value was kept."""

    def __init__(self, letter: Mapping[str, Any]) -> None:
        self.id = letter["id"]
        place = "{topic}, partition {partition}, offset {record_offset}".format_map(letter)
        super().__init__(
            f"the dead letter {self.id} was too long to be kept ({letter['value_bytes']} bytes): "
            f"publish it in smaller parts from {place}, then discard this one"
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """Who settles a dead letter, and why."""

    by: str
    reason: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """What dead letters to list; None means any."""

    topic: str | None = None
    error_type: str | None = None
    since: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """Tell whether it lets everything through."""
        return self.topic is None and self.error_type is None and self.since is None

    def parameters(self) -> dict[str, object]:
        """Return what the statements take."""
        return {"topic": self.topic, "error_type": self.error_type, "since": self.since}


class DeadLetterRows:
    """The table of dead letters, and what was done about each."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def page(
        self,
        wanted: DeadLetterFilter,
        status: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page:
        """Return dead letters, newest first."""
        place = {"before": _before(cursor), "limit": limit + 1}
        async with self._store.transaction() as transaction:
            await transaction.run("use_custom_plans")
            rows = await transaction.fetch(
                "find_dead_letters", status=status, **place, **wanted.parameters()
            )
        more = len(rows) > limit
        return Page(rows[:limit], str(rows[limit - 1]["id"]) if more else None)

    async def open_ids(self, wanted: DeadLetterFilter) -> list[int]:
        """Return the ids of open dead letters, oldest first."""
        rows = await self._store.fetch("find_open_dead_letter_ids", **wanted.parameters())
        return [row["id"] for row in rows]

    async def find(self, id: int) -> Row:
        """Return a dead letter with its `redrives`; raises NoDeadLetter."""
        async with self._store.transaction() as transaction:
            rows = await transaction.fetch("get_dead_letter", id=id)
            if not rows:
                raise NoDeadLetter(id)
            redrives = await transaction.fetch("find_redrives", id=id)
        return {**rows[0], "redrives": redrives}

    @asynccontextmanager
    async def settling(self, id: int, how: Settlement, asked: Asked) -> AsyncIterator[Row | None]:
        """Lend an open dead letter, settled when the block ends well; raises NotOpen.

        Lends None when the same Idempotency-Key settled it before.
        """
        async with self._store.transaction() as transaction:
            rows = await transaction.fetch("lock_dead_letter", id=id)
            if not rows:
                raise NoDeadLetter(id)
            if rows[0]["status"] != "open":
                redrives = await transaction.fetch("find_redrives", id=id)
                if not _settled_by(redrives, how, asked):
                    raise NotOpen(id, rows[0]["status"])
                yield None
                return
            await transaction.run("settle_dead_letter", id=id, status=STATUSES[how])
            await transaction.run(
                "insert_redrive",
                id=id,
                action=how,
                asked_by=asked.by,
                reason=asked.reason,
                idempotency_key=asked.idempotency_key,
            )
            yield rows[0]


def _before(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    if not (cursor.isascii() and cursor.isdigit()) or int(cursor[:20]) > LAST_ID:
        raise InvalidCursor
    return int(cursor)


def _settled_by(redrives: list[Row], how: Settlement, asked: Asked) -> bool:
    key = asked.idempotency_key
    return key is not None and any(
        row["action"] == how and row["idempotency_key"] == key for row in redrives
    )
