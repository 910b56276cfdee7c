"""The driver's end of a peer's program: its worker, its load generator, its database."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Timer
from typing import Any, Protocol

from bench.peers.pins import Peer
from bench.usage import tree_cpu_seconds
from devstack.postgres import Postgres
from devstack.processes import end, free_port, spawn, tail

ROOT = Path(__file__).parent.parent.parent
START_SECONDS = 30
ANSWER_SECONDS = 120
POLL = 0.05
"""Between two counts: they cost the peer's database."""


class PeerFailed(Exception):
    """A peer did not do what was asked; the text says what."""


class Driven(Protocol):
    """A peer as the driver sees it."""

    def ask(self, do: str, first: int = 0, number: int = 0) -> dict[str, Any]:
        """Have something done, and return what was answered."""

    def start_worker(self) -> None:
        """Start the one worker."""

    def stop_worker(self) -> None:
        """Stop it."""


def read_answer(line: bytes, log: str) -> dict[str, Any]:
    """Return a peer's answer; raises PeerFailed with its reason, or the log if there is none."""
    if not line:
        raise PeerFailed(f"the program ended: {log}")
    try:
        found: dict[str, Any] = json.loads(line)
    except ValueError as odd:
        raise PeerFailed(f"an answer is no JSON: {line[:200]!r}") from odd
    if "error" in found:
        raise PeerFailed(found["error"])
    return found


class Program:
    """A peer's two processes in its own environment."""

    def __init__(self, peer: Peer, python: Path, folder: Path, env: dict[str, str]) -> None:
        self._command = [str(python), "-m", f"bench.peers.{peer.module}"]
        self._env, self._log, self._worker_log = env, folder / "load.log", folder / "worker.log"
        self._worker: subprocess.Popen[bytes] | None = None
        with self._log.open("ab") as log:
            self._load = subprocess.Popen(
                [*self._command, "drive"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=os.environ | env,
                cwd=ROOT,
            )

    def ask(self, do: str, first: int = 0, number: int = 0) -> dict[str, Any]:
        """Have the load generator do something, and return what it answers."""
        request = {"do": do, "first": first, "number": number}
        assert self._load.stdin
        assert self._load.stdout
        limit = Timer(ANSWER_SECONDS, self._load.kill)
        limit.start()
        try:
            with suppress(BrokenPipeError):
                self._load.stdin.write(json.dumps(request).encode() + b"\n")
                self._load.stdin.flush()
            return read_answer(self._load.stdout.readline(), tail(self._log, 3))
        finally:
            limit.cancel()

    def start_worker(self) -> None:
        """Start the one worker."""
        command = [*self._command, "work"]
        self._worker = spawn(command, self._worker_log, env=self._env, cwd=ROOT)

    def stop_worker(self) -> None:
        """Stop the worker."""
        if self._worker is not None:
            end(self._worker, signal.SIGTERM, 10)
            self._worker = None

    def close(self) -> None:
        """End both processes."""
        self.stop_worker()
        end(self._load, signal.SIGTERM, 5)

    def cpu_seconds(self) -> float:
        """Return what the worker and its children have used."""
        return tree_cpu_seconds(self._worker.pid) if self._worker else 0.0

    def explain(self) -> str:
        """Return the end of the worker's log."""
        return tail(self._worker_log, 3)


def wait_for(program: Driven, what: str, number: int, seconds: float = 120) -> tuple[float, int]:
    """Return when at least so many are paused or completed, and how many they were."""
    deadline = time.monotonic() + seconds
    while True:
        found = int(program.ask("count")[what])
        if found >= number:
            return time.monotonic(), found
        if time.monotonic() > deadline:
            raise PeerFailed(f"only {found} of {number} are {what} after {seconds:g} s")
        time.sleep(POLL)


@contextmanager
def database(folder: Path) -> Iterator[tuple[str, int]]:
    """Lend the URL and pid of a PostgreSQL to one round: nothing of another peer runs beside it."""
    server = Postgres(folder)
    server.prepare()
    process = server.start()
    try:
        deadline = time.monotonic() + START_SECONDS
        while not server.answers():
            if process.poll() is not None or time.monotonic() > deadline:
                raise PeerFailed(f"PostgreSQL does not start: {server.explain()}")
            time.sleep(POLL)
        yield server.url, process.pid
    finally:
        end(process, server.stop_signal, 10)


def ports() -> dict[str, str]:
    """Return free ports for a peer that brings a server along."""
    return {f"PEER_PORT_{n}": str(free_port()) for n in range(5)}
