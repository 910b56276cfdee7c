"""What each answer would lead to, in a few words, before anybody gives it."""

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from engine.definition import Definition
from engine.effects import Accept, Refuse
from engine.execution import Execution
from engine.ids import WaitId
from engine.preview import Fork, NextWait, Preview, preview

log = logging.getLogger("sluicegate.api")
_FRACTION = re.compile(r"(\d\d:\d\d:\d\d)\.\d+(?=Z)")
_UNSAID = re.compile(r"«approvals\.\w+\.reason»")
MAX_LINES = 12


@dataclass(frozen=True, slots=True)
class Way:
    """One answer and what follows: lines with their depth, the last one says where it ends."""

    outcome: str
    lines: tuple[tuple[int, str], ...]


def ways_of(definition: Definition, execution: Execution, record: Mapping[str, Any]) -> list[Way]:
    """Return what every answer to an open request would lead to, and what its expiry would."""
    wait = WaitId(record["wait_id"])
    if wait not in execution.waits:
        return []
    outcomes = [*record["outcomes"], *(["expired"] if record.get("expires_at") else [])]
    return [_way(definition, execution, wait, outcome) for outcome in outcomes]


def _way(definition: Definition, execution: Execution, wait: WaitId, outcome: str) -> Way:
    try:
        found = preview(definition, execution, wait, outcome)
    except Exception:
        # A preview is a help; without it the request can still be decided.
        log.exception("no preview of %s at %s", outcome, wait)
        return Way(outcome, ((0, "cannot be told beforehand"),))
    lines = list(_lines(found, 0))
    if len(lines) > MAX_LINES:
        lines = [*lines[:MAX_LINES], (0, f"and {len(lines) - MAX_LINES} lines more")]
    return Way(outcome, tuple(lines))


def _lines(found: Preview, depth: int) -> Iterator[tuple[int, str]]:
    answer, counted = found.answer, False
    if isinstance(answer, Refuse):
        yield depth, f"would be refused: {answer.message}"
        return
    if isinstance(answer, Accept) and answer.result == "counted":
        counted = True
        yield depth, "is counted; the policy needs more votes"
    for step in found.steps:
        for doing in step.would:
            yield depth, f"{step.id}: {doing.text}"
    if found.fork is not None:
        yield from _fork_lines(found.fork, depth)
        return
    for wait in () if counted else found.waits:
        yield depth, f"then {_wait_text(wait)}"
    if not found.waits:
        yield depth, _end(found)


def _fork_lines(fork: Fork, depth: int) -> Iterator[tuple[int, str]]:
    yield depth, f"{fork.step} depends on {', '.join(fork.depends_on)}:"
    names = {"on_true": "if it holds", "on_false": "if it does not"}
    for name, way in fork.ways.items():
        yield depth + 1, names.get(name, name)
        yield from _lines(way, depth + 2)


def _end(found: Preview) -> str:
    error = found.error
    why = f": {error['message']}" if error and error.get("message") else ""
    text = _UNSAID.sub("the reason given", f"ends {found.result or found.status}{why}")
    return _FRACTION.sub(r"\1", text)


def _wait_text(wait: NextWait) -> str:
    shown = wait.as_dict()
    people = [*_names(shown.get("roles")), *_names(shown.get("users"))]
    match shown["kind"]:
        case "approval":
            asked = f"asks {', '.join(people) or 'anyone'}"
            return f"{asked}: {shown.get('title')}" if shown.get("title") else asked
        case "event":
            return f"waits for the event {shown.get('event')}"
        case _:
            return f"waits until {shown.get('due_at')}"


def _names(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []
