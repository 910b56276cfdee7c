"""Commands that read: executions, approvals."""

import sys
from typing import Any

from cli.errors import NotFound
from cli.parts import open_store, settings_for_database
from cli.show import print_fields, print_json, print_rows, text_of
from storage.reading import ExecutionFilter, Page, Reading

EXECUTION_COLUMNS = {
    "execution_id": "execution",
    "workflow": "workflow",
    "version": "v",
    "status": "status",
    "result": "result",
    "key": "key",
    "started_at": "started",
    "paused_reason": "waits for",
}
APPROVAL_COLUMNS = {
    "request_id": "request",
    "title": "title",
    "workflow": "workflow",
    "roles": "roles",
    "users": "users",
    "requested_at": "waiting since",
    "expires_at": "expires",
}
STEP_COLUMNS = {
    "step_path": "step",
    "step_type": "type",
    "attempt": "attempt",
    "status": "status",
    "duration_ms": "ms",
    "outcome": "output",
}
WORKFLOW_COLUMNS = {
    "name": "workflow",
    "version": "v",
    "enabled": "enabled",
    "priority": "priority",
    "created_at": "registered",
    "description": "description",
}
WAIT_COLUMNS = {
    "wait_id": "wait",
    "kind": "kind",
    "workflow": "workflow",
    "execution_id": "execution",
    "step_path": "step",
    "title": "title",
    "event": "event",
    "opened_at": "since",
    "due_at": "until",
}


async def list_executions(wanted: ExecutionFilter, limit: int, as_json: bool) -> None:
    """Print executions, newest first."""
    async with open_store(settings_for_database()) as store:
        page = await Reading(store).executions(wanted, limit)
    _print_page(page, EXECUTION_COLUMNS, "No executions.", as_json)


def _print_page(page: Page, columns: dict[str, str], empty: str, as_json: bool) -> None:
    if as_json:
        print_json({"items": page.items, "next_cursor": page.next_cursor})
    else:
        print_rows(page.items, columns, empty)


async def show_execution(id: str, as_json: bool) -> None:
    """Print one execution."""
    async with open_store(settings_for_database()) as store:
        found = await Reading(store).execution(id)
    _print_one(found, f"the execution {id}", as_json)


def _print_one(found: dict[str, Any] | None, what: str, as_json: bool) -> None:
    if found is None:
        raise NotFound(f"{what} does not exist")
    if as_json:
        print_json(found)
    else:
        print_fields(found)


async def trace_execution(id: str, as_json: bool) -> None:
    """Print an execution with its steps."""
    from streams.definitions import Definitions
    from streams.tracing import trace_of

    async with open_store(settings_for_database()) as store:
        reading = Reading(store)
        found = await trace_of(reading, Definitions(reading), id)
    if found is None:
        raise NotFound(f"the execution {id} does not exist")
    if as_json:
        print_json(found)
    else:
        print_trace(found)


def print_trace(trace: dict[str, Any]) -> None:
    """Print a trace: the execution in a line, then its steps, indented by nesting."""
    execution = trace["execution"]
    result = f" ({execution['result']})" if execution["result"] else ""
    sys.stdout.write(
        f"{execution['workflow']} v{execution['version']} {execution['execution_id']}: "
        f"{execution['status']}{result}\n"
    )
    rows = []
    for step in trace["steps"]:
        depth = step["step_path"].count("/")
        shown = step["error_message"] or _outcome(step["output"])
        rows.append({**step, "step_path": "  " * depth + step["step_id"], "outcome": shown})
    print_rows(rows, STEP_COLUMNS, "No steps.")
    for approval in trace["approvals"]:
        if approval["status"] == "pending":
            who = ", ".join(approval["roles"] + approval["users"]) or "anyone"
            sys.stdout.write(f"waits for {who}: {approval['request_id']}\n")
    if trace["remaining"]:
        sys.stdout.write(f"still ahead: {', '.join(trace['remaining'])}\n")
    if execution["error_message"]:
        sys.stdout.write(f"{execution['error_code']}: {execution['error_message']}\n")


def _outcome(output: Any) -> str:
    if not isinstance(output, dict):
        return text_of(output)
    if "outcome" in output:
        by = f" by {output['decided_by']}" if output.get("decided_by") else ""
        return f"{output['outcome']}{by}"
    for name in ("result", "reason", "data", "event"):
        if name in output:
            return text_of(output[name])[:80]
    return text_of(output)[:80]


async def list_approvals(role: str | None, workflow: str | None, limit: int, as_json: bool) -> None:
    """Print the open approvals."""
    async with open_store(settings_for_database()) as store:
        page = await Reading(store).approvals(role=role, workflow=workflow, limit=limit)
    if as_json:
        print_json({"items": page.items, "next_cursor": page.next_cursor})
        return
    rows = [{**row["record"], **row} for row in page.items]
    print_rows(rows, APPROVAL_COLUMNS, "Nobody is waiting for a decision.")


async def show_approval(request_id: str, as_json: bool) -> None:
    """Print one request."""
    async with open_store(settings_for_database()) as store:
        found = await Reading(store).approval(request_id)
    if found is not None and not as_json:
        found = {**found["record"], **{k: v for k, v in found.items() if k != "record"}}
    _print_one(found, f"the approval request {request_id}", as_json)


async def list_workflows(as_json: bool) -> None:
    """Print the latest version of every workflow."""
    async with open_store(settings_for_database()) as store:
        rows = await Reading(store).workflows()
    _print_page(Page(rows, None), WORKFLOW_COLUMNS, "No workflows.", as_json)


async def show_workflow(name: str, version: int | None, as_json: bool) -> None:
    """Print a definition as it was registered."""
    async with open_store(settings_for_database()) as store:
        found = await Reading(store).workflow(name, version)
    if found is None:
        what = f"the workflow {name}"
        raise NotFound(
            f"{what if version is None else f'version {version} of {what}'} does not exist"
        )
    if as_json:
        print_json(found)
    else:
        sys.stdout.write(found["definition"].rstrip("\n") + "\n")


async def list_versions(name: str, as_json: bool) -> None:
    """Print the versions of a workflow, newest first."""
    async with open_store(settings_for_database()) as store:
        rows = await Reading(store).versions(name)
    if not rows:
        raise NotFound(f"the workflow {name} does not exist")
    _print_page(Page(rows, None), {**WORKFLOW_COLUMNS, "content_hash": "hash"}, "", as_json)


async def list_waits(kind: str | None, workflow: str | None, limit: int, as_json: bool) -> None:
    """Print what executions wait for, newest first."""
    async with open_store(settings_for_database()) as store:
        page = await Reading(store).waits(kind=kind, workflow=workflow, limit=limit)
    _print_page(page, WAIT_COLUMNS, "Nothing is waiting.", as_json)
