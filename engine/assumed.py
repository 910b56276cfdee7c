"""A rehearsal for previews: every call succeeds, with an output that nobody knows."""

from collections.abc import Mapping
from datetime import datetime

from engine.answers import Answer, Asked, Succeeds
from engine.definition import Definition, ForEachVerb, ParallelVerb, RepeatVerb
from engine.effects import Accept, Perform, Refuse, StartChild, WriteRecord
from engine.execution import Execution, Wait
from engine.ids import StepPath
from engine.inputs import DecisionArrived, Input, TimerFired
from engine.paths import Path
from engine.rehearsal import Rehearsal
from engine.turn import expiry_timer
from engine.unknown import named, placeholder, references_in, references_of, touching
from engine.values import dataclass


@dataclass(frozen=True, slots=True)
class Answered:
    """What an approval would be answered; `decided_by` and `form` None: not known yet."""

    step: str
    outcome: str
    decided_by: str | None = None
    reason: str | None = None
    form: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Counted:
    """An answer that decides nothing yet: how many votes there are, and who is still asked."""

    step: str
    outcome: str
    have: int
    needed: int
    stage: int
    open_to: tuple[str, ...]

    @property
    def text(self) -> str:
        """What the answer leads to, in one line."""
        stage = f" in stage {self.stage + 1}" if self.stage else ""
        whom = f" for {', '.join(self.open_to)}" if self.open_to else ""
        return f"{self.have} of {self.needed}{stage}: the request stays open{whom}"

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON shows it; the keys are a contract."""
        return {
            "step": self.step,
            "outcome": self.outcome,
            "have": self.have,
            "needed": self.needed,
            "stage": self.stage,
            "open_to": list(self.open_to),
            "text": self.text,
        }


def _number(wait: Wait, key: str) -> int:
    value = wait.state.get(key)
    return value if isinstance(value, int) else 0


def _asked_still(wait: Wait) -> tuple[list[str], list[str]]:
    """Return the roles and users who may still vote on a request."""
    asked = wait.state.get("open_to", wait.record)
    found = asked if isinstance(asked, Mapping) else {}
    roles, users = found.get("roles"), found.get("users")
    return list(roles or ()), list(users or ())


class Assumed:
    """A rehearsal whose calls succeed with unknown outputs; remembers what is unknown."""

    def __init__(self, definition: Definition, execution: Execution, now: datetime) -> None:
        self.unknown: set[Path] = set()
        self.counted: list[Counted] = []
        """Answers that left their request open."""
        self._definition = definition
        self._read = references_of(definition)
        self.rehearsal = Rehearsal(definition, execution, now, self._perform)

    def wait_at(self, step: str) -> Wait | None:
        """Return the open wait of a step, by its id or path."""
        waits = self.rehearsal.execution.waits.values()
        found = (wait for wait in waits if step in (wait.path, wait.path.rpartition("/")[2]))
        return next(found, None)

    def answer(self, wait: Wait, answered: Answered) -> Accept | Refuse | None:
        """Give the answer to a wait."""
        answer = self.rehearsal.give(self._input(wait, answered))
        open_still = self.rehearsal.execution.waits.get(wait.id)
        if isinstance(answer, Accept) and answer.result == "counted" and open_still is not None:
            self._count(open_still, answered.outcome)
        return answer

    def _count(self, wait: Wait, outcome: str) -> None:
        have, needed, stage = (_number(wait, key) for key in ("have", "needed", "stage"))
        roles, users = _asked_still(wait)
        whom = (*roles, *users)
        self.counted.append(Counted(wait.path, outcome, have, needed, stage, whom))

    def _input(self, wait: Wait, answered: Answered) -> Input:
        now, execution = self.rehearsal.now, self.rehearsal.execution
        if answered.outcome == "expired" and wait.due_at is not None:
            return TimerFired(max(now, wait.due_at), expiry_timer(execution, wait.id))
        id = wait.path.rpartition("/")[2]
        own = ("approvals", id)
        form = answered.form
        if form is None:
            hidden = self._hide((*own, "form"))
            form = hidden if isinstance(hidden, dict) else {}
        return DecisionArrived(
            now,
            now,
            "preview",
            wait.id,
            answered.outcome,
            answered.decided_by or self._somebody(wait, (*own, "decided_by")),
            answered.reason if answered.reason is not None else self._told((*own, "reason")),
            form,
        )

    def _somebody(self, wait: Wait, path: Path) -> str:
        """Return a name that may decide: any that has not voted, unless only some users may."""
        roles, users = _asked_still(wait)
        if users and not roles and not wait.record["anyone"]:
            return users[0]
        votes = wait.state.get("votes")
        if not isinstance(votes, list) or not votes:
            return self._told(path)
        self.unknown.add(path)
        return self._told((*path[:-1], "votes", str(len(votes)), "by"))

    def _told(self, path: Path) -> str:
        self.unknown.add(path)
        return named(path)

    def _hide(self, path: Path) -> object:
        self.unknown.add(path)
        return placeholder(path, self._read)

    def _perform(self, asked: Asked) -> Answer:
        path = self._output_path(asked)
        if isinstance(asked, StartChild):
            return self._end_of_child(asked, path)
        if not isinstance(asked, WriteRecord):
            hidden = self._hide(path)
            self._hide_derived()
            return Succeeds(hidden)
        self.unknown.add((*path, "version"))
        version = named((*path, "version"))
        return Succeeds({"entity": asked.entity, "id": asked.entity_id, "version": version})

    def _end_of_child(self, asked: StartChild, path: Path) -> Answer:
        if not asked.awaited:
            return Succeeds()
        step = path[:2]
        self.unknown |= {(*step, "outcome"), (*path, "status"), (*path, "result")}
        result, outputs = self._told((*step, "result")), self._hide((*path, "outputs"))
        return Succeeds({"result": result, "outputs": outputs})

    def _output_path(self, asked: Asked) -> Path:
        lines = self.rehearsal.execution.lines.values()
        line = next((line for line in lines if line.pending == asked.id), None)
        if line is None or line.at is None:
            params = asked.params if isinstance(asked, Perform) else {}
            return tuple(str(params.get("path", asked.id)).split("."))
        step = self._definition.steps[line.at]
        self._hide_around(step.path)
        own = ("steps", step.id, "output")
        actions = getattr(step.verb, "actions", ())
        return own if len(actions) <= 1 else (*own, str(line.action))

    def _hide_around(self, path: StepPath) -> None:
        """Note that what a loop or branching step makes of this step's output is unknown too."""
        parts = path.split("/")
        for length in range(1, len(parts)):
            around = self._definition.steps.get(StepPath("/".join(parts[:length])))
            if around is not None and isinstance(
                around.verb, ParallelVerb | ForEachVerb | RepeatVerb
            ):
                self.unknown |= {("steps", around.id, key) for key in ("output", "items")}

    def _hide_derived(self) -> None:
        for derived in self._definition.derived:
            if touching(references_in(derived), self.unknown):
                self.unknown.add((derived.name,))
