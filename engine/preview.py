"""What an answer would lead to, up to the next hold or the end, without doing any of it.

The engine itself runs, in a rehearsal whose calls succeed with outputs that nobody knows. Where the
way depends on such an output, both ways are followed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from engine.assumed import Answered, Assumed
from engine.conditions import Condition
from engine.course import CourseStep, read_course
from engine.definition import ConditionVerb, Definition, Step
from engine.effects import Accept, Refuse
from engine.execution import Execution, Status, Wait
from engine.explain import Event
from engine.ids import WaitId
from engine.inputs import Started
from engine.rehearsed import new_execution
from engine.values import dataclass

MAX_FORKS = 3
"""Most forks one below the other; deeper ones are named, not followed."""
Script: TypeAlias = Callable[[Assumed], Accept | Refuse | None]


@dataclass(frozen=True, slots=True)
class NextWait:
    """What the execution would be held for next, and for whom."""

    wait: Wait

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON shows it; the keys are a contract."""
        record = self.wait.record
        asked = ("title", "roles", "users", "anyone", "exclude", "outcomes", "event", "match")
        return {
            "step": self.wait.path,
            "kind": self.wait.kind,
            "due_at": self.wait.due_at.isoformat() if self.wait.due_at else None,
            **{key: record[key] for key in asked if key in record},
        }


@dataclass(frozen=True, slots=True)
class Fork:
    """A step at which the way depends on outputs not known yet, and where each way leads."""

    step: str
    depends_on: tuple[str, ...]
    ways: Mapping[str, "Preview"]
    """Empty where the ways are not followed any further."""

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON shows it; the keys are a contract."""
        ways = {name: way.as_dict() for name, way in self.ways.items()}
        return {"step": self.step, "depends_on": list(self.depends_on), "ways": ways}


@dataclass(frozen=True, slots=True)
class Preview:
    """The steps that would follow, and where they would lead."""

    answer: Accept | Refuse | None
    steps: tuple[CourseStep, ...]
    status: Status | None
    """None where it depends on an output that is not known yet: see `fork`."""
    result: str | None = None
    error: Mapping[str, str | None] | None = None
    waits: tuple[NextWait, ...] = ()
    fork: Fork | None = None

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON shows it; the keys are a contract."""
        return {
            "answer": _answer_dict(self.answer),
            "steps": [step.as_dict() for step in self.steps],
            "status": str(self.status) if self.status is not None else None,
            "result": self.result,
            "error": dict(self.error) if self.error is not None else None,
            "waits": [wait.as_dict() for wait in self.waits],
            "fork": self.fork.as_dict() if self.fork is not None else None,
        }


def _answer_dict(answer: Accept | Refuse | None) -> dict[str, object] | None:
    match answer:
        case None:
            return None
        case Accept(result, message):
            return {"result": result, "code": None, "message": message}
        case Refuse(code, message):
            return {"result": "refused", "code": code, "message": message}


def preview(
    definition: Definition,
    execution: Execution,
    wait_id: WaitId,
    outcome: str,
    form: Mapping[str, object] | None = None,
    *,
    decided_by: str | None = None,
    reason: str | None = None,
    at: datetime | None = None,
) -> Preview:
    """Return what a decision about an open wait, or the outcome `expired`, would lead to."""
    wait = execution.waits[wait_id]
    answered = Answered(wait.path, outcome, decided_by, reason, form)

    def script(assumed: Assumed) -> Accept | Refuse | None:
        return assumed.answer(wait, answered)

    now = at or execution.paused_at or wait.opened_at
    return _follow(definition, execution, now, script)


def preview_start(
    definition: Definition,
    event: Event,
    at: datetime,
    resources: Mapping[str, object],
    answers: Sequence[Answered] = (),
) -> Preview:
    """Return what an event would lead to, given the loads at hand and answers to approvals."""

    def script(assumed: Assumed) -> Accept | Refuse | None:
        assumed.rehearsal.give(Started(at, resources))
        given: Accept | Refuse | None = None
        for answered in answers:
            wait = assumed.wait_at(answered.step)
            if wait is None:
                return Refuse("unknown", f"no step {answered.step} waits by then")
            given = assumed.answer(wait, answered)
            if isinstance(given, Refuse):
                return given
        return given

    return _follow(definition, new_execution(definition, event, at), at, script)


def _follow(
    definition: Definition,
    execution: Execution,
    now: datetime,
    script: Script,
    skip: int = 0,
    forks: int = 0,
) -> Preview:
    """Play the script; steps before `skip` are told by the preview that this one continues."""
    assumed = Assumed(definition, execution, now)
    answer = script(assumed)
    course = read_course(definition, assumed.rehearsal.happened, assumed.unknown)
    number = next((n for n, step in enumerate(course) if n >= skip and step.depends_on), None)
    if number is None:
        return _outcome(assumed.rehearsal.execution, answer, tuple(course[skip:]))
    at = course[number]
    ways: dict[str, Preview] = {}
    if forks < MAX_FORKS:
        for name, pinned in _ways(definition, at):
            # A condition told its part by forking; a guarded step is told again once it is known.
            first = number if at.guarded else number + 1
            ways[name] = _follow(pinned, execution, now, script, first, forks + 1)
    fork = Fork(at.path, at.depends_on, ways)
    if execution.status is Status.PENDING:
        # Answers come after the start: which of them fit is told where the ways lead.
        answer = None
    return Preview(answer, tuple(course[skip:number]), None, fork=fork)


def _outcome(
    execution: Execution, answer: Accept | Refuse | None, steps: tuple[CourseStep, ...]
) -> Preview:
    failure = execution.error
    error: dict[str, str | None] | None = None
    if failure is not None:
        error = {"code": failure.code, "message": failure.message, "step": failure.step}
    waits = tuple(NextWait(wait) for wait in execution.waits.values())
    return Preview(answer, steps, execution.status, execution.result, error, waits)


def _ways(definition: Definition, at: CourseStep) -> list[tuple[str, Definition]]:
    """Return the definition once for each way a fork may go, with that way made certain."""
    step = definition.steps[at.defined]
    if at.guarded:
        run, skipped = replace(step, when=None), replace(step, when=_sure(False))
        return [("run", _with(definition, run)), ("skipped", _with(definition, skipped))]
    if isinstance(step.verb, ConditionVerb):
        true, false = (replace(step.verb, condition=_sure(holds)) for holds in (True, False))
        return [
            ("on_true", _with(definition, replace(step, verb=true))),
            ("on_false", _with(definition, replace(step, verb=false))),
        ]
    return []


def _sure(holds: bool, /) -> Condition:
    return Condition(lambda _scope, _leaves: holds, frozenset())


def _with(definition: Definition, step: Step) -> Definition:
    return replace(definition, steps={**definition.steps, step.path: step})
