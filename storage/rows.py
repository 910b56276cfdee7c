"""Executions as rows and back; the cursor is the JSON form of the lines."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from engine.execution import (
    MAIN,
    Closed,
    Execution,
    Failure,
    Hold,
    Line,
    Loading,
    Status,
    Undo,
    Wait,
    oldest_wait,
    path_of,
)
from engine.ids import ExecutionId, StepPath, WaitId, public_id, wait_row_id

Row = Mapping[str, Any]


def milliseconds(start: datetime | None, end: datetime | None) -> int | None:
    """Return the length between two instants, or None while one is missing."""
    if start is None or end is None:
        return None
    return round((end - start) / timedelta(milliseconds=1))


def _line_cell(line: Line) -> dict[str, object]:
    cell: dict[str, object] = {"at": line.at, "phase": line.phase}
    if line.attempt != 1:
        cell["attempt"] = line.attempt
    if line.action:
        cell["action"] = line.action
    if line.outputs:
        cell["outputs"] = line.outputs
    if line.pending is not None:
        cell["pending"] = line.pending
    if line.since is not None:
        cell["since"] = line.since
    if line.recorded:
        cell["recorded"] = True
    if line.done:
        cell["done"] = line.done
        _keep_order(cell, "done_order", line.done)
    if line.root:
        cell["parent"], cell["root"], cell["last"] = line.parent, line.root, line.last
    if line.failure is not None:
        cell["failure"] = asdict(line.failure)
    return cell


def _keep_order(cell: dict[str, object], key: str, names: Mapping[str, object]) -> None:
    """Keep an order that means something: jsonb puts the keys of an object in its own."""
    if len(names) > 1:
        cell[key] = list(names)


def _in_order(cell: Row, key: str, order: str) -> dict[str, Any]:
    found: Row = cell.get(key, {})
    return {name: found[name] for name in cell.get(order, found)}


def _line(cell: Row) -> Line:
    since = cell.get("since")
    return Line(
        cell["at"],
        cell["phase"],
        cell.get("attempt", 1),
        cell.get("action", 0),
        tuple(cell.get("outputs", ())),
        cell.get("pending"),
        None if since is None else datetime.fromisoformat(since),
        cell.get("recorded", False),
        cell.get("parent"),
        cell.get("root", ""),
        _in_order(cell, "done", "done_order"),
        cell.get("last"),
        _failure(cell.get("failure")),
    )


def _failure(cell: Row | None) -> Failure | None:
    return None if cell is None else Failure(**cell)


def _held(cell: Row | None) -> Hold | None:
    if cell is None:
        return None
    return Hold(cell["by"], cell["reason"], datetime.fromisoformat(cell["at"]))


def cursor_cell(execution: Execution) -> dict[str, object]:
    """Return what, beside columns of its own, an execution needs to go on."""
    cell: dict[str, object] = {
        "lines": {name: _line_cell(line) for name, line in execution.lines.items()},
        "steps_taken": execution.steps_taken,
    }
    if execution.rounds:
        cell["rounds"] = execution.rounds
    _keep_order(cell, "lines_order", execution.lines)
    if execution.provisional is not None:
        cell["provisional"] = execution.provisional
    if execution.failing is not None:
        cell["failing"], cell["ending"] = asdict(execution.failing), execution.ending
        cell["error_handled"] = execution.error_handled
    if execution.frames:
        cell["frames"] = execution.frames
    if execution.undo:
        cell["undo"] = [asdict(undo) for undo in execution.undo]
    if execution.held is not None:
        cell["held"] = asdict(execution.held)
    if execution.loading:
        cell["loading"] = {path: asdict(entry) for path, entry in execution.loading.items()}
        _keep_order(cell, "loading_order", execution.loading)
    return cell


def paused_reason(execution: Execution) -> str | None:
    """Return `<kind>:<what>` of a paused execution: its oldest open wait, a hold, ... (S99)."""
    if execution.status is not Status.PAUSED:
        return None
    if execution.held is not None:
        return f"hold:{execution.held.by}"
    wait = oldest_wait(execution.waits)
    return _reason_without_wait(execution) if wait is None else f"{wait.kind}:{wait.id}"


def _reason_without_wait(execution: Execution) -> str:
    """Return what a paused execution is held by: a step in doubt, else a child execution."""
    for name, line in execution.lines.items():
        if line.phase == "doubtful" and line.at is not None:
            return f"incident:{path_of(name, line, line.at)}"
    for line in execution.lines.values():
        if line.phase == "waiting" and line.pending is not None:
            return f"execution:{public_id(ExecutionId(line.pending))}"
    return "unknown:"


def next_step_id(execution: Execution) -> str | None:
    """Return the top-level step at which the first line stands (D19)."""
    line = execution.lines.get(MAIN) or next(iter(execution.lines.values()), None)
    return None if line is None or line.at is None else line.at.partition("/")[0]


def changing_cells(execution: Execution) -> dict[str, object]:
    """Return the cells of an execution's row that an input may change."""
    error = execution.error
    return {
        "id": execution.id,
        "context": execution.context,
        "status": execution.status,
        "result": execution.result,
        "started_at": execution.started_at,
        "completed_at": execution.completed_at,
        "duration_ms": milliseconds(execution.started_at, execution.completed_at),
        "error_code": error.code if error else None,
        "error_message": error.message if error else None,
        "paused_at": execution.paused_at,
        "paused_reason": paused_reason(execution),
        "paused_ms": execution.paused_ms,
        "resume_data": execution.resume_data,
        "next_step_id": next_step_id(execution),
        "cursor": cursor_cell(execution),
        "sequence": execution.sequence,
    }


def execution_row(
    execution: Execution, workflow_id: str, key: str | None, metadata: Mapping[str, object]
) -> dict[str, object]:
    """Return the whole row of a new execution."""
    return {
        **changing_cells(execution),
        "workflow_id": workflow_id,
        "workflow_name": execution.workflow,
        "workflow_version": execution.version,
        "trigger_event": execution.trigger_event,
        "trigger_payload": execution.payload,
        "trigger_key": key,
        "started_at": execution.started_at or execution.triggered_at,
        "metadata": metadata,
    }


ORDERED = ("form", "view")
"""Members of a waiting record whose fields people see in the order of their author."""


def record_cell(record: Row) -> Row:
    """Return a waiting record as it is stored, with the order of what people see."""
    orders: dict[str, object] = {}
    for name in ORDERED:
        _keep_order(orders, name, record.get(name) or {})
    return {**record, "orders": orders} if orders else record


def record_of(cell: Row) -> dict[str, Any]:
    """Return a stored waiting record as it was announced."""
    record = {name: value for name, value in cell.items() if name != "orders"}
    for name, order in cell.get("orders", {}).items():
        record[name] = {field: record[name][field] for field in order}
    return record


def with_record(row: Row) -> dict[str, Any]:
    """Return a row with its waiting record as it was announced."""
    return {**row, "record": record_of(row["record"])}


def wait_from_row(row: Row) -> Wait:
    """Return an open wait as the engine sees it."""
    return Wait(
        WaitId(row["wait_id"]),
        StepPath(row["step_path"]),
        row["kind"],
        row["opened_at"],
        row["due_at"],
        record_of(row["record"]),
        None,
        row["correlation"],
        row["state"] or {},
    )


def execution_from_row(
    row: Row, waits: Iterable[Wait], closed: Mapping[WaitId, Closed]
) -> Execution:
    """Return an execution as it was stored."""
    cursor, metadata = row["cursor"], row["metadata"]
    failing, code = cursor.get("failing"), row["error_code"]
    triggered_at = metadata.get("triggered_at")
    return Execution(
        id=ExecutionId(row["id"]),
        workflow=row["workflow_name"],
        version=row["workflow_version"],
        trigger_event=row["trigger_event"],
        payload=row["trigger_payload"],
        meta=metadata.get("event", {}),
        triggered_at=None if triggered_at is None else datetime.fromisoformat(triggered_at),
        status=Status(row["status"]),
        result=row["result"],
        context=row["context"],
        lines={n: _line(cell) for n, cell in _in_order(cursor, "lines", "lines_order").items()},
        waits={wait.id: wait for wait in waits},
        closed_waits=closed,
        provisional=cursor.get("provisional"),
        frames=cursor.get("frames", {}),
        failing=_failure(failing),
        ending=cursor.get("ending", "failed"),
        error_handled=cursor.get("error_handled", False),
        undo=tuple(Undo(**undo) for undo in cursor.get("undo", ())),
        held=_held(cursor.get("held")),
        loading={
            path: Loading(**cell)
            for path, cell in _in_order(cursor, "loading", "loading_order").items()
        },
        error=None if code is None else Failure(code, row["error_message"] or ""),
        resume_data=row["resume_data"],
        started_at=None if row["status"] == Status.PENDING else row["started_at"],
        completed_at=row["completed_at"],
        paused_at=row["paused_at"],
        paused_ms=row["paused_ms"],
        sequence=row["sequence"],
        steps_taken=cursor.get("steps_taken", 0),
        rounds=cursor.get("rounds", 0),
    )


def row_ids_of_waits(waits: Iterable[str]) -> list[str]:
    """Return the row ids behind wait ids; what is no wait id is left out."""
    return [row_id for wait in waits if (row_id := wait_row_id(wait)) is not None]
