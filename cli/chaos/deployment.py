"""A deployment of its own to do harm to: stack, proxies before broker and database, workers."""

import sys
from pathlib import Path
from types import TracebackType
from typing import Literal

from cli.chaos.definition import definitions
from cli.chaos.workers import Workers
from config.settings import Settings, load_settings
from devstack.processes import StackFailed, spawn, tail
from devstack.proxy import Proxy
from devstack.stack import EmbeddedStack

PARTITIONS = 4
SESSION_SECONDS = 2
COMMAND_SECONDS = PATIENCE_SECONDS = 120
Broker = Literal["tansu", "kafka"]


class Deployment:
    """Everything a run harms; the load reaches the database directly, the broker by the proxy."""

    def __init__(self, folder: Path, broker: Broker, sink_url: str) -> None:
        self._folder = folder
        self.stack = EmbeddedStack(
            folder / "stack", broker=broker, patience_seconds=PATIENCE_SECONDS
        )
        self.broker_line = Proxy(self.stack.port_of("kafka"))
        self.database_line = Proxy(self.stack.port_of("postgres"))
        self._sink_url = sink_url
        self.workers = Workers({}, folder)
        self.settings: Settings = load_settings()

    def start(self, workers: int) -> None:
        """Start the stack, prepare the deployment, start the workers."""
        self.stack.advertise(self.broker_line.start())
        self.database_line.start()
        self.stack.start()
        addresses = self.stack.addresses
        self.settings = load_settings(
            kafka_bootstrap_servers=f"127.0.0.1:{self.broker_line.port}",
            database_url=addresses.database_url,
            redis_url=addresses.redis_url,
        )
        definitions_folder = self._folder / "workflows"
        definitions_folder.mkdir()
        for name, text in definitions(with_sink=True).items():
            (definitions_folder / name).write_text(text)
        self._command("migrate", "--topics", "--partitions", str(PARTITIONS))
        self._command("apply", str(definitions_folder))
        self.workers.env = self._env(self._database_by_proxy())
        self.workers.start(workers)

    def _database_by_proxy(self) -> str:
        direct, port = self.settings.database, self.stack.port_of("postgres")
        return direct.replace(f"@127.0.0.1:{port}/", f"@127.0.0.1:{self.database_line.port}/")

    def _env(self, database_url: str) -> dict[str, str]:
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.settings.kafka,
            "DATABASE_URL": database_url,
            "REDIS_URL": self.settings.redis or "",
            "SLUICEGATE_AUTH": "none",
            "SLUICEGATE_DECISION_AUTH": "acl",
            "SLUICEGATE_SESSION_TIMEOUT": str(SESSION_SECONDS),
            "SLUICEGATE_FETCH_WAIT_MS": "20",
            "SLUICEGATE_WEBHOOK_ALLOW": "127.0.0.0/8",
            "SLUICEGATE_SECRET_CHAOS_SINK": self._sink_url,
            "LOG_LEVEL": "INFO",
            "LOG_FORMAT": "console",
        }

    def _command(self, *arguments: str) -> None:
        log = self._folder / f"{arguments[0]}.log"
        env = self._env(self.settings.database)
        process = spawn((sys.executable, "-m", "cli", *arguments), log, env=env)
        if process.wait(COMMAND_SECONDS):
            raise StackFailed(f"sluicegate {arguments[0]} failed:\n{tail(log)}")

    def heal(self) -> None:
        """End every fault that lasts."""
        self.broker_line.heal()
        self.database_line.heal()

    def stop(self) -> list[int]:
        """Stop everything; return the exit codes of the workers."""
        self.heal()
        codes = self.workers.stop()
        self.stack.stop()
        self.broker_line.stop()
        self.database_line.stop()
        return codes

    def __enter__(self) -> "Deployment":
        """Return itself; nothing runs yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop what still runs."""
        self.stop()
