"""`sluicegate chaos` on the command line; imports nothing heavy until it runs."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

commands = typer.Typer()


class BrokerName(StrEnum):
    """The brokers that a run can start by itself."""

    TANSU = "tansu"
    KAFKA = "kafka"


@commands.command()
def chaos(
    seed: Annotated[
        int | None, typer.Option("--seed", help="Plans the same faults; by default drawn.")
    ] = None,
    faults: Annotated[
        int | None, typer.Option("--faults", min=0, help="How many; 25, or each --fault once.")
    ] = None,
    executions: Annotated[
        int | None, typer.Option("--executions", min=1, help="How many; 8000, or 200 --against.")
    ] = None,
    broker: Annotated[
        BrokerName, typer.Option("--broker", help="Which broker the run starts for itself.")
    ] = BrokerName.TANSU,
    json: Annotated[Path | None, typer.Option("--json", help="File for the score card.")] = None,
    against: Annotated[
        Path | None,
        typer.Option("--against", help="A .env file that names your own deployment."),
    ] = None,
    events: Annotated[
        Path | None,
        typer.Option("--events", help="Your own events: {type, data}, one a line."),
    ] = None,
    fault: Annotated[
        list[str] | None,
        typer.Option("--fault", help="A command that does harm to it; may be repeated."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Publish to a deployment that is not on this machine.")
    ] = False,
) -> None:
    """Do harm to a deployment under load, and check what must hold all the same."""
    from cli.chaos.command import Options, run_chaos

    commands = tuple(fault or ())
    if faults is None:
        faults = 25 if against is None else len(commands)
    if executions is None:
        executions = 8_000 if against is None else 200
    options = Options(seed, faults, executions, broker.value, json, against, events, commands, yes)
    raise SystemExit(run_chaos(options))
