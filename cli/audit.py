"""`sluicegate audit verify` and `keys`: named in the contract, refused until they are built."""

from typing import NoReturn

import typer

from cli.errors import fail

commands = typer.Typer(help="The audit trail.", no_args_is_help=True)
NO_CHAIN = (
    "audit verify is not available in this version: there is no audit table with a hash chain yet. "
    "Who decided, commanded and replayed what stands in the tables decisions, commands and "
    "redrives; `sluicegate executions trace ID` shows it for one execution"
)
NO_KEYS = (
    "keys belong to signed decisions (SLUICEGATE_DECISION_AUTH=signed), which are not available in "
    "this version; use acl and restrict by the broker who may write the decisions topic"
)


@commands.callback()
def about() -> None:
    """The audit trail."""


@commands.command()
def verify() -> None:
    """Check that nothing was changed afterwards: comes with the audit table."""
    fail(NO_CHAIN)


def refuse_keys() -> NoReturn:
    """Say why there are no keys."""
    fail(NO_KEYS)
