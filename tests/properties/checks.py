"""What must hold of every execution between any two inputs, whatever they are."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from engine.effects import (
    Announce,
    CancelChild,
    CloseWait,
    DropEffect,
    Effect,
    OpenWait,
    Perform,
    RecordStep,
    StartChild,
    StartTimer,
    StopTimer,
    WriteRecord,
)
from engine.execution import ENDED, HOLDING, MOVES, Execution, Line, Status, StepStatus, path_of
from engine.inputs import ActionFailed, ActionInDoubt, ActionSucceeded, ChildEnded, TimerFired
from engine.turn import expiry_timer
from tests.builders import of_kind
from tests.properties.histories import Turned

OVER = (StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.SKIPPED)
RESULTS: dict[Status, tuple[str | None, ...]] = {
    Status.COMPLETED: ("allowed", "executed"),
    Status.BLOCKED: ("blocked",),
    Status.FAILED: ("failed",),
}


def check_moves(turned: Turned) -> None:
    """Assert that the announced statuses follow the table and rise by one in sequence."""
    status, sequence = turned.before.status, turned.before.sequence
    for announce in of_kind(turned.effects, Announce):
        assert announce.sequence == sequence + 1
        assert announce.status is status or announce.status in MOVES[status]
        status, sequence = announce.status, announce.sequence
    assert (turned.after.status, turned.after.sequence) == (status, sequence)


def check_shape(execution: Execution) -> None:
    """Assert what status, result, instants, lines and waits say about each other."""
    assert execution.result in RESULTS.get(execution.status, (None,))
    assert (execution.completed_at is not None) == execution.ended
    assert (execution.paused_at is not None) == (execution.status is Status.PAUSED)
    if execution.ended or execution.status is Status.PENDING:
        assert not execution.waits
        assert not execution.lines
        assert not execution.loading
        assert not execution.undo
        assert execution.held is None
    else:
        holding = all(line.phase in HOLDING for line in execution.lines.values())
        paused = holding or execution.held is not None
        assert paused == (execution.status is Status.PAUSED)
        assert execution.lines or execution.held is not None
    assert set(waited_for(execution)) == {wait.path for wait in execution.waits.values()}


def waited_for(execution: Execution) -> Iterable[str]:
    """Yield the paths of the steps that wait for people, events or time."""
    for name, line in execution.lines.items():
        if line.phase == "waiting" and line.pending is None and line.at is not None:
            yield path_of(name, line, line.at)


@dataclass(slots=True)
class Watch:
    """What was asked for and is not over: the world's own books."""

    waits: set[str] = field(default_factory=set)
    timers: set[str] = field(default_factory=set)
    effects: set[str] = field(default_factory=set)
    children: set[str] = field(default_factory=set)
    known: set[str] = field(default_factory=set)
    """Ids of all waits, effects and children that there ever were."""
    rows: dict[str, RecordStep] = field(default_factory=dict)
    ends: int = 0

    def take(self, turned: Turned) -> None:
        """Enter one input and what came of it; assert that nothing is entered twice."""
        self._take_input(turned)
        for effect in turned.effects:
            self._take(effect)
            if isinstance(effect, RecordStep):
                old = self.rows.get(effect.id)
                assert old is None or old.status not in OVER or is_refreshed(old, effect)
                self.rows[effect.id] = effect
            if isinstance(effect, Announce) and effect.status in ENDED:
                self.ends += effect.kind == f"execution.{effect.status}"
        assert self.ends == turned.after.ended

    def _take_input(self, turned: Turned) -> None:
        match turned.given:
            case TimerFired(timer_id=timer):
                self.timers.discard(timer)
            case ActionSucceeded() | ActionFailed() | ActionInDoubt() if turned.changed:
                self.effects.discard(turned.given.effect_id)
            case ChildEnded(child=child) if turned.changed:
                self.children.discard(child)
            case _:
                pass

    def _take(self, effect: Effect) -> None:
        match effect:
            case OpenWait():
                self._open(self.waits, effect.wait.id)
            case CloseWait():
                self.waits.remove(effect.wait.id)
            case StartTimer():
                self.timers.add(effect.id)
            case StopTimer():
                self.timers.discard(effect.id)
            case Perform() | WriteRecord():
                self._open(self.effects, effect.id)
            case DropEffect():
                assert effect.id in self.known
                self.effects.discard(effect.id)
            case StartChild(awaited=True):
                self._open(self.children, effect.id)
            case CancelChild():
                self.children.remove(effect.id)
            case _:
                pass

    def _open(self, those: set[str], id: str) -> None:
        assert id not in self.known
        self.known.add(id)
        those.add(id)

    def check(self, execution: Execution) -> None:
        """Assert that all that an execution waits for is on its way, and nothing else."""
        assert self.waits == set(execution.waits)
        for wait in execution.waits.values():
            assert wait.due_at is None or expiry_timer(execution, wait.id) in self.timers
        loading = {loading.pending for loading in execution.loading.values()}
        assert loading <= self.timers | self.effects
        pending = {line.pending: line for line in execution.lines.values() if line.pending}
        for id, line in pending.items():
            assert id in self._those(line) or line.phase == "ready"
        assert self.effects == {id for id, line in pending.items() if line.phase == "acting"} | (
            loading - self.timers
        )
        assert self.children == {id for id, line in pending.items() if line.phase == "waiting"}
        if execution.ended:
            assert not self.timers
            assert all(row.status in OVER for row in self.rows.values())

    def _those(self, line: Line) -> set[str]:
        match line.phase:
            case "acting":
                return self.effects
            case "doubtful":
                return self.known
            case "waiting":
                return self.children
            case _:
                return self.timers


def is_refreshed(old: RecordStep, new: RecordStep) -> bool:
    """Tell whether a row only gets the note of what a refresh changed, or why it failed."""
    if new.status is StepStatus.FAILED:
        return old.status is StepStatus.COMPLETED and "be read again" in str(new.error_message)
    return old.status is new.status is StepStatus.COMPLETED and "refreshed" in str(new.output)
