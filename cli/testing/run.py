"""Run one test: start, move by move, then compare."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from actions.definitions import Folder
from cli.testing.documents import Case
from cli.testing.expectations import compare
from cli.testing.facts import Facts
from cli.testing.matching import At, Difference
from cli.testing.stage import Misfit, Stage
from cli.testing.starting import NotStarted, begin
from cli.testing.stubs import NoAnswer, Stubs
from engine.definition import Definition
from engine.rehearsal import Rehearsal
from engine.rehearsed import Rehearsed

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""When tests begin that say nothing else: a Monday morning."""


@dataclass(slots=True)
class Outcome:
    """What became of a test: nothing to say if it passed."""

    case: Case
    at: At
    problems: list[Difference] = field(default_factory=list)
    parts: list[Rehearsed] = field(default_factory=list)
    """The execution and its children as far as they came; none if nothing started."""

    @property
    def passed(self) -> bool:
        """Tell whether all is as expected."""
        return not self.problems


def run_case(definition: Definition, beside: Folder, case: Case, at: At) -> Outcome:
    """Run one test; `beside` are the resources and workflows of its folder."""
    outcome = Outcome(case, at)
    now = case.given.at or START
    try:
        execution = begin(definition, case.given, now)
    except NotStarted as problem:
        outcome.problems = _not_started(case, str(problem), at)
        return outcome
    stubs = Stubs(case, beside)
    rehearsal = Rehearsal(definition, execution, now, stubs.answer)
    stage = Stage(rehearsal, now, case.delegations)
    facts = Facts(rehearsal, rehearsal.root, stubs.records)
    outcome.problems = _play(stage, case, facts, at)
    outcome.parts = list(rehearsal.parts)
    return outcome


def _not_started(case: Case, why: str, at: At) -> list[Difference]:
    named = case.expect.model_dump(exclude_unset=True)
    if named == {"started": False} and not case.then:
        return []
    first = next((name for name in named if named[name] is not False), "started")
    return [Difference((*at, "expect", first), f"nothing was started: {why}")]


def _play(stage: Stage, case: Case, facts: Facts, at: At) -> list[Difference]:
    """Make the moves in order, and stop at the first that goes wrong."""
    here: At = (*at, "given")
    try:
        stage.rehearsal.start()
        for number, move in enumerate(case.then):
            here = (*at, "then", number)
            stage.make(move, number)
            if move.expect is not None:
                about = facts.about(stage.part(move.about))
                found = compare(move.expect, about, (*here, "expect"))
                if found:
                    return found
    except (Misfit, NoAnswer) as problem:
        return [Difference(here, str(problem))]
    return compare(case.expect, facts, (*at, "expect"))
