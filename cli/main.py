"""The command line (interfaces.md, Command line); each command imports only what it needs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from cli import dead_letters, operating
from cli.chaos import entry as chaos
from cli.errors import exit_code_of, fail, run

app = typer.Typer(
    name="sluicegate",
    help="An event-driven workflow engine that lives on Kafka.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
executions = typer.Typer(help="Executions: look at them, act on them.", no_args_is_help=True)
approvals = typer.Typer(help="The inbox in a terminal.", no_args_is_help=True)
app.add_typer(executions, name="executions")
app.add_typer(approvals, name="approvals")
app.add_typer(dead_letters.commands, name="dead-letters")
app.add_typer(operating.top)
app.add_typer(chaos.commands)
app.add_typer(operating.workflows, name="workflows")
app.add_typer(operating.waits, name="waits")
executions.add_typer(operating.executions)
approvals.add_typer(operating.approvals)

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=200, help="Most rows to print.")]
Workflow = Annotated[str | None, typer.Option("--workflow", help="Name of the workflow.")]
By = Annotated[str | None, typer.Option("--by", help="Who decides; by default your login.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Why.")]
Form = Annotated[str, typer.Option("--form", help="Answers of the form: JSON, @file or -.")]
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
    example: Annotated[bool, typer.Option(help="Send an example order.")] = True,
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
def doctor(as_json: JsonFlag = False) -> None:
    """Check what this deployment needs, and say how to mend what is wrong."""
    from cli.doctor import examine

    raise SystemExit(run(examine(as_json)))


@executions.command("list")
def list_executions(
    status: Annotated[str | None, typer.Option("--status")] = None,
    result: Annotated[str | None, typer.Option("--result")] = None,
    workflow: Workflow = None,
    key: Annotated[str | None, typer.Option("--key", help="Trigger key.")] = None,
    label: Annotated[str | None, typer.Option("--label", help="Name or name=value.")] = None,
    waiting_on: Annotated[
        str | None, typer.Option("--waiting-on", help="Kind of wait, event, role or user.")
    ] = None,
    limit: Limit = 50,
    as_json: JsonFlag = False,
) -> None:
    """List executions, newest first."""
    from cli import reading
    from storage.reading import ExecutionFilter

    wanted = ExecutionFilter(
        status=status,
        result=result,
        workflow=workflow,
        key=key,
        label=label,
        waiting_on=waiting_on,
    )
    run(reading.list_executions(wanted, limit, as_json))


@executions.command("show")
def show_execution(id: str, as_json: JsonFlag = False) -> None:
    """Show one execution."""
    from cli import reading

    run(reading.show_execution(id, as_json))


@executions.command("trace")
def trace_execution(id: str, as_json: JsonFlag = False) -> None:
    """Show an execution with its steps."""
    from cli import reading

    run(reading.trace_execution(id, as_json))


@approvals.command("list")
def list_approvals(
    role: Annotated[str | None, typer.Option("--role")] = None,
    workflow: Workflow = None,
    limit: Limit = 50,
    as_json: JsonFlag = False,
) -> None:
    """List the open approvals."""
    from cli import reading

    run(reading.list_approvals(role, workflow, limit, as_json))


@approvals.command("show")
def show_approval(request_id: str, as_json: JsonFlag = False) -> None:
    """Show one request."""
    from cli import reading

    run(reading.show_approval(request_id, as_json))


@approvals.command("approve")
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

    raise SystemExit(run(decide(request_id, outcome, by, reason, read_data(form), as_json)))


@approvals.command("reject")
def reject(
    request_id: str, by: By = None, reason: Reason = None, as_json: JsonFlag = False
) -> None:
    """Reject a request."""
    from cli.sending import decide

    raise SystemExit(run(decide(request_id, "rejected", by, reason, {}, as_json)))


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
