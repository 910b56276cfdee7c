"""Lines of steps as generators, and who goes on when: the model's clock."""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Any, Literal, TypeAlias

from tests.builders import NOW
from tests.properties.story import Story

SECOND = timedelta(seconds=1)


class Failed(Exception):
    """A step, and with it its line, failed for good."""

    def __init__(self, code: str, step: str | None, **stored: object) -> None:
        self.code, self.step, self.stored = code, step, stored
        super().__init__(code)


class Ended(Exception):
    """The whole execution ends, wherever it stands."""

    def __init__(self, status: str, result: str, error: tuple[str, str] | None = None) -> None:
        self.status, self.result, self.error = status, result, error
        super().__init__(status)


@dataclass(frozen=True, slots=True)
class Nap:
    """Hold a line until one of several things happens; `busy`: it does not count as paused."""

    until: tuple[tuple[datetime, object], ...] = ()
    busy: bool = False
    wait: bool = False
    """Whether an operator may say that this has been waited for long enough."""
    missed: Callable[[object], None] | None = None
    """What to do with what happens after the line has gone on."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Let a line go on only when it is its turn, and nobody holds the execution."""


@dataclass(frozen=True, slots=True)
class Still:
    """Go on with the same nap: what happened was nothing."""


@dataclass(frozen=True, slots=True)
class Join:
    """Hold a line until one of its children ends, or its step has run out of time."""


TURN, STILL, JOIN = Turn(), Still(), Join()
Asked: TypeAlias = Nap | Turn | Still | Join
Walk: TypeAlias = Generator[Asked, Any, Any]
"""A walk through steps: it yields what must happen before it goes on."""


@dataclass(slots=True, eq=False)
class Line:
    """One sequence of steps under way."""

    name: str
    parent: "Line | None"
    walk: Walk = field(init=False)
    asked: Asked = TURN
    naps: int = 0
    last: object = None
    """Output of the last step that was completed."""
    limited: str = ""
    """Path of the step whose time is running."""

    @property
    def outermost(self) -> "Line":
        """The line at the top of those that wait for this one."""
        return self if self.parent is None else self.parent.outermost


@dataclass(slots=True)
class Clock:
    """All lines of an execution, in the order in which they began, and all that will happen."""

    story: Story = field(default_factory=Story)
    now: datetime = NOW
    lines: list[Line] = field(default_factory=list)
    agenda: list[tuple[datetime, int, Callable[[], None]]] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=count)
    held: bool = False
    over: bool = False
    failing: tuple[str, str | None] | None = None
    paused_at: datetime | None = None
    paused: timedelta = timedelta()
    limit: timedelta | None = None
    count_pauses: bool = False

    def plan(self, at: datetime, happen: Callable[[], None]) -> None:
        """Let something happen at an instant; of the same instant the first planned is first."""
        heappush(self.agenda, (at, next(self.numbers), happen))

    def begin(self, line: Line, walk: Walk) -> Line:
        """Begin a line; it goes on when it is its turn."""
        line.walk = walk
        self.lines.append(line)
        return line

    def run(self) -> None:
        """Let everything happen, in order, until nothing more does."""
        while True:
            ready = next((line for line in self.lines if isinstance(line.asked, Turn)), None)
            if self.over or self.held or (self.lines and ready is None):
                self._note_pause()
                if not self.agenda:
                    return
                at, _, happen = heappop(self.agenda)
                self.now = max(self.now, at)
                happen()
            elif ready is not None:
                self.go_on(ready)
            else:
                self.next_ending()

    def next_ending(self) -> None:
        """Do what comes when no line is left."""
        raise NotImplementedError

    def go_on(self, line: Line, value: object = None) -> None:
        """Let a line go on until the next thing that it must wait for."""
        try:
            asked = line.walk.send(value)
        except StopIteration:
            self._leave(line, None)
        except Failed as failure:
            self._leave(line, failure)
        except Ended as ended:
            if self.failing is not None and line.outermost.name != "main":
                self._leave(line, None)  # a compensation ends alone
            else:
                self.end(ended.status, ended.result, ended.error)
        else:
            self._expect(line, asked)

    def _expect(self, line: Line, asked: Asked) -> None:
        if isinstance(asked, Still):
            return
        line.asked = asked
        line.naps += 1
        if isinstance(asked, Nap):
            for at, value in asked.until:
                self.plan(at, partial(self._wake, line, line.naps, value, asked.missed))

    def limit_step(self, line: Line, path: str, length: timedelta) -> None:
        """Let the step at which a line joins its children run out of time."""
        line.limited = path

        def run_out() -> None:
            if line in self.lines and line.limited == path and isinstance(line.asked, Join):
                self.go_on(line)

        self.plan(self.now + length, run_out)

    def _wake(
        self, line: Line, nap: int, value: object, missed: Callable[[object], None] | None
    ) -> None:
        if line in self.lines and line.naps == nap:
            self.go_on(line, value)
        elif missed is not None:
            missed(value)

    def _leave(self, line: Line, failure: Failed | None) -> None:
        self.lines.remove(line)
        if line.parent is not None:
            self.go_on(line.parent, (line, failure))
        elif failure is not None and self.failing is None:
            self.failing = (failure.code, failure.step)

    def close(self, lines: list[Line]) -> None:
        """Let lines, and all lines below them, go no further."""
        for line in lines:
            if line in self.lines:
                self.lines.remove(line)
                self.close([below for below in self.lines if below.parent is line])
                line.walk.close()

    def end(
        self, status: str, result: str | None, error: tuple[str, str | None] | None = None
    ) -> None:
        """End the execution: nothing that is open stays open."""
        self.over = True
        self.held = False
        self.close(list(self.lines))
        self._note_pause()
        story = self.story
        story.status, story.result, story.error = status, result, error
        story.completed_at = self.now

    def _note_pause(self) -> None:
        """Begin or end the pause: no line is busy, or somebody holds the execution."""
        idle = not any(isinstance(line.asked, Nap) and line.asked.busy for line in self.lines)
        paused = not self.over and (self.held or idle)
        if paused and self.paused_at is None:
            self.paused_at = self.now
        elif not paused and self.paused_at is not None:
            self.paused += self.now - self.paused_at
            self.paused_at = None
            left = self._time_left()
            stood = not self.count_pauses and not self.over
            if stood and left is not None and left > timedelta():
                self.plan(self.now + left, self.look_at_time)

    def _time_left(self) -> timedelta | None:
        """Return what is left of the limit of time, None where there is none."""
        if self.limit is None:
            return None
        elapsed = self.now - NOW
        return self.limit - (elapsed if self.count_pauses else elapsed - self.paused)

    def look_at_time(self) -> None:
        """Break off if the time is up; time spent in a pause does not count unless asked for."""
        stands = self.paused_at is not None and not self.count_pauses
        if self.over or stands or self.undoes():
            return
        left = self._time_left()
        if left is not None and left > timedelta():
            self.plan(self.now + max(left, SECOND), self.look_at_time)
        else:
            self.break_off("failed", "timeout", undo=True)

    def undoes(self) -> bool:
        """Tell whether only compensations run still."""
        raise NotImplementedError

    def break_off(self, ending: Literal["failed", "cancelled"], code: str, *, undo: bool) -> None:
        """End everything that runs at once, and undo what was done if that is asked for."""
        raise NotImplementedError
