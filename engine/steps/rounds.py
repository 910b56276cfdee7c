"""What the waits of a `repeat` have taken: an event counts in one of its rounds only."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import TypeAlias

from engine.definition import RepeatVerb, Step
from engine.execution import path_of
from engine.turn import Turn

Loop: TypeAlias = tuple[str, str]
"""The line that stands at a `repeat`, and where a step of its round is, from there."""


def taken_before(turn: Turn, name: str, step: Step, part: int, meta: Mapping[str, object]) -> bool:
    """Tell whether an earlier round had this event for the same wait."""
    loops = _loops_around(turn, name, step)
    return any(_mark(inside, part, meta) in turn.lines[loop].outputs for loop, inside in loops)


def take(turn: Turn, name: str, step: Step, part: int, meta: Mapping[str, object]) -> None:
    """Remember that a wait has had an event, for the rounds that follow."""
    for loop, inside in _loops_around(turn, name, step):
        line = turn.lines[loop]
        turn.lines[loop] = replace(line, outputs=(*line.outputs, _mark(inside, part, meta)))


def _loops_around(turn: Turn, name: str, step: Step) -> list[Loop]:
    """Return the loops around a step, innermost first."""
    found: list[Loop] = []
    parent = turn.lines[name].parent
    while parent is not None:
        line = turn.lines[parent]
        if line.at is not None and isinstance(turn.definition.steps[line.at].verb, RepeatVerb):
            round = step.path.removeprefix(f"{path_of(parent, line, line.at)}/")
            found.append((parent, round.partition("/")[2]))
        parent = line.parent
    return found


def _mark(inside: str, part: int, meta: Mapping[str, object]) -> str:
    """Return a short name of an event and of the wait that has it: up to 1,000 are stored."""
    text = "\x1f".join((inside, str(part), str(meta.get("source")), str(meta.get("id"))))
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
