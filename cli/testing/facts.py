"""What a rehearsal came to, in the words of a test's expectations."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from engine.answers import Records, shown_params
from engine.effects import Emit, Perform, WriteLog
from engine.execution import Execution
from engine.rehearsal import Rehearsal
from engine.rehearsed import Rehearsed, visited

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Facts:
    """One execution of a rehearsal as far as it has come, and the records that all wrote."""

    rehearsal: Rehearsal
    part: Rehearsed
    records: Records

    def about(self, part: Rehearsed) -> "Facts":
        """Return the facts of another execution of the rehearsal."""
        return replace(self, part=part)

    @property
    def children(self) -> dict[str, "Facts"]:
        """The facts of the executions that steps started, by step path."""
        children = self.rehearsal.children(self.part)
        return {str(step): self.about(child) for step, child in children.items()}

    @property
    def execution(self) -> Execution:
        """The execution as it stands."""
        return self.part.execution

    def _effects(self, kind: type[E]) -> Iterable[E]:
        effects = (happening.effect for happening in self.part.happened)
        return (effect for effect in effects if isinstance(effect, kind))

    @property
    def path(self) -> list[str]:
        """Paths of the steps that were entered, in order."""
        return [record.path for record in visited(self.part.happened)]

    @property
    def waits(self) -> list[dict[str, object]]:
        """The open waits: their waiting records, what has come to them so far, and the step."""
        return [
            {**wait.record, **wait.state, "step": wait.path}
            for wait in self.execution.waits.values()
        ]

    @property
    def calls(self) -> list[dict[str, object]]:
        """The outside calls of steps, one per attempt, in order."""
        return [
            {
                "kind": asked.kind,
                "step": asked.path,
                "params": shown_params(asked),
                "attempt": asked.attempt,
            }
            for asked in self._effects(Perform)
            if asked.path
        ]

    @property
    def emitted(self) -> list[dict[str, object]]:
        """The events that steps emitted, in order."""
        return [
            {"event": emit.event, "data": emit.payload, "key": emit.key, "topic": emit.topic}
            for emit in self._effects(Emit)
        ]

    @property
    def logged(self) -> list[dict[str, object]]:
        """The lines that steps logged, in order."""
        return [
            {"level": line.level, "message": line.message, "fields": dict(line.fields)}
            for line in self._effects(WriteLog)
        ]

    @property
    def rows(self) -> list[dict[str, object]]:
        """The rows of `records`."""
        return [
            {"entity": entity, "id": id, "data": dict(row.data), "version": row.version}
            for (entity, id), row in self.records.rows.items()
        ]

    @property
    def context(self) -> Mapping[str, object]:
        """The context, as later steps would read it."""
        return self.execution.context
