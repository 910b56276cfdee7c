"""Which events cancel an execution while it is unfinished (definitions.md, `cancel_on`)."""

from datetime import datetime

from engine.correlation import compared, correlation, shape_of
from engine.definition import Definition
from engine.effects import Effect, Watch
from engine.errors import SluicegateError
from engine.execution import Execution
from engine.loads import initial_context
from engine.turn import Turn


def watched_while_pending(
    definition: Definition, execution: Execution, now: datetime
) -> tuple[Effect, ...]:
    """Return the effects by which an execution is cancelled that still waits for its turn."""
    turn = Turn(definition, execution, now)
    turn.scope.update(initial_context(execution.payload)[0])
    watch(turn)
    return tuple(turn.effects)


def watch(turn: Turn) -> None:
    """Ask for the events that cancel this execution; a value that it lacks is a warning."""
    key = turn.execution.meta.get("key")
    for trigger in turn.definition.triggers:
        what = trigger.cancel_on
        if what is None:
            continue
        try:
            values = compared(what, turn.scope, key)
        except SluicegateError as problem:
            turn.part("warnings")["cancel_on"] = f"no event can cancel this: {problem}"
            continue
        if all(value is not None for value in values.values()):
            turn.effects.append(Watch(correlation(shape_of(what), list(values.values()))))
