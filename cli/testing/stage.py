"""The moves of a test, made on a rehearsal."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import assert_never

from cli.testing.documents import Delegated
from cli.testing.matching import names_step
from cli.testing.moves import (
    Ask,
    Cancel,
    Claim,
    Decide,
    Hold,
    Move,
    Reassign,
    Resume,
    Retry,
    Skip,
)
from cli.testing.schemas import problem_of_form
from cli.testing.starting import event_of
from engine.decide import SHORTHANDS
from engine.deciders import Delegation
from engine.effects import Accept, OpenWait, Refuse
from engine.execution import Wait
from engine.ids import WaitId
from engine.inputs import (
    CancelRequested,
    DecisionArrived,
    HoldRequested,
    Input,
    RequestChanged,
    ResumeRequested,
    RetryRequested,
    SkipRequested,
)
from engine.rehearsal import Rehearsal
from engine.rehearsed import Rehearsed

NOWHERE = WaitId("w_" + "0" * 32)
ALWAYS = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


class Misfit(Exception):
    """A move that cannot be made, or came out otherwise than the test says."""


def child_at(rehearsal: Rehearsal, parent: Rehearsed, step: str) -> Rehearsed:
    """Return the execution that a step started; raises Misfit unless there is just one."""
    children = rehearsal.children(parent)
    found = [path for path in children if names_step(step, path)]
    if len(found) == 1:
        return children[found[0]]
    if found:
        raise Misfit(f"several steps {step} started executions; name one: {', '.join(found)}")
    there = ", ".join(children) or "none"
    raise Misfit(f"no execution was started by {step}; such steps are: {there}")


class Stage:
    """A rehearsal with the moves that a test can make."""

    def __init__(
        self, rehearsal: Rehearsal, start: datetime, delegations: Sequence[Delegated] = ()
    ) -> None:
        self.rehearsal, self._start = rehearsal, start
        self._delegations = tuple(
            Delegation(
                given.user,
                given.delegate,
                self._instant(given.since) or ALWAYS[0],
                self._instant(given.until) or ALWAYS[1],
            )
            for given in delegations
        )

    def make(self, move: Move, number: int) -> None:
        """Make one move; raises Misfit if it does not come out as the test says."""
        refused = move.expect.refused if move.expect is not None else None
        if move.event is not None:
            self._go_to(move.event.at)
            self.rehearsal.receive(event_of(move.event, number + 2))
        elif move.after is not None:
            self.rehearsal.pass_until(self.rehearsal.now + move.after)
        elif (asked := move.asked) is not None:
            self._go_to(asked.at)
            part = self.part(move.about)
            given = self._input(part, asked, number, refused)
            _judge(self.rehearsal.give(given, part), refused)

    def part(self, about: Sequence[str]) -> Rehearsed:
        """Return the execution to which the steps lead; raises Misfit."""
        part = self.rehearsal.root
        for step in about:
            part = child_at(self.rehearsal, part, step)
        return part

    def _instant(self, at: datetime | timedelta | None) -> datetime | None:
        return self._start + at if isinstance(at, timedelta) else at

    def _go_to(self, at: datetime | timedelta | None) -> None:
        instant = self._instant(at)
        if instant is None:
            return
        if instant < self.rehearsal.now:
            raise Misfit(f"the clock stands at {self.rehearsal.now.isoformat()} already")
        self.rehearsal.pass_until(instant)

    def _input(self, part: Rehearsed, asked: Ask, number: int, refused: str | None) -> Input:
        now, by = self.rehearsal.now, asked.by
        match asked:
            case Decide():
                wait = _request(part, asked.step, refused)
                return self._decision(asked, wait, f"decision-{number + 1}")
            case Claim():
                wait = _request(part, asked.step, refused)
                return RequestChanged(now, _id_of(wait), "claim", by)
            case Reassign(to=to, roles=roles):
                wait = _request(part, asked.step, refused)
                return RequestChanged(now, _id_of(wait), "reassign", by, tuple(to), tuple(roles))
            case _:
                return _operation(asked, now)

    def _decision(self, decide: Decide, wait: Wait | None, id: str) -> DecisionArrived:
        now, problem = self.rehearsal.now, None
        if wait is not None:
            outcome = SHORTHANDS.get(decide.outcome, decide.outcome)
            problem = problem_of_form(wait.record, decide.form, outcome)
        return DecisionArrived(
            now,
            now,
            id,
            _id_of(wait),
            decide.outcome,
            decide.by,
            decide.reason,
            decide.form,
            on_behalf_of=decide.on_behalf_of,
            roles=frozenset(decide.roles) if decide.roles is not None else None,
            delegations=self._delegations,
            form_problem=problem,
        )


def _operation(asked: Cancel | Hold | Resume | Skip | Retry, now: datetime) -> Input:
    by = asked.by
    match asked:
        case Cancel():
            return CancelRequested(now, by, asked.reason, asked.compensate)
        case Hold():
            return HoldRequested(now, by, asked.reason)
        case Resume():
            return ResumeRequested(now, by, asked.data, asked.from_step)
        case Skip():
            return SkipRequested(now, by, asked.step)
        case Retry():
            return RetryRequested(now, by, asked.step)
        case _:
            assert_never(asked)


def _id_of(wait: Wait | None) -> WaitId:
    return wait.id if wait is not None else NOWHERE


def _request(part: Rehearsed, step: str, refused: str | None) -> Wait | None:
    """Return the open approval of a step, else its last one; raises Misfit where two are."""
    waits = part.execution.waits.values()
    found = [wait for wait in waits if wait.kind == "approval" and names_step(step, wait.path)]
    if len(found) > 1:
        paths = ", ".join(wait.path for wait in found)
        raise Misfit(f"several approvals are open at {step}; name one by its path: {paths}")
    if found:
        return found[0]
    effects = (happening.effect for happening in reversed(part.happened))
    past = (effect.wait for effect in effects if isinstance(effect, OpenWait))
    last = next((w for w in past if w.kind == "approval" and names_step(step, w.path)), None)
    if last is None and refused is None:
        raise Misfit(f"{step} has not asked for a decision; {_open(part)}")
    return last


def _open(part: Rehearsed) -> str:
    execution = part.execution
    if execution.ended:
        return f"the execution has ended: {execution.status}"
    paths = ", ".join(wait.path for wait in execution.waits.values())
    return f"open waits: {paths or 'none'}"


def _judge(answer: Accept | Refuse | None, refused: str | None) -> None:
    if isinstance(answer, Refuse):
        if answer.code != refused:
            wanted = f"expected a refusal {refused}, got" if refused else "refused:"
            raise Misfit(f"{wanted} {answer.code}: {answer.message}")
    elif refused is not None:
        raise Misfit(f"expected a refusal {refused}, but it was accepted")
