"""A rehearsal for previews: every call succeeds, with an output that nobody knows."""

from collections.abc import Mapping
from datetime import datetime

from engine.definition import Definition
from engine.effects import Accept, Perform, Refuse, StartChild, WriteRecord
from engine.execution import Execution, Wait
from engine.inputs import DecisionArrived, Input, TimerFired
from engine.paths import Path
from engine.rehearsal import Answer, Asked, Rehearsal, Succeeds
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


class Assumed:
    """A rehearsal whose calls succeed with unknown outputs; remembers what is unknown."""

    def __init__(self, definition: Definition, execution: Execution, now: datetime) -> None:
        self.unknown: set[Path] = set()
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
        return self.rehearsal.give(self._input(wait, answered))

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
        """Return a name that may decide: any, unless only some users may."""
        record = wait.record
        users = record.get("users")
        if isinstance(users, list) and users and not record.get("roles") and not record["anyone"]:
            return str(users[0])
        return self._told(path)

    def _told(self, path: Path) -> str:
        self.unknown.add(path)
        return named(path)

    def _hide(self, path: Path) -> object:
        self.unknown.add(path)
        return placeholder(path, self._read)

    def _perform(self, asked: Asked) -> Answer:
        path = self._output_path(asked)
        if isinstance(asked, StartChild):
            return Succeeds({"outputs": self._hide((*path, "outputs"))})
        if not isinstance(asked, WriteRecord):
            hidden = self._hide(path)
            self._hide_derived()
            return Succeeds(hidden)
        self.unknown.add((*path, "version"))
        version = named((*path, "version"))
        return Succeeds({"entity": asked.entity, "id": asked.entity_id, "version": version})

    def _output_path(self, asked: Asked) -> Path:
        lines = self.rehearsal.execution.lines.values()
        line = next((line for line in lines if line.pending == asked.id), None)
        if line is None or line.at is None:
            params = asked.params if isinstance(asked, Perform) else {}
            return tuple(str(params.get("path", asked.id)).split("."))
        step = self._definition.steps[line.at]
        own = ("steps", step.id, "output")
        actions = getattr(step.verb, "actions", ())
        return own if len(actions) <= 1 else (*own, str(line.action))

    def _hide_derived(self) -> None:
        for derived in self._definition.derived:
            if touching(references_in(derived), self.unknown):
                self.unknown.add((derived.name,))
