"""Commands that read: executions, workflows, waits, schedules, lag."""

import sys

from cli.errors import NotFound
from cli.parts import open_store, settings_for_both, settings_for_database
from cli.printing import write, write_document
from cli.show import columns_that_fit, print_fields, print_json, print_page, print_rows
from cli.tracing import print_trace
from storage.reading import MAX_LIMIT, ExecutionFilter, Page, Reading

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
ESSENTIAL_OF_EXECUTION = ("execution_id", "workflow", "status", "key")
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
SCHEDULE_COLUMNS = {
    "name": "schedule",
    "workflow": "workflow",
    "version": "v",
    "enabled": "enabled",
    "cron": "cron",
    "timezone": "zone",
    "next_slot": "next",
    "last_slot": "last",
    "dropped": "passed over",
}
LAG_COLUMNS = {
    "topic": "topic",
    "partition": "partition",
    "next_offset": "next",
    "end": "end",
    "behind": "behind",
    "moved_at": "moved",
}


async def list_executions(
    wanted: ExecutionFilter, limit: int, cursor: str | None, as_json: bool
) -> None:
    """Print executions, newest first."""
    async with open_store(settings_for_database()) as store:
        page = await Reading(store).executions(wanted, limit, cursor)
    columns = columns_that_fit(EXECUTION_COLUMNS, ESSENTIAL_OF_EXECUTION)
    print_page(page, columns, "No executions.", as_json=as_json)


async def show_execution(id: str, as_json: bool) -> None:
    """Print one execution."""
    async with open_store(settings_for_database()) as store:
        found = await Reading(store).execution(id)
    if found is None:
        raise NotFound(missing_execution(id))
    if as_json:
        print_json(found)
    else:
        print_fields(found)


def missing_execution(id: str) -> str:
    """Return what to say of an execution that does not exist."""
    return f"the execution {id} does not exist; `sluicegate executions list` shows the newest"


async def trace_execution(id: str, as_json: bool) -> None:
    """Print an execution with its steps."""
    from streams.definitions import Definitions
    from streams.tracing import trace_of

    async with open_store(settings_for_database()) as store:
        reading = Reading(store)
        found = await trace_of(reading, Definitions(reading), id)
    if found is None:
        raise NotFound(missing_execution(id))
    if as_json:
        print_json(found)
    else:
        print_trace(found)


async def list_workflows(as_json: bool) -> None:
    """Print the latest version of every workflow."""
    async with open_store(settings_for_database()) as store:
        rows = await Reading(store).workflows()
    print_page(Page(rows, None), WORKFLOW_COLUMNS, "No workflows.", as_json=as_json)


async def show_workflow(name: str, version: int | None, as_json: bool) -> None:
    """Print a definition as it was registered."""
    async with open_store(settings_for_database()) as store:
        found = await Reading(store).workflow(name, version)
    if found is None:
        what = f"the workflow {name}"
        raise NotFound(
            f"{what if version is None else f'version {version} of {what}'} does not exist; "
            "`sluicegate workflows list` shows those there are"
        )
    if as_json:
        print_json(found)
    else:
        write_document(found["definition"].rstrip("\n") + "\n")


async def list_versions(name: str, as_json: bool) -> None:
    """Print the versions of a workflow, newest first."""
    async with open_store(settings_for_database()) as store:
        rows = await Reading(store).versions(name)
    if not rows:
        raise NotFound(
            f"the workflow {name} does not exist; `sluicegate workflows list` shows those there are"
        )
    columns = {**WORKFLOW_COLUMNS, "content_hash": "hash"}
    print_page(Page(rows, None), columns, "", as_json=as_json)


async def list_waits(
    kind: str | None, workflow: str | None, limit: int, cursor: str | None, as_json: bool
) -> None:
    """Print what executions wait for, newest first."""
    async with open_store(settings_for_database()) as store:
        page = await Reading(store).waits(kind=kind, workflow=workflow, limit=limit, cursor=cursor)
    print_page(page, WAIT_COLUMNS, "Nothing is waiting.", as_json=as_json)


async def list_schedules(workflow: str | None, as_json: bool) -> None:
    """Print schedules with their next and last slots."""
    async with open_store(settings_for_database()) as store:
        page = await Reading(store).schedules(workflow, MAX_LIMIT)
    print_page(page, SCHEDULE_COLUMNS, "No workflow has a schedule.", as_json=as_json)


async def show_lag(as_json: bool) -> None:
    """Print what is not read yet of each partition, and who reads."""
    from streams.admin import Admin
    from streams.lag import lag_report

    settings = settings_for_both()
    async with open_store(settings) as store:
        positions = await Reading(store).positions(settings.group_id)
    admin = Admin(settings.kafka, settings.kafka_security(), seconds=5)
    report = await lag_report(admin, settings.group_id, positions)
    if as_json:
        print_json(report)
        return
    print_rows(report["items"], LAG_COLUMNS, "No worker has read anything yet.")
    if sys.stdout.isatty():
        members = (f", {m['name']} reads {m['partitions']}" for m in report["members"])
        told = "".join((f"{report['behind']} behind; group {report['state']}", *members))
        write(f"\n{told}\n")
