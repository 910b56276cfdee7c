"""Run one test: start, move by move, then compare."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cli.testing.documents import Cancel, Case, Decide, EventText, Move
from cli.testing.expectations import compare
from cli.testing.facts import Facts
from cli.testing.matching import At, Difference, names_step
from cli.testing.schemas import problem_of, problem_of_form
from cli.testing.stubs import NoAnswer, Stubs
from engine.definition import Definition
from engine.effects import OpenWait, Refuse
from engine.execution import Wait
from engine.explain import Event, explain
from engine.ids import WaitId
from engine.inputs import CancelRequested, DecisionArrived
from engine.rehearsal import Happening, Rehearsal, new_execution

START = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
"""When tests begin that say nothing else: a Monday morning."""
NOWHERE = WaitId("w_" + "0" * 32)


@dataclass(slots=True)
class Outcome:
    """What became of a test: nothing to say if it passed."""

    case: Case
    at: At
    problems: list[Difference] = field(default_factory=list)
    happened: list[Happening] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Tell whether all is as expected."""
        return not self.problems


class Misfit(Exception):
    """A move that cannot be made, or came out otherwise than the test says."""


def run_case(definition: Definition, declared: Mapping[str, Any], case: Case, at: At) -> Outcome:
    """Run one test; `declared` are the resources as `resources.yaml` declares them."""
    outcome = Outcome(case, at)
    now = case.given.at or START
    event, manual = _event(case.given.event or EventText(type="manual"), 1), case.given.manual
    if manual is not None:
        event = Event("manual", manual.data, "manual-1", "/tests")
    why_not = _why_not(definition, event, now, by_hand=manual is not None)
    if why_not is not None:
        outcome.problems = _not_started(case, why_not, at)
        return outcome
    stubs = Stubs(case, declared)
    trigger = "manual" if manual is not None else None
    execution = new_execution(definition, event, now, trigger)
    stage = _Stage(Rehearsal(definition, execution, now, stubs.answer), now)
    outcome.problems = _play(stage, case, Facts(stage.rehearsal, stubs.records), at)
    outcome.happened = stage.rehearsal.happened
    return outcome


def _event(text: EventText, number: int) -> Event:
    return Event(text.type, text.data, text.id or f"event-{number}", text.source, text.key)


def _why_not(definition: Definition, event: Event, now: datetime, *, by_hand: bool) -> str | None:
    if not by_hand:
        explained = explain(definition, event, now, problem_of)
        return None if explained.starts else explained.reason
    if not any(trigger.manual for trigger in definition.triggers):
        return "no trigger of the workflow says manual: true"
    schema = definition.input_schema
    return problem_of(schema, event.data) if schema is not None else None


def _not_started(case: Case, why: str, at: At) -> list[Difference]:
    named = case.expect.model_dump(exclude_unset=True)
    if named == {"started": False} and not case.then:
        return []
    first = next((name for name in named if named[name] is not False), "started")
    return [Difference((*at, "expect", first), f"nothing was started: {why}")]


def _play(stage: "_Stage", case: Case, facts: Facts, at: At) -> list[Difference]:
    """Make the moves in order, and stop at the first that goes wrong."""
    here: At = (*at, "given")
    try:
        stage.rehearsal.start()
        for number, move in enumerate(case.then):
            here = (*at, "then", number)
            stage.make(move, number)
            if move.expect is not None:
                found = compare(move.expect, facts, (*here, "expect"))
                if found:
                    return found
    except (Misfit, NoAnswer) as problem:
        return [Difference(here, str(problem))]
    return compare(case.expect, facts, (*at, "expect"))


class _Stage:
    """A rehearsal with the moves that a test can make."""

    def __init__(self, rehearsal: Rehearsal, start: datetime) -> None:
        self.rehearsal, self._start = rehearsal, start

    def make(self, move: Move, number: int) -> None:
        """Make one move; raises Misfit if it does not come out as the test says."""
        refused = move.expect.refused if move.expect is not None else None
        if move.decide is not None:
            self._decide(move.decide, number, refused)
        elif move.event is not None:
            self._go_to(move.event.at)
            self.rehearsal.receive(_event(move.event, number + 2))
        elif move.after is not None:
            self.rehearsal.pass_until(self.rehearsal.now + move.after)
        elif move.cancel is not None:
            self._cancel(move.cancel, refused)

    def _go_to(self, at: datetime | timedelta | None) -> None:
        if at is None:
            return
        instant = at if isinstance(at, datetime) else self._start + at
        if instant < self.rehearsal.now:
            raise Misfit(f"the clock stands at {self.rehearsal.now.isoformat()} already")
        self.rehearsal.pass_until(instant)

    def _decide(self, decide: Decide, number: int, refused: str | None) -> None:
        self._go_to(decide.at)
        wait = self._request(decide.step)
        if wait is None and refused is None:
            raise Misfit(f"{decide.step} has not asked for a decision; {self._open()}")
        now = self.rehearsal.now
        problem = None
        if wait is not None:
            problem = problem_of_form(wait.record, decide.form, decide.outcome)
        given = DecisionArrived(
            now,
            now,
            f"decision-{number + 1}",
            wait.id if wait is not None else NOWHERE,
            decide.outcome,
            decide.by,
            decide.reason,
            decide.form,
            on_behalf_of=decide.on_behalf_of,
            roles=frozenset(decide.roles) if decide.roles is not None else None,
            form_problem=problem,
        )
        _judge(self.rehearsal.give(given), refused)

    def _cancel(self, cancel: Cancel, refused: str | None) -> None:
        self._go_to(cancel.at)
        given = CancelRequested(self.rehearsal.now, cancel.by, cancel.reason)
        _judge(self.rehearsal.give(given), refused)

    def _request(self, step: str) -> Wait | None:
        """Return the open approval of a step, else its last one; raises Misfit where two are."""
        waits = self.rehearsal.execution.waits.values()
        found = [w for w in waits if w.kind == "approval" and names_step(step, w.path)]
        if len(found) > 1:
            paths = ", ".join(wait.path for wait in found)
            raise Misfit(f"several approvals are open at {step}; name one by its path: {paths}")
        if found:
            return found[0]
        effects = (happening.effect for happening in reversed(self.rehearsal.happened))
        past = (effect.wait for effect in effects if isinstance(effect, OpenWait))
        return next((w for w in past if w.kind == "approval" and names_step(step, w.path)), None)

    def _open(self) -> str:
        execution = self.rehearsal.execution
        if execution.ended:
            return f"the execution has ended: {execution.status}"
        paths = ", ".join(wait.path for wait in execution.waits.values())
        return f"open waits: {paths or 'none'}"


def _judge(answer: object, refused: str | None) -> None:
    if isinstance(answer, Refuse):
        if answer.code != refused:
            wanted = f"expected a refusal {refused}, got" if refused else "refused:"
            raise Misfit(f"{wanted} {answer.code}: {answer.message}")
    elif refused is not None:
        raise Misfit(f"expected a refusal {refused}, but it was accepted")
