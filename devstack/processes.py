"""Child processes that die with us, on ports that are free."""

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from engine.errors import SluicegateError

PR_SET_PDEATHSIG = 1


class StackFailed(SluicegateError):
    """A part of the embedded stack did not start; the text says which, why and what to do."""


def free_port() -> int:
    """Return a TCP port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def port_answers(port: int) -> bool:
    """Tell whether somebody accepts connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _die_with_parent(number: int, parent: int) -> Callable[[], None]:
    """Return what a child runs before exec, so that it gets a signal when its parent dies."""
    libc = ctypes.CDLL(None, use_errno=True)

    def prepare() -> None:
        os.setpgid(0, 0)
        libc.prctl(PR_SET_PDEATHSIG, number, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return prepare


def spawn(
    argv: Sequence[str],
    log_path: Path,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a child of the calling thread that ends when we end, however that happens.

    Linux ties the signal to the creating thread, so call this from the main thread. A program that
    changes its credentials loses it: such a one is started behind `setpriv --pdeathsig`.
    """
    prepare = _die_with_parent(death_signal, os.getpid()) if sys.platform == "linux" else None
    with log_path.open("ab") as log:
        return subprocess.Popen(  # noqa: S603
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            preexec_fn=prepare,
        )


def end(process: subprocess.Popen[bytes], number: signal.Signals, seconds: float) -> int:
    """Ask a child to end, then make it; return its exit code."""
    if process.poll() is None:
        process.send_signal(number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    return process.wait()


def tail(path: Path, lines: int = 12) -> str:
    """Return the last lines of a log."""
    if not path.exists():
        return "(no log)"
    return "\n".join(path.read_text("utf-8", "replace").splitlines()[-lines:])


def as_other_user(argv: Sequence[str], data_dir: Path) -> list[str]:
    """Return how to run a program that refuses root, when we are root.

    A user namespace maps us to `nobody`: nothing is chowned and no home folder is opened. Where
    namespaces are forbidden (some containers), the program runs as `nobody` with the capability to
    pass the folders above it, and only its own data folder changes its owner.
    """
    if os.geteuid() != 0:
        return list(argv)
    unshare, setpriv = shutil.which("unshare"), shutil.which("setpriv")
    if unshare and setpriv and _works([unshare, "--user", "--map-user=65534", "true"]):
        return [
            unshare, "--user", "--map-user=65534", setpriv, "--pdeathsig", "INT", "--", *argv
        ]  # fmt: skip
    if setpriv is None:
        raise StackFailed(
            "PostgreSQL does not run as root; start as another user, or install util-linux"
        )
    for path in (data_dir, *data_dir.rglob("*")):
        os.chown(path, 65534, 65534)
    capabilities = "+dac_override,+dac_read_search"
    return [
        setpriv, "--reuid", "65534", "--regid", "65534", "--clear-groups",
        "--inh-caps", capabilities, "--ambient-caps", capabilities,
        "--pdeathsig", "INT", "--", *argv,
    ]  # fmt: skip


def _works(argv: Sequence[str]) -> bool:
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0  # noqa: S603
