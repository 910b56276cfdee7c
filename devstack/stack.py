"""The embedded stack: broker, database and cache on this machine, without root or containers."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Literal, Protocol

from devstack.brokers import ApacheKafka, Tansu
from devstack.postgres import Postgres
from devstack.processes import StackFailed, end
from devstack.valkey import Valkey

START_SECONDS = 30.0
STOP_SECONDS = 5.0


class Server(Protocol):
    """One part of the stack."""

    name: str
    port: int
    stop_signal: signal.Signals

    def prepare(self) -> None:
        """Make what the first start needs."""

    def start(self) -> subprocess.Popen[bytes]:
        """Start a child process."""

    def answers(self) -> bool:
        """Tell whether it serves."""

    def explain(self) -> str:
        """Return the end of its log."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the parts of the stack listen."""

    kafka: str
    database_url: str
    redis_url: str


def default_data_dir(project: Path) -> Path:
    """Return the folder that keeps a project's data between two runs."""
    home = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
    return home / "sluicegate" / sha256(str(project.resolve()).encode()).hexdigest()[:12]


class EmbeddedStack:
    """Starts, watches and stops the three servers; ports stay the same over restarts."""

    def __init__(
        self,
        data_dir: Path,
        *,
        broker: Literal["tansu", "kafka"] = "tansu",
        redis: bool = True,
        patience_seconds: float = START_SECONDS,
    ) -> None:
        self.data_dir, self._patience_seconds = data_dir, patience_seconds
        self._postgres = Postgres(data_dir / "postgres")
        self._broker = ApacheKafka(data_dir) if broker == "kafka" else Tansu(data_dir)
        self._redis = Valkey(data_dir) if redis else None
        parts = (self._postgres, self._broker, self._redis)
        self._servers: list[Server] = [part for part in parts if part is not None]
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def addresses(self) -> Addresses:
        """Where to connect; valid once started."""
        redis = f"redis://127.0.0.1:{self._redis.port}/0" if self._redis else ""
        return Addresses(f"127.0.0.1:{self._broker.port}", self._postgres.url, redis)

    def port_of(self, name: Literal["kafka", "postgres", "redis"]) -> int:
        """Return the port of a part; it is chosen before the start."""
        return next(server.port for server in self._servers if server.name == name)

    def advertise(self, port: int) -> None:
        """Have clients reach the broker by another port, such as a proxy's; before the start."""
        self._broker.advertised_port = port

    @property
    def pids(self) -> Mapping[str, int]:
        """The pids of the servers by name."""
        return {name: process.pid for name, process in self._processes.items()}

    def start(self) -> Addresses:
        """Start all parts and wait until each answers; raises StackFailed with the reason."""
        self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            for server in reversed(self._servers):
                server.prepare()
                self._processes[server.name] = server.start()
            for server in self._servers:
                self._await(server)
        except BaseException:
            self.stop()
            raise
        return self.addresses

    def _await(self, server: Server) -> None:
        deadline = time.monotonic() + self._patience_seconds
        while not server.answers():
            code = self._processes[server.name].poll()
            if code is not None:
                raise StackFailed(
                    f"{server.name} ended with exit code {code} while starting:\n{server.explain()}"
                )
            if time.monotonic() > deadline:
                raise StackFailed(
                    f"{server.name} did not answer within {self._patience_seconds:g} s:\n"
                    f"{server.explain()}"
                )
            time.sleep(0.02)

    def restart_dead(self) -> list[str]:
        """Start again what has ended; return the names."""
        dead = [s for s in self._servers if self._processes[s.name].poll() is not None]
        for server in dead:
            server.prepare()
            self._processes[server.name] = server.start()
            self._await(server)
        return [server.name for server in dead]

    def strike(self, name: str, number: signal.Signals, wait_seconds: float = 0) -> bool:
        """Send a signal to a part; tell whether it ended within a while."""
        process = self._processes[name]
        process.send_signal(number)
        try:
            process.wait(wait_seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self) -> None:
        """Stop all parts, the database last."""
        for server in reversed(self._servers):
            process = self._processes.pop(server.name, None)
            if process is not None:
                end(process, server.stop_signal, STOP_SECONDS)

    def __enter__(self) -> "EmbeddedStack":
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()
