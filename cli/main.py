"""The command line (interfaces.md, Command line); each command imports only what it needs."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import approvals, audit, dead_letters, executions, operating, schedules
from cli.chaos import entry as chaos
from cli.errors import OK, USAGE, exit_code_of, fail, run
from cli.options import JsonFlag
from cli.printing import flush, has_no_reader

app = typer.Typer(
    name="sluicegate",
    help="An event-driven workflow engine that lives on Kafka.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(executions.commands, name="executions")
app.add_typer(approvals.commands, name="approvals")
app.add_typer(dead_letters.commands, name="dead-letters")
app.add_typer(operating.top)
app.add_typer(chaos.commands)
app.add_typer(operating.workflows, name="workflows")
app.add_typer(operating.waits, name="waits")
app.add_typer(schedules.commands, name="schedules")
app.add_typer(audit.commands, name="audit")
executions.commands.add_typer(operating.executions)
approvals.commands.add_typer(operating.approvals)


def print_version(wanted: bool) -> None:
    """Print the version and end."""
    if wanted:
        from importlib.metadata import version

        typer.echo(f"sluicegate {version('sluicegate')}")
        raise typer.Exit


@app.callback()
def begin(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=print_version, is_eager=True),
    ] = False,
) -> None:
    """An event-driven workflow engine that lives on Kafka."""


DataDir = Annotated[Path | None, typer.Option("--data-dir", help="Folder that keeps the data.")]
Port = Annotated[
    int, typer.Option("--port", min=0, max=65535, help="Port of API and inbox; 0: free.")
]
EventText = Annotated[
    str, typer.Option("--event", help="{type, data} or the payload: JSON, @file or -.")
]
EventType = Annotated[str | None, typer.Option("--type", help="Type of the event.")]
ReadyFile = Annotated[Path | None, typer.Option("--ready-file", help="Written when all is ready.")]


@app.command()
def dev(
    folder: Annotated[Path | None, typer.Argument(help="Folder of definitions.")] = None,
    data_dir: DataDir = None,
    port: Port = 8080,
    ready_file: ReadyFile = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget all data first.")] = False,
    example: Annotated[
        bool, typer.Option(help="Send an example order, where the examples of the package run.")
    ] = True,
    workers: Annotated[int, typer.Option("--workers", min=1, max=8)] = 1,
) -> None:
    """Run everything on this machine: broker, database, cache, worker, API and inbox."""
    from cli.dev import DevOptions, run_dev

    options = DevOptions(folder, data_dir, port, ready_file, fresh, example, workers)
    raise SystemExit(run_dev(options))


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Play the approver, then end.")] = False,
    data_dir: DataDir = None,
    port: Port = 0,
    ready_file: ReadyFile = None,
) -> None:
    """Show the main job: orders come in, one waits for a person, a decision resumes it."""
    from cli.demo import run_demo

    raise SystemExit(run_demo(once, data_dir, port, ready_file))


@app.command()
def worker() -> None:
    """Run one worker of the consumer group."""
    from cli.worker import run_worker

    raise SystemExit(run_worker())


@app.command()
def serve(
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option("--port", min=0, max=65535)] = None,
) -> None:
    """Serve the HTTP interface and the inbox."""
    from cli.serve import run_server

    raise SystemExit(run_server(host=host, port=port))


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

    work = migrate_all(topics=topics, check=check, partitions=partitions, replication=replication)
    raise SystemExit(run(work))


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Folder to make; also the workflow's name.")],
) -> None:
    """Make a project: a workflow with its test, a compose file, settings for editors."""
    from cli.project import make_project

    raise SystemExit(make_project(name))


@app.command()
def diff(
    folder: Annotated[Path, typer.Argument(help="Folder of definitions.")],
    as_json: JsonFlag = False,
) -> None:
    """Show what `apply` would register; exit 1 if there is something."""
    from cli.definitions import diff_folder

    raise SystemExit(run(diff_folder(folder, as_json)))


@app.command()
def apply(folder: Annotated[Path, typer.Argument(help="Folder of definitions.")]) -> None:
    """Register the definitions of a folder: changed ones become new versions."""
    from cli.definitions import apply_folder

    raise SystemExit(run(apply_folder(folder)))


@app.command()
def validate(
    files: Annotated[list[Path], typer.Argument(help="Definition files or folders.")],
    as_json: JsonFlag = False,
) -> None:
    """Check definitions offline; every mistake as file:line:column: message."""
    from cli.definitions import validate_files

    raise SystemExit(validate_files(files, as_json=as_json))


@app.command("test")
def run_workflow_tests(
    paths: Annotated[list[Path] | None, typer.Argument(help="Folders, or *.test.yaml.")] = None,
    only: Annotated[str, typer.Option("-k", help="Only tests with this in their name.")] = "",
    min_coverage: Annotated[
        float, typer.Option("--min-coverage", min=0, max=100, help="Least share covered, in %.")
    ] = 0.0,
    as_json: JsonFlag = False,
) -> None:
    """Run tests of workflows, offline and in memory, and say what they cover."""
    from cli.testing.command import Options, run_tests

    raise SystemExit(run_tests(Options(paths or [], only, min_coverage, as_json)))


@app.command()
def preview(
    file: Annotated[Path, typer.Argument(help="Definition file.")],
    event: EventText,
    type: EventType = None,
    decide: Annotated[
        list[str] | None, typer.Option("--decide", help="step=outcome, in order; may be repeated.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Show what an event would lead to, up to the next pause or the end, doing none of it."""
    from cli.previewing import preview_event

    raise SystemExit(preview_event(file, event, type, decide or [], as_json))


@app.command()
def explain(
    path: Annotated[Path, typer.Argument(help="Definition file or folder.")],
    event: EventText,
    type: EventType = None,
    as_json: JsonFlag = False,
) -> None:
    """Say why an event starts each workflow, or why it does not."""
    from cli.explaining import explain_event

    raise SystemExit(explain_event(path, event, type, as_json))


@app.command()
def graph(
    file: Annotated[Path, typer.Argument(help="Definition file.")],
    mermaid: Annotated[bool, typer.Option("--mermaid", help="Mermaid instead of SVG.")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="File to write it to.")] = None,
) -> None:
    """Draw a definition: SVG, or the text of a Mermaid flowchart."""
    from cli.graph import draw_file

    raise SystemExit(draw_file(file, mermaid=mermaid, out=out))


@app.command()
def schema(
    resources: Annotated[bool, typer.Option("--resources", help="Of resources.yaml.")] = False,
) -> None:
    """Print the JSON Schema of definitions, by which editors complete and check them."""
    from cli.schema import print_schema

    raise SystemExit(print_schema(resources))


@app.command()
def asyncapi() -> None:
    """Print the AsyncAPI document of all topics and messages."""
    from cli.asyncapi import print_document

    raise SystemExit(print_document())


@app.command()
def send(
    type: Annotated[str, typer.Argument(help="Event type, such as order.created.")],
    data: Annotated[str, typer.Option("--data", help="Payload: JSON, @file or -.")] = "{}",
    key: Annotated[str | None, typer.Option("--key", help="Kafka key.")] = None,
    id: Annotated[str | None, typer.Option("--id", help="Event id, against doubles.")] = None,
    topic: Annotated[str | None, typer.Option("--topic", help="Instead of the first.")] = None,
) -> None:
    """Publish an event and print its id."""
    from cli.given import read_data
    from cli.sending import send_event

    raise SystemExit(run(send_event(type, read_data(data), key, id, topic)))


@app.command()
def lag(as_json: JsonFlag = False) -> None:
    """Show how far the workers are behind, partition by partition, and who they are."""
    from cli import reading

    run(reading.show_lag(as_json))


@app.command()
def keys() -> None:
    """Keys of signed decisions: they come with signed mode."""
    from cli.audit import refuse_keys

    refuse_keys()


@app.command()
def doctor(as_json: JsonFlag = False) -> None:
    """Check what this deployment needs, and say how to mend what is wrong."""
    from cli.doctor import examine

    raise SystemExit(run(examine(as_json)))


def main(**options: Any) -> None:
    """Run the command line; errors of ours become a message and an exit code."""
    try:
        app(**options)
    except SystemExit as end:
        raise SystemExit(OK if has_no_reader() else end.code) from None
    except Exception as error:
        code = exit_code_of(error)
        if code is None:
            _require_text(sys.argv[1:])
            raise
        fail(str(error), code)
    finally:
        flush()


def _require_text(arguments: list[str]) -> None:
    """End the command if an argument holds bytes that are no UTF-8; a file may be called so."""
    for argument in arguments:
        if not argument.isascii() and any("\ud800" <= sign <= "\udfff" for sign in argument):
            shown = argument.encode(errors="backslashreplace").decode()
            fail(f"the argument {shown} is not UTF-8; write it in UTF-8", USAGE)


def run_command_line() -> None:
    """Entry point of the `sluicegate` script."""
    main()
