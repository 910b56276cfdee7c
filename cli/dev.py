"""`sluicegate dev`: everything on this machine, with hot reload."""

import json
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from uuid import uuid4

from actions.definitions import folder_of
from cli.errors import INTERRUPTED, OK, fail
from cli.local import Interrupted, Local, Phases, packaged_examples, wipe
from cli.printing import flush, write
from devstack.processes import StackFailed
from devstack.stack import default_data_dir

EXAMPLE_ORDER = {
    "customer_id": "c-77",
    "total": 4650,
    "currency": "EUR",
    "country": "DE",
    "email": "ana@example.com",
}


@dataclass(frozen=True, slots=True)
class DevOptions:
    """What `dev` was asked for."""

    folder: Path | None
    data_dir: Path | None
    port: int
    ready_file: Path | None
    fresh: bool
    example: bool
    workers: int


def find_definitions(folder: Path | None) -> Path:
    """Return the folder of definitions: the one named, `./workflows`, or the examples."""
    if folder is not None:
        if not folder.is_dir():
            fail(
                f"{folder} is no folder; `sluicegate new my-project` makes a project with one, "
                "and `sluicegate dev` alone runs the examples"
            )
        return folder_of(folder)
    own = Path("workflows")
    return own if own.is_dir() else packaged_examples()


class Stop(threading.Event):
    """Set by SIGTERM or Ctrl-C; knows how that is told (interfaces.md, exit codes)."""

    code = OK


def stop_on_signals() -> Stop:
    """Return an event that SIGTERM and Ctrl-C set."""
    stop = Stop()

    def handle(number: int, _frame: FrameType | None) -> None:
        stop.code = INTERRUPTED if number == signal.SIGINT else OK
        stop.set()

    signal.signal(signal.SIGTERM, handle)
    signal.signal(signal.SIGINT, handle)
    return stop


def an_order(**more: object) -> dict[str, object]:
    """Return an example order with an id of its own."""
    return {"order_id": f"o-{uuid4().hex[:6]}", **EXAMPLE_ORDER, **more}


def send(local: Local, type: str, data: dict[str, object]) -> None:
    """Publish an event as any service would."""
    addresses = local.stack.addresses
    argv = [sys.executable, "-m", "cli", "send", type, "--data", json.dumps(data)]
    subprocess.run(  # noqa: S603
        argv,
        check=True,
        stdout=subprocess.DEVNULL,
        env={"KAFKA_BOOTSTRAP_SERVERS": addresses.kafka, "PATH": ""},
        cwd=Path(__file__).parent.parent,
    )


class Watcher:
    """Registers definitions again when their files change."""

    def __init__(self, local: Local) -> None:
        self._local = local
        self._seen = self._stamps()

    def _stamps(self) -> dict[str, int]:
        files = self._local.definitions.iterdir()
        return {file.name: file.stat().st_mtime_ns for file in files if file.is_file()}

    def look(self) -> None:
        """Apply the folder if a file in it changed."""
        stamps = self._stamps()
        if stamps != self._seen:
            self._seen = stamps
            self._local.apply()


def run_dev(options: DevOptions) -> int:
    """Run until SIGTERM or Ctrl-C; returns the exit code."""
    stop, phases = stop_on_signals(), Phases()
    data_dir = (options.data_dir or default_data_dir(Path.cwd())).resolve()
    if options.fresh:
        wipe(data_dir)
    definitions = find_definitions(options.folder)
    try:
        local = Local(
            data_dir,
            definitions,
            port=options.port,
            ready_file=options.ready_file,
            workers=options.workers,
            phases=phases,
            stop=stop,
        )
    except StackFailed as problem:
        fail(str(problem))
    except OSError as problem:
        fail(f"{data_dir} cannot be used: {problem.strerror}; name another folder as --data-dir")
    try:
        local.start()
        if options.example and definitions.resolve() == packaged_examples().resolve():
            send(local, "order.created", an_order())
            phases.say(f"sent an example order: decide it at {local.url}")
        _print_addresses(local)
        watcher = Watcher(local)
        local.supervisor.watch(
            stop,
            lambda name: phases.say(f"{name} ended and was started again"),
            watcher.look,
            local.give_back,
        )
    except Interrupted:
        phases.say("stopped while starting")
    except StackFailed as problem:
        fail(str(problem))
    finally:
        local.stop()
    return stop.code


def _print_addresses(local: Local) -> None:
    addresses = local.stack.addresses
    write(
        f"\n  inbox and API   {local.url}   (documentation: {local.url}/docs)\n"
        f"  KAFKA_BOOTSTRAP_SERVERS={addresses.kafka}\n"
        f"  DATABASE_URL={addresses.database_url}\n"
        f"  REDIS_URL={addresses.redis_url}\n"
        f"  definitions     {local.definitions} (saved changes are registered at once)\n"
        "  The broker keeps everything in memory; executions and approvals are in PostgreSQL.\n"
        "  Ctrl-C ends all; the data stays for the next time.\n\n"
    )
    flush()
