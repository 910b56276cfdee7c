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
    faults: Annotated[int, typer.Option("--faults", min=0, help="How many.")] = 25,
    executions: Annotated[int, typer.Option("--executions", min=1, help="How many.")] = 8_000,
    broker: Annotated[BrokerName, typer.Option("--broker")] = BrokerName.TANSU,
    json: Annotated[Path | None, typer.Option("--json", help="File for the score card.")] = None,
) -> None:
    """Do harm to a deployment under load, and check what must hold all the same."""
    from cli.chaos.command import Options, run_chaos

    options = Options(seed, faults, executions, broker.value, json)
    raise SystemExit(run_chaos(options))
