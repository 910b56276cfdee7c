"""`sluicegate schedules`: typer's side."""

from typing import Annotated

import typer

from cli.errors import run
from cli.options import By, JsonFlag, Reason, Workflow

commands = typer.Typer(help="What starts by the clock.", no_args_is_help=True)


@commands.command("list")
def list_schedules(workflow: Workflow = None, as_json: JsonFlag = False) -> None:
    """List schedules, each with its next and its last slot."""
    from cli import reading

    run(reading.list_schedules(workflow, as_json))


@commands.command("trigger")
def trigger_schedule(
    name: Annotated[str, typer.Argument(help="Name of the schedule.")],
    wait: Annotated[
        bool, typer.Option("--wait", help="Until it has ended or is paused; exit 1 if blocked.")
    ] = False,
    by: By = None,
    reason: Reason = None,
    as_json: JsonFlag = False,
) -> None:
    """Start what a schedule starts, now; its slots stay as they are."""
    from cli.commanding import Asker, start_schedule

    raise SystemExit(run(start_schedule(name, Asker(by, reason, wait, as_json))))
