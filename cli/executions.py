"""`sluicegate executions list|show|trace|watch`: typer's side; `operating` has the rest."""

from typing import Annotated, Literal

import typer

from cli.errors import run
from cli.options import Cursor, JsonFlag, Limit, Since, Until, Watch, Workflow

commands = typer.Typer(help="Executions: look at them, act on them.", no_args_is_help=True)
Status = Annotated[
    Literal["pending", "running", "paused", "completed", "blocked", "failed", "cancelled"] | None,
    typer.Option("--status", help="Where it stands."),
]
Result = Annotated[
    Literal["allowed", "blocked", "executed", "failed"] | None,
    typer.Option("--result", help="How it ended."),
]


@commands.command("list")
def list_executions(
    status: Status = None,
    result: Result = None,
    workflow: Workflow = None,
    trigger: Annotated[
        str | None, typer.Option("--trigger", help="Event type, manual or schedule:NAME.")
    ] = None,
    key: Annotated[str | None, typer.Option("--key", help="Trigger key.")] = None,
    label: Annotated[str | None, typer.Option("--label", help="Name or name=value.")] = None,
    waiting_on: Annotated[
        str | None, typer.Option("--waiting-on", help="Kind of wait, event, role or user.")
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    watch: Watch = False,
    as_json: JsonFlag = False,
) -> None:
    """List executions, newest first."""
    from cli import reading, watching
    from cli.given import read_past
    from storage.reading import ExecutionFilter

    wanted = ExecutionFilter(
        status=status,
        result=result,
        workflow=workflow,
        trigger=trigger,
        key=key,
        since=read_past(since, "--since"),
        until=read_past(until, "--until"),
        label=label,
        waiting_on=waiting_on,
    )
    if watch:
        raise SystemExit(run(watching.watch_executions(wanted, limit, as_json)))
    run(reading.list_executions(wanted, limit, cursor, as_json))


@commands.command("show")
def show_execution(id: str, as_json: JsonFlag = False) -> None:
    """Show one execution."""
    from cli import reading

    run(reading.show_execution(id, as_json))


@commands.command("trace")
def trace_execution(id: str, as_json: JsonFlag = False) -> None:
    """Draw the path of an execution: its steps, what they came to, and what lies ahead."""
    from cli import reading

    run(reading.trace_execution(id, as_json))


@commands.command("watch")
def watch_execution(id: str, as_json: JsonFlag = False) -> None:
    """Follow an execution until it has ended; exit 1 if it is blocked, failed or cancelled."""
    from cli import watching

    raise SystemExit(run(watching.watch_execution(id, as_json)))
