"""Typer's side of operations: executions, approvals, workflows, waits; `cli.main` adds them."""

from typing import Annotated, Literal

import typer

from cli.errors import run
from cli.options import By, Cursor, JsonFlag, Limit, Reason, Workflow

executions = typer.Typer()
approvals = typer.Typer()
workflows = typer.Typer(help="Registered definitions.", no_args_is_help=True)
waits = typer.Typer(help="What executions wait for.", no_args_is_help=True)
top = typer.Typer()

Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait for the receipt.")]
Data = Annotated[str, typer.Option("--data", help="JSON, @file or -.")]
Step = Annotated[str | None, typer.Option("--step", help="Id or path of a step.")]


@executions.command()
def hold(
    id: str, by: By = None, reason: Reason = None, wait: Wait = True, as_json: JsonFlag = False
) -> None:
    """Pause an execution until somebody resumes it."""
    from cli.commanding import Asker, command_execution

    raise SystemExit(run(command_execution("hold", id, {}, Asker(by, reason, wait, as_json))))


@executions.command()
def resume(
    id: str,
    data: Data = "{}",
    step: Step = None,
    by: By = None,
    reason: Reason = None,
    wait: Wait = True,
    as_json: JsonFlag = False,
) -> None:
    """Let a paused execution go on, with --data, or from --step."""
    from cli.commanding import Asker, command_execution
    from cli.given import read_data

    carried = {"resume_data": read_data(data), "from_step": step}
    asker = Asker(by, reason, wait, as_json)
    raise SystemExit(run(command_execution("resume", id, carried, asker)))


@executions.command()
def cancel(
    id: str,
    compensate: Annotated[bool, typer.Option("--compensate", help="Undo what is done.")] = False,
    by: By = None,
    reason: Reason = None,
    wait: Wait = True,
    as_json: JsonFlag = False,
) -> None:
    """End an execution; its waits and approvals are closed."""
    from cli.commanding import Asker, command_execution

    asker = Asker(by, reason, wait, as_json)
    raise SystemExit(run(command_execution("cancel", id, {"compensate": compensate}, asker)))


@executions.command()
def retry(
    id: str,
    step: Step = None,
    by: By = None,
    reason: Reason = None,
    wait: Wait = True,
    as_json: JsonFlag = False,
) -> None:
    """Let a failed execution begin again where it failed, or at --step."""
    from cli.commanding import Asker, command_execution

    asker = Asker(by, reason, wait, as_json)
    raise SystemExit(run(command_execution("retry", id, {"from_step": step}, asker)))


@executions.command()
def skip(
    id: str,
    step: Step = None,
    by: By = None,
    reason: Reason = None,
    wait: Wait = True,
    as_json: JsonFlag = False,
) -> None:
    """Let an execution go on behind a step that failed or waits."""
    from cli.commanding import Asker, command_execution

    asker = Asker(by, reason, wait, as_json)
    raise SystemExit(run(command_execution("skip", id, {"step": step}, asker)))


@executions.command()
def rerun(
    id: str, by: By = None, reason: Reason = None, wait: Wait = True, as_json: JsonFlag = False
) -> None:
    """Start a new execution with the payload of this one; prints its id."""
    from cli.commanding import Asker, command_execution

    raise SystemExit(run(command_execution("rerun", id, {}, Asker(by, reason, wait, as_json))))


@top.command()
def trigger(
    workflow: Annotated[str, typer.Argument(help="Name of the workflow.")],
    data: Data = "{}",
    match: Annotated[
        bool, typer.Option("--match", help="Only if a trigger's condition holds.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Until it has ended or is paused; exit 1 if blocked.")
    ] = False,
    by: By = None,
    reason: Reason = None,
    as_json: JsonFlag = False,
) -> None:
    """Start an execution by hand and print its id."""
    from cli.commanding import Asker, start_workflow
    from cli.given import read_data

    asker = Asker(by, reason, wait, as_json)
    raise SystemExit(run(start_workflow(workflow, read_data(data), match, asker)))


@approvals.command()
def claim(
    request_id: str,
    by: By = None,
    reason: Reason = None,
    wait: Wait = True,
    as_json: JsonFlag = False,
) -> None:
    """Tell the others that you see to a request."""
    from cli.commanding import Asker, note_request

    raise SystemExit(run(note_request("claim", request_id, Asker(by, reason, wait, as_json))))


@approvals.command()
def reassign(
    request_id: str,
    to: Annotated[list[str] | None, typer.Option("--to", help="A user; may be repeated.")] = None,
    role: Annotated[list[str] | None, typer.Option("--role", help="A role; likewise.")] = None,
    by: By = None,
    reason: Reason = None,
    wait: Wait = True,
    as_json: JsonFlag = False,
) -> None:
    """Let others decide a request."""
    from cli.commanding import Asker, note_request
    from cli.errors import USAGE, fail

    if not to and not role:
        fail("name somebody with --to or --role", USAGE)
    asker = Asker(by, reason, wait, as_json)
    raise SystemExit(
        run(note_request("reassign", request_id, asker, to=to or [], roles=role or []))
    )


@approvals.command()
def comment(
    request_id: str, text: str, by: By = None, wait: Wait = True, as_json: JsonFlag = False
) -> None:
    """Say something about a request."""
    from cli.commanding import Asker, note_request

    raise SystemExit(run(note_request("comment", request_id, Asker(by, text, wait, as_json))))


@approvals.command()
def delegate(
    to: Annotated[str, typer.Argument(help="Who decides on your behalf.")],
    since: Annotated[str | None, typer.Option("--from", help="ISO instant; default now.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="ISO instant.")] = None,
    by: By = None,
    reason: Reason = None,
    wait: Wait = True,
    as_json: JsonFlag = False,
) -> None:
    """Let somebody decide on your behalf, for a period."""
    from cli.commanding import Asker
    from cli.commanding import delegate as send_delegation

    raise SystemExit(run(send_delegation(to, since, until, Asker(by, reason, wait, as_json))))


@workflows.command("list")
def list_workflows(as_json: JsonFlag = False) -> None:
    """List the latest version of every workflow."""
    from cli import reading

    run(reading.list_workflows(as_json))


@workflows.command("show")
def show_workflow(
    name: str,
    version: Annotated[int | None, typer.Option("--version", min=1, help="Not the latest.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Print a definition as it was registered."""
    from cli import reading

    run(reading.show_workflow(name, version, as_json))


@workflows.command("versions")
def list_versions(name: str, as_json: JsonFlag = False) -> None:
    """List the versions of a workflow, newest first."""
    from cli import reading

    run(reading.list_versions(name, as_json))


@waits.command("list")
def list_waits(
    kind: Annotated[
        Literal["approval", "event", "timer"] | None, typer.Option("--kind", help="Only these.")
    ] = None,
    workflow: Workflow = None,
    limit: Limit = 50,
    cursor: Cursor = None,
    as_json: JsonFlag = False,
) -> None:
    """List what executions wait for, newest first."""
    from cli import reading

    run(reading.list_waits(kind, workflow, limit, cursor, as_json))
