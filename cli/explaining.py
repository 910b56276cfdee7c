"""`sluicegate explain`: why an event starts a workflow, or does not."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cli.errors import OK
from cli.offline import read_event, read_sound
from cli.printing import write, write_lines
from cli.show import print_json, print_rows
from cli.testing.schemas import problem_of
from engine.explain import Explanation, explain_all
from engine.templates import as_text

COLUMNS = {
    "workflow": "Workflow",
    "trigger": "Trigger",
    "field": "Field",
    "operator": "Operator",
    "expected": "Expected",
    "found": "Found",
    "holds": "Holds",
}


def explain_event(path: Path, event_text: str, type: str | None, as_json: bool) -> int:
    """Explain an event to the definitions of a file or folder; returns the exit code."""
    found = read_sound(path)
    event = read_event(event_text, type)
    explained = explain_all(found.definitions, event, datetime.now(UTC), problem_of)
    if as_json:
        print_json([each.as_dict() for each in explained])
        return OK
    for each in explained:
        write_lines(_lines(each))
    rows = [row for each in explained for row in _comparisons(each)]
    if rows:
        write("\n")
        print_rows(rows, COLUMNS, "")
    return OK


def _lines(explained: Explanation) -> Iterator[str]:
    word = "starts" if explained.starts else "does not start"
    yield f"{explained.workflow}: {word}"
    for trigger in explained.triggers:
        pattern = f" ({trigger.pattern})" if trigger.pattern is not None else ""
        yield f"  trigger {trigger.number}{pattern}: {trigger.reason}"
        yield from (f"    note: {note}" for note in trigger.notes)
    if explained.input_problem is not None and any(t.matches for t in explained.triggers):
        yield f"  input: {explained.input_problem}"
    yield from (f"  note: {note}" for note in explained.notes)


def _comparisons(explained: Explanation) -> Iterator[dict[str, Any]]:
    for trigger in explained.triggers:
        for part in trigger.when.leaves() if trigger.when is not None else ():
            row = {"workflow": explained.workflow, "trigger": trigger.number}
            leaf = part.leaf
            if leaf is None:
                yield {**row, "found": part.problem, "holds": "error"}
                continue
            yield {
                **row,
                "field": leaf.field,
                "operator": leaf.operator,
                "expected": as_text(leaf.expected),
                "found": "nothing" if leaf.value is None else as_text(leaf.value),
                "holds": "yes" if leaf.holds else _no(leaf.warning),
            }


def _no(warning: str | None) -> str:
    return f"no: {warning}" if warning else "no"
