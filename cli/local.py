"""Everything on this machine: the embedded stack with our own programs beside it."""

import asyncio
import os
import shutil
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cli.printing import flush, write_line
from config.settings import Settings, load_settings
from devstack.processes import StackFailed, free_port, port_answers, tail
from devstack.stack import EmbeddedStack
from devstack.supervisor import Program, Supervisor

PARTITIONS = 4
READY_SECONDS = 60.0
DEFAULT_PORT = 8080


def packaged_examples() -> Path:
    """Return the folder of the example definitions, as installed or in a checkout."""
    import devstack

    here = Path(devstack.__file__).parent
    installed = here / "examples"
    return installed if installed.is_dir() else here.parent / "examples"


@dataclass(slots=True)
class Phases:
    """Prints what is going on, with the seconds since the start."""

    begun: float = field(default_factory=time.monotonic)

    def say(self, text: str) -> None:
        """Print one phase."""
        write_line(f"{time.monotonic() - self.begun:6.2f} s  {text}")
        flush()


def choose_port(port: int) -> int:
    """Return the port to listen on: a free one for 0, or where the usual one is taken."""
    if port == 0 or (port == DEFAULT_PORT and port_answers(port)):
        return free_port()
    if port_answers(port):
        raise StackFailed(f"port {port} is in use; choose another with --port, or 0 for a free one")
    return port


class Interrupted(Exception):
    """Somebody asked to stop while things were starting."""


class Local:
    """A whole deployment on this machine."""

    def __init__(
        self,
        data_dir: Path,
        definitions: Path,
        *,
        port: int,
        ready_file: Path | None,
        workers: int,
        phases: Phases,
        stop: threading.Event,
    ) -> None:
        self.definitions, self.phases, self._workers = definitions, phases, workers
        self._stop = stop
        self.stack = EmbeddedStack(data_dir)
        if ready_file is not None:
            # What an earlier one left that was killed names addresses that are gone.
            ready_file.unlink(missing_ok=True)
        self.supervisor = Supervisor(self.stack, ready_file)
        self.port = choose_port(port)
        self.settings: Settings = load_settings()

    @property
    def url(self) -> str:
        """Where API and inbox answer."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start everything and wait until it serves."""
        addresses = self.stack.start()
        self.phases.say(
            f"broker {addresses.kafka}, PostgreSQL and Valkey are up ({self.stack.data_dir})"
        )
        self.settings = load_settings(
            kafka_bootstrap_servers=addresses.kafka,
            database_url=addresses.database_url,
            redis_url=addresses.redis_url,
        )
        self._start_programs()
        asyncio.run(self._prepare())
        self.phases.say("topics created, schema migrated")
        self.apply()
        self._await_programs()
        self.phases.say(f"worker and API are ready: {self.url}")
        self.supervisor.write_ready(api=self.url)

    async def _prepare(self) -> None:
        from storage.migrate import migrate
        from storage.store import PostgresStore

        # A worker looks for the topics once it has found the schema.
        await self._create_topics()
        store = PostgresStore(self.settings.database, pool_size=2)
        await store.open()
        try:
            await migrate(store)
        finally:
            await store.close()

    async def _create_topics(self) -> None:
        from streams.admin import Admin
        from streams.topics import Topics, TopicSpec

        specs = Topics(self.settings.topic_prefix).specs(PARTITIONS, 1)
        named = [name for name in self.settings.event_topics if not name.startswith("~")]
        specs += [TopicSpec(name, PARTITIONS, 1, {}) for name in named]
        await Admin(self.settings.kafka).create_topics(specs)

    def give_back(self, name: str) -> None:
        """Create the topics again where the broker, which keeps all in memory, was restarted."""
        if name == "kafka":
            asyncio.run(self._create_topics())

    def apply(self) -> bool:
        """Register the definitions; with mistakes print them and register nothing."""
        from actions.definitions import read_folder

        found = read_folder(self.definitions)
        for mistake in sorted(found.mistakes):
            self.phases.say(f"{mistake}")
        if found.mistakes:
            self.phases.say("nothing registered: mend the mistakes above and save")
            return False
        for name, version in asyncio.run(self._register(found)):
            self.phases.say(f"registered {name}, version {version}")
        return True

    async def _register(self, found: Any) -> list[tuple[str, int]]:
        from storage.store import PostgresStore
        from streams.catalog import register

        store = PostgresStore(self.settings.database, pool_size=2)
        await store.open()
        try:
            return await register(store, found.definitions, found.resources)
        finally:
            await store.close()

    def _start_programs(self) -> None:
        addresses = self.stack.addresses
        env = {
            "KAFKA_BOOTSTRAP_SERVERS": addresses.kafka,
            "DATABASE_URL": addresses.database_url,
            "REDIS_URL": addresses.redis_url,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "SLUICEGATE_AUTH": "none",
            "SLUICEGATE_DECISION_AUTH": "acl",
            "SLUICEGATE_SESSION_TIMEOUT": "2",
            "SLUICEGATE_FETCH_WAIT_MS": "20",
            "SLUICEGATE_ALLOW_PRIVATE": "true",
            "PYTHONUNBUFFERED": "1",
        }
        for number in range(self._workers):
            ready = self._ready_file(number)
            ready.unlink(missing_ok=True)
            own = {
                **env,
                "SLUICEGATE_WORKER_READY_FILE": str(ready),
                "SLUICEGATE_WORKER_PARENT": str(os.getpid()),
            }
            self.supervisor.run(self._program("worker", "worker", f"worker-{number}.log", own))
        self.supervisor.run(self._program("api", "serve", "api.log", env))

    def _program(self, name: str, command: str, log: str, env: dict[str, str]) -> Program:
        argv = (sys.executable, "-m", "cli", command)
        return Program(name, argv, env, self.stack.data_dir / log)

    def _ready_file(self, number: int) -> Path:
        return self.stack.data_dir / f"worker-{number}.ready"

    def _await_programs(self) -> None:
        self._await("the API", "api.log", self._api_answers)
        for number in range(self._workers):
            self._await("a worker", f"worker-{number}.log", self._ready_file(number).exists)

    def _api_answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/livez", timeout=1) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def _await(self, what: str, log: str, is_ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not is_ready():
            if self._stop.wait(0.03):
                raise Interrupted
            if time.monotonic() > deadline:
                text = tail(self.stack.data_dir / log)
                raise StackFailed(f"{what} did not get ready:\n{text}")
            self.supervisor.start_again()

    def stop(self) -> None:
        """Stop everything."""
        self.supervisor.stop()


def wipe(folder: Path) -> None:
    """Remove a data folder that is ours."""
    if (folder / "postgres").is_dir():
        shutil.rmtree(folder)


def is_terminal() -> bool:
    """Tell whether somebody watches."""
    return sys.stdout.isatty() and os.environ.get("CI") is None
