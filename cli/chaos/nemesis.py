"""Carries out the planned faults, one after another, and keeps everything running between them."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from cli.chaos.deployment import Deployment
from cli.chaos.plan import Fault, Kind
from cli.chaos.watch import Watch
from cli.chaos.workers import find_faketime

TICK_SECONDS = 0.05
UP_SECONDS = 30.0
END_SECONDS = 15.0
LONGEST_SHIFT_SECONDS = 2 * 3600
SLOWEST_SECONDS = 0.3
ALONE, RECOVERY_SECONDS = 0.5, 30.0
OVERHEAD_SECONDS = 1.0
"""About how long a fault takes beside what is planned: restarts, mostly."""


@dataclass(slots=True)
class Nemesis:
    """Does harm to a deployment; call everything from the main thread."""

    deployment: Deployment
    plan: Sequence[Fault]
    watch: Watch
    on_tick: Callable[["Nemesis"], None]
    fired: Counter[Kind] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    """Faults that could not be done, and why."""
    current: Fault | None = None
    done: int = 0
    _begun: float = 0.0

    def run(self) -> None:
        """Do all that is planned."""
        for fault in self.plan:
            self.current, self._begun = fault, time.monotonic()
            if self._fire(fault):
                self.fired[fault.kind] += 1
            else:
                self.failed.append(f"{fault.kind} {fault.victim}")
            self._hold(fault.calm_seconds)
            self.done += 1
        self.current = None

    def progress(self) -> float:
        """Return how far the plan has come, between 0 and 1."""
        fault = self.current
        if fault is None:
            return 1.0 if self.done == len(self.plan) else 0.0
        length = fault.seconds + fault.calm_seconds + OVERHEAD_SECONDS
        part = min(1.0, (time.monotonic() - self._begun) / length)
        return (self.done + part) / len(self.plan)

    def _hold(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while True:
            self.deployment.workers.tend()
            self.on_tick(self)
            left = deadline - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(TICK_SECONDS, left))

    def _fire(self, fault: Fault) -> bool:
        """Do one fault, with its end; tell whether it happened."""
        where, _, what = fault.kind.partition("_")
        if where == "postgres" and what != "restart":
            return self._disturb(fault, what)
        if where == "broker" and what != "restart":
            return self._disturb(fault, what)
        match fault.kind:
            case "kill" | "pause" | "terminate" | "clock_shift":
                return self._strike_worker(fault)
            case "postgres_restart":
                return self._restart("postgres", signal.SIGQUIT)
            case "broker_restart":
                return self._restart("kafka", signal.SIGKILL)
            case "redis_kill":
                return self._restart("redis", signal.SIGKILL)
            case "redis_hang":
                return self._hang(fault)
            case _:
                return False

    def _strike_worker(self, fault: Fault) -> bool:
        workers, victim = self.deployment.workers, fault.victim
        if not self._await_up(victim):
            return False
        match fault.kind:
            case "kill":
                return self._kill(fault)
            case "clock_shift":
                if find_faketime() is None:
                    return False
                return workers.shift(victim, (fault.chance * 2 - 1) * LONGEST_SHIFT_SECONDS)
            case "terminate":
                workers.send(victim, signal.SIGTERM)
                return True
            case _:
                workers.send(victim, signal.SIGSTOP)
                self._hold(fault.seconds)
                workers.send(victim, signal.SIGCONT)
                return True

    def _await_up(self, victim: int) -> bool:
        """Wait until a worker runs; tell whether it does."""
        deadline = time.monotonic() + UP_SECONDS
        while not self.deployment.workers.is_up(victim):
            if time.monotonic() > deadline:
                return False
            self._hold(TICK_SECONDS)
        return True

    def _kill(self, fault: Fault) -> bool:
        """Kill a worker; every second kill is left alone until all partitions have gone on.

        One that ends by itself just then is killed when it is up again.
        """
        alone = fault.chance < ALONE
        if alone:
            self.watch.note_death()
        died = self.deployment.workers.kill(fault.victim)
        if not died and self._await_up(fault.victim):
            died = self.deployment.workers.kill(fault.victim)
        deadline = time.monotonic() + RECOVERY_SECONDS
        while alone and self.watch.waits() and time.monotonic() < deadline:
            self._hold(TICK_SECONDS)
        self.watch.give_up()
        return died

    def _disturb(self, fault: Fault, what: str) -> bool:
        """Do something to a line, and heal it."""
        database = fault.kind.startswith("postgres")
        line = self.deployment.database_line if database else self.deployment.broker_line
        lost = line.lost_commits
        match what:
            case "latency":
                line.delay(SLOWEST_SECONDS * fault.chance)
            case "stall":
                line.stall()
            case "reset":
                line.reset()
            case "cut":
                line.cut(fault.seconds)
            case _:
                line.lose_commits(3, applied=fault.chance < 0.5)
        self._hold(fault.seconds)
        deadline = time.monotonic() + UP_SECONDS
        while what == "lost_commit" and line.lost_commits == lost and time.monotonic() < deadline:
            self._hold(TICK_SECONDS)
        line.heal()
        return what != "lost_commit" or line.lost_commits > lost

    def _restart(self, part: str, number: signal.Signals) -> bool:
        """End a server at once and start it again."""
        stack = self.deployment.stack
        ended = stack.strike(part, number, END_SECONDS)
        return part in stack.restart_dead() and ended

    def _hang(self, fault: Fault) -> bool:
        stack = self.deployment.stack
        stack.strike("redis", signal.SIGSTOP)
        self._hold(fault.seconds)
        stack.strike("redis", signal.SIGCONT)
        return True
