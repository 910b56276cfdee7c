"""Our own programs beside the embedded stack: started, watched, restarted, stopped."""

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from devstack.processes import end, spawn
from devstack.stack import EmbeddedStack

LOOK_SECONDS = 0.3
STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Program:
    """A program of ours; several may have the same name (workers)."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    log_path: Path


@dataclass(slots=True)
class _Running:
    program: Program
    process: subprocess.Popen[bytes]


@dataclass(slots=True)
class Supervisor:
    """Runs programs as direct children; call everything from the main thread."""

    stack: EmbeddedStack
    ready_file: Path | None = None
    running: list[_Running] = field(default_factory=list)
    told: dict[str, object] = field(default_factory=dict)

    def run(self, program: Program) -> int:
        """Start a program; return its pid."""
        process = spawn(program.argv, program.log_path, env=program.env)
        self.running.append(_Running(program, process))
        return process.pid

    def pids(self) -> dict[str, object]:
        """Return all pids: a list for workers, one for everything else."""
        found: dict[str, object] = {"worker": []}
        for item in self.running:
            if item.program.name == "worker":
                workers = found["worker"]
                assert isinstance(workers, list)  # noqa: S101
                workers.append(item.process.pid)
            else:
                found[item.program.name] = item.process.pid
        return found | dict(self.stack.pids)

    def write_ready(self, **told: object) -> None:
        """Write the ready file atomically: addresses, folder and pids (interfaces.md)."""
        self.told |= told
        if self.ready_file is None:
            return
        addresses = self.stack.addresses
        content = {
            "kafka": addresses.kafka,
            "database_url": addresses.database_url,
            "redis_url": addresses.redis_url,
            **self.told,
            "data_dir": str(self.stack.data_dir),
            "pids": self.pids(),
        }
        self.ready_file.parent.mkdir(parents=True, exist_ok=True)
        draft = self.ready_file.with_name(f".{self.ready_file.name}.{os.getpid()}")
        draft.touch(0o600)
        draft.write_text(json.dumps(content, indent=2) + "\n")
        draft.rename(self.ready_file)

    def start_again(self) -> list[str]:
        """Start those of our programs again that have ended; return their names."""
        names = []
        for item in self.running:
            if item.process.poll() is not None:
                program = item.program
                item.process = spawn(program.argv, program.log_path, env=program.env)
                names.append(program.name)
        return names

    def watch(
        self,
        stop: threading.Event,
        on_restart: Callable[[str], None],
        on_look: Callable[[], None] = lambda: None,
        on_server: Callable[[str], None] = lambda _name: None,
    ) -> None:
        """Start again what ends, within a second, until told to stop.

        `on_server` gives a part of the stack back what it lost, before our programs start again.
        """
        while not stop.wait(LOOK_SECONDS):
            names = self.stack.restart_dead()
            for name in names:
                on_server(name)
            names += self.start_again()
            if names:
                self.write_ready()
            for name in names:
                on_restart(name)
            on_look()

    def stop(self) -> None:
        """Stop our programs, then the stack."""
        for item in self.running:
            if item.process.poll() is None:
                item.process.send_signal(signal.SIGTERM)
        for item in self.running:
            end(item.process, signal.SIGTERM, STOP_SECONDS)
        self.running.clear()
        self.stack.stop()
        if self.ready_file is not None:
            self.ready_file.unlink(missing_ok=True)
