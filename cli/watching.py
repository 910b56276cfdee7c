"""Watching: the same question again and again, shown when the answer has changed."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from cli.errors import FAILED, OK, NotFound
from cli.parts import open_store, settings_for_database
from cli.printing import flush_or_leave, write, write_line
from cli.show import cell_of, columns_that_fit, print_json_line, table_of
from storage.reading import ExecutionFilter, Reading

PAUSE_SECONDS = 0.5
ENDED = frozenset({"completed", "blocked", "failed", "cancelled"})
STOPPED = ENDED - {"completed"}
Row = Mapping[str, Any]
Ask = Callable[[Reading], Awaitable[Sequence[Row]]]


async def watch_rows(
    ask: Ask, columns: Mapping[str, str], key: str, empty: str, *, as_json: bool
) -> int:
    """Show rows until Ctrl-C: a living table on a terminal, elsewhere a line for each change."""
    async with open_store(settings_for_database()) as store:
        reading = Reading(store)
        if sys.stdout.isatty() and not as_json:
            await _redraw(reading, ask, columns, empty)
        else:
            await _tell_changes(reading, ask, columns, key, as_json)
    return OK


async def _redraw(reading: Reading, ask: Ask, columns: Mapping[str, str], empty: str) -> None:
    from rich.live import Live

    with Live(auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            live.update(table_of(await ask(reading), columns, empty), refresh=True)
            await asyncio.sleep(PAUSE_SECONDS)


async def _tell_changes(
    reading: Reading, ask: Ask, columns: Mapping[str, str], key: str, as_json: bool
) -> None:
    seen: dict[str, Row] = {}
    while True:
        rows = {str(row[key]): row for row in reversed(await ask(reading))}
        for id, row in rows.items():
            if seen.get(id) != row:
                _print_change("changed" if id in seen else "new", row, columns, as_json)
        for id in seen.keys() - rows.keys():
            _print_change("gone", seen[id], columns, as_json)
        seen = rows
        await asyncio.sleep(PAUSE_SECONDS)


def _print_change(change: str, row: Row, columns: Mapping[str, str], as_json: bool) -> None:
    if as_json:
        print_json_line({"change": change, **row})
    else:
        cells = (cell_of(row.get(name)) for name in columns)
        write("\t".join((change, *cells)) + "\n")
    flush_or_leave()


async def watch_executions(wanted: ExecutionFilter, limit: int, as_json: bool) -> int:
    """Show executions whenever they have changed."""
    from cli.reading import ESSENTIAL_OF_EXECUTION, EXECUTION_COLUMNS

    async def ask(reading: Reading) -> Sequence[Row]:
        return (await reading.executions(wanted, limit)).items

    return await watch_rows(
        ask,
        columns_that_fit(EXECUTION_COLUMNS, ESSENTIAL_OF_EXECUTION),
        "execution_id",
        "No executions.",
        as_json=as_json,
    )


async def watch_execution(id: str, as_json: bool) -> int:
    """Print each step of an execution as it comes, until the end; returns the exit code."""
    from cli.reading import missing_execution
    from cli.tracing import step_line, summary

    told: dict[tuple[str, int], str] = {}
    async with open_store(settings_for_database()) as store:
        reading = Reading(store)
        while True:
            trace = await reading.trace(id)
            if trace is None:
                raise NotFound(missing_execution(id))
            for step in trace["steps"]:
                place = (step["step_path"], step["attempt"])
                if told.get(place) != step["status"]:
                    told[place] = step["status"]
                    print_json_line(step) if as_json else write_line(step_line(step))
            flush_or_leave()
            execution = trace["execution"]
            if execution["status"] in ENDED:
                break
            await asyncio.sleep(PAUSE_SECONDS)
    print_json_line(execution) if as_json else write_line(summary(execution))
    return FAILED if execution["status"] in STOPPED else OK
