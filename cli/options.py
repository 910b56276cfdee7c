"""Options that several commands have, with one meaning each."""

from typing import Annotated

import typer

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Limit = Annotated[int, typer.Option("--limit", min=1, max=200, help="Most rows to print.")]
Cursor = Annotated[
    str | None, typer.Option("--cursor", help="`next_cursor` of the page before (--json).")
]
Workflow = Annotated[str | None, typer.Option("--workflow", help="Name of the workflow.")]
Since = Annotated[str | None, typer.Option("--since", help="An instant, or 2h or 5d ago.")]
Until = Annotated[str | None, typer.Option("--until", help="An instant, or 2h or 5d ago.")]
Watch = Annotated[bool, typer.Option("--watch", help="Print again whenever it has changed.")]
By = Annotated[str | None, typer.Option("--by", help="Who asks; by default your login.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Why.")]
