"""`sluicegate approvals list|show|approve|reject|watch`: typer's side of the inbox."""

from typing import Annotated, Literal

import typer

from cli.errors import run
from cli.options import By, Cursor, JsonFlag, Limit, Reason, Watch, Workflow

commands = typer.Typer(help="The inbox in a terminal.", no_args_is_help=True)
Role = Annotated[str | None, typer.Option("--role", help="Asked of this role.")]
User = Annotated[str | None, typer.Option("--user", help="Asked of this user by name.")]
Form = Annotated[str, typer.Option("--form", help="Answers of the form: JSON, @file or -.")]


@commands.command("list")
def list_approvals(
    role: Role = None,
    user: User = None,
    workflow: Workflow = None,
    status: Annotated[
        Literal["pending", "approved", "rejected", "expired", "cancelled", "any"],
        typer.Option("--status", help="Where it stands."),
    ] = "pending",
    limit: Limit = 50,
    cursor: Cursor = None,
    watch: Watch = False,
    as_json: JsonFlag = False,
) -> None:
    """List the requests that wait for a decision: who is asked what, since when, how long still."""
    from cli import inbox

    wanted = inbox.Wanted(None if status == "any" else status, role, user, workflow)
    if watch:
        raise SystemExit(run(inbox.watch(wanted, limit, as_json)))
    run(inbox.list_approvals(wanted, limit, cursor, as_json))


@commands.command("watch")
def watch_approvals(
    role: Role = None,
    user: User = None,
    workflow: Workflow = None,
    limit: Limit = 50,
    as_json: JsonFlag = False,
) -> None:
    """Keep the inbox on the screen; elsewhere print a line for what comes and what is decided."""
    from cli import inbox

    wanted = inbox.Wanted("pending", role, user, workflow)
    raise SystemExit(run(inbox.watch(wanted, limit, as_json)))


@commands.command("show")
def show_approval(request_id: str, as_json: JsonFlag = False) -> None:
    """Show one request with what was said about it, and how to answer."""
    from cli import inbox

    run(inbox.show_approval(request_id, as_json))


@commands.command("approve")
def approve(
    request_id: str,
    by: By = None,
    reason: Reason = None,
    form: Form = "{}",
    outcome: Annotated[str | None, typer.Option("--outcome", help="An own outcome.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Approve a request: its first outcome, or the one named."""
    from cli.given import read_data
    from cli.sending import decide

    answers = read_data(form, "--form")
    raise SystemExit(run(decide(request_id, outcome, by, reason, answers, as_json)))


@commands.command("reject")
def reject(
    request_id: str, by: By = None, reason: Reason = None, as_json: JsonFlag = False
) -> None:
    """Reject a request."""
    from cli.sending import decide

    raise SystemExit(run(decide(request_id, "rejected", by, reason, {}, as_json)))
