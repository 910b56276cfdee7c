"""Answers that somebody waits for: receipts, and where executions have got to."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeAlias

from engine.ids import parse_execution_id
from storage.store import PostgresStore

Row = dict[str, Any]
Question: TypeAlias = tuple[str, ...]
"""`("receipt", id)`, `("execution", id)`, or `("event", source, id)`."""


def receipt_from_row(row: Mapping[str, Any]) -> Row:
    """Return the receipt of a decision or of a command (interfaces.md, Receipt)."""
    if row["of"] == "decision":
        own = {"decision_id": row["name"], "request_id": row["about"]}
    else:
        own = {"command_id": row["name"], "kind": row["about"], "workflow": row["workflow"]}
    shared = ("execution_id", "result", "code", "message", "decided_by", "at")
    return {**own, **{name: row[name] for name in shared}}


class Answering:
    """Asks the database once for many who wait."""

    def __init__(self, store: PostgresStore) -> None:
        self._store = store

    async def answers(self, questions: Collection[Question]) -> dict[Question, Row]:
        """Return the answers that there are."""
        calls: list[tuple[str, Mapping[str, object]]] = [
            ("find_receipts", {"ids": _named(questions, "receipt")}),
            ("find_settled", {"ids": _executions(questions)}),
            ("find_event_executions", {"ids": _named(questions, "event")}),
        ]
        wanted = [call for call in calls if call[1]["ids"]]
        async with self._store.transaction() as transaction:
            rows = await transaction.fetch_pipelined(*wanted)
        by_statement = {name: found for (name, _), found in zip(wanted, rows, strict=True)}
        found: dict[Question, Row] = {}
        for row in by_statement.get("find_receipts", ()):
            found.setdefault(("receipt", row["name"]), receipt_from_row(row))
        for row in by_statement.get("find_settled", ()):
            found["execution", row["execution_id"]] = row
        found.update(_settled_events(by_statement.get("find_event_executions", ())))
        return found

    async def receipt(self, id: str) -> Row | None:
        """Return the answer to a decision or a command, None while there is none."""
        return (await self.answers([("receipt", id)])).get(("receipt", id))

    async def decision(self, id: str) -> Row | None:
        """Return what a decision, note or grant said that was taken, answered or not."""
        rows = await self._store.fetch("get_decision", decision_id=id)
        return rows[0]["body"] if rows else None

    async def events(self, ids: Collection[str]) -> list[Row]:
        """Return the events with these ids that were taken, of any source."""
        return await self._store.fetch("find_events", ids=list(ids))

    async def command(self, id: str) -> Row | None:
        """Return a command that was taken, answered or not."""
        rows = await self._store.fetch("get_command", command_id=id)
        return rows[0] if rows else None


def _named(questions: Iterable[Question], kind: str) -> list[str]:
    return sorted({question[-1] for question in questions if question[0] == kind})


def _executions(questions: Iterable[Question]) -> list[str]:
    ids = map(parse_execution_id, _named(questions, "execution"))
    return [id for id in ids if id is not None]


def _settled_events(rows: Iterable[Mapping[str, Any]]) -> dict[Question, Row]:
    """Return the events of which every execution has ended or is paused."""
    found: dict[Question, Row] = {}
    open: set[Question] = set()
    for row in rows:
        question = ("event", row["source"], row["event_id"])
        answer = found.setdefault(
            question,
            {"event_id": row["event_id"], "executions": [], "rejected": row["rejected"]},
        )
        if row["execution_id"] is not None:
            names = ("execution_id", "workflow", "status", "result", "paused_reason")
            shown = {name: row[name] for name in (*names, "error_code", "error_message")}
            answer["executions"].append(shown)
        if not row["settled"]:
            open.add(question)
    return {question: answer for question, answer in found.items() if question not in open}
