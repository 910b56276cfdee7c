"""`sluicegate dead-letters`: typer's side; the work is in `cli.redriving`."""

from typing import Annotated, Literal

import typer

from cli.errors import run
from cli.options import By, Cursor, JsonFlag, Limit, Reason, Since

commands = typer.Typer(help="Records that could not be read or placed.", no_args_is_help=True)

Topic = Annotated[str | None, typer.Option("--topic", help="The topic they came from.")]
ErrorType = Annotated[str | None, typer.Option("--error-type", help="Such as invalid_input.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before acting on many.")]
Ids = Annotated[list[int] | None, typer.Argument(help="Ids; or name them by options.", min=1)]


@commands.command("list")
def list_dead_letters(
    topic: Topic = None,
    error_type: ErrorType = None,
    since: Since = None,
    status: Annotated[
        Literal["open", "replayed", "discarded", "any"],
        typer.Option("--status", help="What became of them."),
    ] = "any",
    limit: Limit = 50,
    cursor: Cursor = None,
    as_json: JsonFlag = False,
) -> None:
    """List dead letters, newest first."""
    from cli import redriving

    wanted = redriving.filter_of(topic, error_type, since)
    chosen = None if status == "any" else status
    run(redriving.print_list(wanted, chosen, limit, cursor, as_json))


@commands.command()
def show(id: Annotated[int, typer.Argument(min=1)], as_json: JsonFlag = False) -> None:
    """Show one with its bytes, its reason, and what was done about it."""
    from cli import redriving

    run(redriving.print_one(id, as_json))


@commands.command()
def replay(
    ids: Ids = None,
    topic: Topic = None,
    error_type: ErrorType = None,
    since: Since = None,
    by: By = None,
    reason: Reason = None,
    yes: Yes = False,
    as_json: JsonFlag = False,
) -> None:
    """Produce the original records to their topics again, with the same event ids."""
    from cli import redriving

    wanted = redriving.filter_of(topic, error_type, since)
    asked = redriving.asked_by(by, reason)
    choice = redriving.Choice(tuple(ids or ()), wanted, yes)
    raise SystemExit(run(redriving.settle("replay", choice, asked, as_json)))


@commands.command()
def discard(
    ids: Ids = None,
    topic: Topic = None,
    error_type: ErrorType = None,
    since: Since = None,
    by: By = None,
    reason: Reason = None,
    yes: Yes = False,
    as_json: JsonFlag = False,
) -> None:
    """Give dead letters up; they stay listed with who did it."""
    from cli import redriving

    wanted = redriving.filter_of(topic, error_type, since)
    asked = redriving.asked_by(by, reason)
    choice = redriving.Choice(tuple(ids or ()), wanted, yes)
    raise SystemExit(run(redriving.settle("discard", choice, asked, as_json)))
