"""The command line (interfaces.md, Command line); each command imports only what it needs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli.errors import exit_code_of, fail, run

app = typer.Typer(
    name="sluicegate",
    help="An event-driven workflow engine that lives on Kafka.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def worker() -> None:
    """Run one worker of the consumer group."""
    from cli.worker import run_worker

    raise SystemExit(run_worker())


@app.command()
def migrate(
    topics: Annotated[bool, typer.Option("--topics", help="Create the Kafka topics too.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Only say what is missing.")] = False,
    partitions: Annotated[
        int | None, typer.Option("--partitions", help="Partitions instead of 12.", min=1)
    ] = None,
    replication: Annotated[
        int | None, typer.Option("--replication", help="Replicas; by default 3, or fewer brokers.")
    ] = None,
) -> None:
    """Bring the database schema, and the topics, up to date."""
    from cli.migrate import migrate_all

    raise SystemExit(
        run(migrate_all(topics=topics, check=check, partitions=partitions, replication=replication))
    )


@app.command()
def apply(folder: Annotated[Path, typer.Argument(help="Folder of definitions.")]) -> None:
    """Register the definitions of a folder: changed ones become new versions."""
    from cli.definitions import apply_folder

    raise SystemExit(run(apply_folder(folder)))


@app.command()
def validate(
    files: Annotated[list[Path], typer.Argument(help="Definition files or folders.")],
) -> None:
    """Check definitions offline; every mistake as file:line:column: message."""
    from cli.definitions import validate_files

    raise SystemExit(validate_files(files))


def main(**options: Any) -> None:
    """Run the command line; errors of ours become a message and an exit code."""
    try:
        app(**options)
    except Exception as error:
        code = exit_code_of(error)
        if code is None:
            raise
        fail(str(error), code)


def run_command_line() -> None:
    """Entry point of the `sluicegate` script."""
    main()
