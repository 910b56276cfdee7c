"""Somebody's own deployment: where it is, and what is published to it."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import orjson
from dotenv import dotenv_values

from actions.definitions import Folder, read_folder
from cli.chaos.definition import definitions
from config.errors import ConfigError
from config.settings import Settings, load_settings, require_kafka_and_database
from storage.store import PostgresStore
from streams.catalog import register

LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")


@dataclass(frozen=True, slots=True)
class Event:
    """An event of the user's own."""

    type: str
    data: bytes
    """JSON, in which `{{n}}` stands for the number of the event."""

    def numbered(self, number: int) -> bytes:
        """Return the payload of the event with a number."""
        return self.data.replace(b"{{n}}", str(number).encode())


@dataclass(frozen=True, slots=True)
class Target:
    """What a run against a deployment is asked for."""

    name: str
    settings: Settings
    seed: int
    executions: int
    faults: int
    commands: Sequence[str]
    events: Sequence[Event]
    on_progress: Callable[[str], None]


def settings_of(path: Path) -> Settings:
    """Return the settings that a file of variables names; raises ConfigError."""
    if not path.is_file():
        raise ConfigError(f"{path} is no file; write the deployment's variables into it")
    prefix = "SLUICEGATE_"
    values = {name: value for name, value in dotenv_values(path).items() if value}
    flags = {name.removeprefix(prefix).lower(): value for name, value in values.items()}
    settings = load_settings(**flags)
    require_kafka_and_database(settings)
    return settings


def is_local(settings: Settings) -> bool:
    """Tell whether broker and database are on this machine."""
    hosts = [address.strip().rpartition(":")[0] for address in settings.kafka.split(",")]
    hosts.append(urlsplit(settings.database).hostname or "localhost")
    return all(host in LOOPBACK for host in hosts)


def read_events(path: Path) -> list[Event]:
    """Return the events of a file, one JSON object with `type` and `data` a line."""
    found = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            value = orjson.loads(line)
            found.append(Event(str(value["type"]), orjson.dumps(dict(value["data"]))))
        except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
            raise ConfigError(
                f'{path}:{number}: write {{"type": "order.created", "data": {{...}}}} on one line'
            ) from None
    if not found:
        raise ConfigError(f"{path} holds no event")
    return found


def _read_definition() -> Folder:
    with tempfile.TemporaryDirectory() as folder:
        for name, text in definitions(with_sink=False).items():
            Path(folder, name).write_text(text)
        return read_folder(Path(folder))


async def register_definition(settings: Settings) -> None:
    """Register the built-in definition under its own name, beside what is there."""
    found = _read_definition()
    store = PostgresStore(settings.database, pool_size=1, name="sluicegate chaos")
    await store.open()
    try:
        await register(store, found.definitions, {})
    finally:
        await store.close()
