"""A reference interpreter of definitions, written from definitions.md and not from the engine.

It walks the definition as it is written, one generator per line of steps, over a scripted world
that has its answers ready (`tests.properties.answers`), and says what is left in the end: status,
result and error, the status of each attempt of each step, the outcome of each wait, what was
logged, sent and asked in which order, the answer to each decision and order, and what reads back.

It covers every verb, `when`, jumps, `on_error`, `continue_on_error`, retries with their delays,
effects in doubt, the strategies, `concurrency`, limits of time of steps and of the execution, the
policies any, n_of, all and sequence with `veto`, escalation, compensation, the workflow's own
`on_error`, loaded resources and `refresh`, cancelling, holding and resuming.

It does not cover: triggers and correlation (`EventArrived` names its wait), derived fields, forms,
delegation, roles, `percent`, claims and comments, `expires_at`, texts of messages and reasons,
reminders (they leave nothing behind), `from_step`, a resume instead of a wait, operators' skip and
retry of other steps than those in doubt, and the bounds (1,000 steps, 1,000 items, 16 hops).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Literal, TypeAlias

from tests.properties.answers import Answers, Order
from tests.properties.playing import context_of
from tests.properties.reference.lines import TURN, Clock, Failed, Line, Nap, Walk
from tests.properties.reference.scope import Scope, Unresolved, holds
from tests.properties.story import Story

Step = dict[str, Any]
OPEN = ("pending", "running", "waiting")
NOTHING = object()
"""The output of a step that leaves none."""
RESUMED = "resumed"
"""What a wait gets that an operator ends."""


def length(text: str) -> timedelta:
    """Return a duration."""
    number = int(text.rstrip("ms"))
    return timedelta(milliseconds=number) if text.endswith("ms") else timedelta(seconds=number)


@dataclass(frozen=True, slots=True)
class At:
    """Where a step runs: its path, its attempt's line, what it sees, what comes after it."""

    step: Step
    path: str
    line: Line
    scope: Scope
    follows: bool
    """Whether anything follows on its line."""

    @property
    def id(self) -> str:
        """Return the step's id."""
        return str(self.step.get("named", self.step["id"]))


@dataclass(frozen=True, slots=True)
class Next:
    """What comes after a step's verb: steps of a branch, else a jump, else the next step."""

    branch: Sequence[Step] = ()
    jump: str | None = None
    refresh: bool = False
    """Whether resources are to be read again before."""


NEXT = Next()
Verb: TypeAlias = "Callable[[Interpreter, At], Walk]"


@dataclass(slots=True)
class Interpreter(Clock):
    """One execution of a definition; the verbs are in modules of their own."""

    body: dict[str, Any] = field(default_factory=dict)
    answers: Answers = field(default_factory=lambda: Answers(b"\0"))
    verbs: Mapping[str, Verb] = field(default_factory=dict)
    context: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    approvals: set[str] = field(default_factory=set)
    """Paths of the steps that ask people."""
    provisional: str | None = None
    undo: list[tuple[list[Step], str, Scope]] = field(default_factory=list)
    ending: Literal["failed", "cancelled"] = "failed"
    error_handled: bool = False

    def tell(self) -> Story:
        """Return the story of the execution."""
        self.context = {**self.answers.payload(), "steps": {}}
        scope = Scope((self.context,))
        if "timeout" in self.body:
            self.limit = length(self.body["timeout"])
            self.count_pauses = self.body.get("include_paused", False)
            self.plan(self.now + self.limit, self.look_at_time)
        for order in self.answers.orders():
            self.plan(order.at, partial(self._obey, order))
        main = Line("main", None)
        self.begin(main, self._main(main, scope))
        self.run()
        story = self.story
        # Lines that are still open are closed when they are thrown away: not in this story.
        self.story = Story()
        story.status = story.status or ("paused" if self.paused_at else "running")
        story.paused_ms = round(self.paused.total_seconds() * 1000) if self.over else 0
        story.context = context_of(self.context)
        return story

    def _main(self, line: Line, scope: Scope) -> Walk:
        yield from self.verbs["load"](self, At({"id": ""}, "", line, scope, follows=True))
        yield from self.whole(line, self.body["steps"], "", scope)

    def whole(self, line: Line, steps: Sequence[Step], at: str, scope: Scope) -> Walk:
        """Walk through all steps of a line; how it ends is told when it is its turn."""
        failure = None
        try:
            yield from self.walk(line, steps, at, scope, follows=False)
        except Failed as failed:
            failure = failed
        yield TURN
        if failure is not None:
            raise failure

    def walk(
        self, line: Line, steps: Sequence[Step], at: str, scope: Scope, *, follows: bool
    ) -> Walk:
        """Walk through a list of steps; `follows`: something comes after it on the line."""
        number = 0
        while number < len(steps):
            yield TURN
            step, number = steps[number], number + 1
            more = follows or number < len(steps)
            jump = yield from self._step(At(step, at + step["id"], line, scope, more))
            if jump is not None:
                number = next(n for n, other in enumerate(steps) if other["id"] == jump)

    def _step(self, at: At) -> Walk:
        """Run one step with what its definition has around the verb; return where to jump."""
        if "when" in at.step and not holds(at.step["when"], at.scope):
            self.row(at, "skipped")
            at.scope.keep("steps", at.id, {"status": "skipped"})
            return None
        try:
            then = yield from self._verb(at)
        except GeneratorExit:
            self._abandon(at)
            raise
        except (Failed, Unresolved) as problem:
            then, at = self._handle(at, problem)
        if then.refresh and "refresh" in at.step and (then.branch or at.follows):
            try:
                yield from self.verbs["refresh"](self, at)
            except Failed as problem:
                then, at = self._handle(at, problem)
        yield from self.walk(at.line, then.branch, f"{at.path}/", at.scope, follows=at.follows)
        return then.jump

    def _handle(self, at: At, problem: Failed | Unresolved) -> tuple[Next, At]:
        """Return the step's `on_error` and what it sees; without one the line fails."""
        failure = problem if isinstance(problem, Failed) else Failed("unresolved", at.id)
        handling = self._fail(at, failure)
        if "on_error" not in at.step:
            raise failure from None
        scope = at.scope.handling(handling)
        return Next(at.step["on_error"]), At(at.step, at.path, at.line, scope, at.follows)

    def _verb(self, at: At) -> Walk:
        verb = next(name for name in self.verbs if name in at.step)
        then = yield from self.verbs[verb](self, at)
        return then or NEXT

    def row(self, at: At, status: str, attempt: int = 1) -> None:
        """Write the row of an attempt."""
        self.story.rows[at.path, attempt] = status

    def complete(self, at: At, output: object, attempt: int = 1, **more: object) -> None:
        """Finish a step: its row, what reads back, what will undo it."""
        self.row(at, "completed", attempt)
        kept = {"status": "completed", **more}
        if output is not NOTHING:
            kept["output"] = output
        at.scope.keep("steps", at.id, kept)
        at.line.last = kept.get("output")
        if "compensate" in at.step:
            self.undo.append((at.step["compensate"], at.path, at.scope))

    def _fail(self, at: At, failure: Failed) -> dict[str, object]:
        """Note that a step failed; return what `on_error` reads."""
        attempts = [attempt for path, attempt in self.story.rows if path == at.path]
        self.row(at, "failed", max(attempts, default=1))
        error: dict[str, object] = {"code": failure.code, "step": at.id}
        at.scope.keep("steps", at.id, {"status": "failed", "error": error, **failure.stored})
        return error

    def _abandon(self, at: At) -> None:
        """Note that a step that had begun goes no further."""
        for (path, attempt), status in self.story.rows.items():
            if path == at.path and status in OPEN:
                self.story.rows[path, attempt] = "skipped"
                at.scope.keep("steps", at.id, {"status": "skipped"})
        for (path, part), outcome in self.story.waits.items():
            if path == at.path and outcome == "open":
                self.story.waits[path, part] = "cancelled"

    def _obey(self, order: Order) -> None:
        """Do what an operator asks."""
        kind = order.kind
        self.story.receipts[kind] = self._refusal(order) or "applied"
        if self.story.receipts[kind] != "applied":
            return
        if kind == "hold":
            self.held = True
        elif kind != "resume":
            self.break_off("cancelled", "cancelled", undo=kind == "undo")
        elif self.held:
            self.held = False
        else:
            for line in self._waiting():
                self.go_on(line, RESUMED)

    def _refusal(self, order: Order) -> str | None:
        """Return the code with which an order is refused."""
        if self.over:
            return "execution_finished"
        if order.kind == "undo" and self.undoes():
            return "not_allowed"
        if order.kind != "resume" or self.held:
            return None
        if self.paused_at is None:
            return "not_paused"
        if any(
            path in self.approvals for (path, _), how in self.story.waits.items() if how == "open"
        ):
            return "waits_for_approval"
        return None if self._waiting() else "not_allowed"

    def _waiting(self) -> list[Line]:
        return [line for line in self.lines if isinstance(line.asked, Nap) and line.asked.wait]

    def _time_is_up(self) -> bool:
        """Tell whether the limit is passed; the pause that ends now is not yet added."""
        left = self._time_left()
        stood = self.paused_at is not None and not self.count_pauses
        standing = self.now - self.paused_at if self.paused_at and stood else timedelta()
        return left is not None and left + standing <= timedelta()

    def undoes(self) -> bool:
        """Tell whether only compensations run still: they end in their own time."""
        return self.failing is not None and all(line.name != "main" for line in self.lines)

    def break_off(self, ending: Literal["failed", "cancelled"], code: str, *, undo: bool) -> None:
        """End everything that runs at once, and undo what was done if that is asked for."""
        self.close(list(self.lines))
        self.held = False
        if undo and self.undo:
            self.failing, self.error_handled, self.ending = (code, None), True, ending
        else:
            self.end(ending, "failed" if ending == "failed" else None, (code, None))

    def next_ending(self) -> None:
        """Do what comes when no line is left: undo, handle the failure, end."""
        if self.failing is None:
            self.end("completed", self.provisional or "allowed")
        elif self.undo:
            steps, path, scope = self.undo.pop()
            line = Line(path, None)
            self.begin(line, self.whole(line, steps, f"{path}/", scope))
        elif "on_error" in self.body and not self.error_handled and not self._time_is_up():
            self.error_handled = True
            code, step = self.failing
            scope = Scope((self.context,), {"code": code, "step": step})
            line = Line("main", None)
            self.begin(line, self.whole(line, self.body["on_error"], "", scope))
        else:
            self.end(self.ending, "failed" if self.ending == "failed" else None, self.failing)
