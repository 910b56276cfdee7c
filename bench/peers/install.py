"""A peer's own environment, made once per version under the cache folder."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from bench.peers.pins import Peer

SECONDS = 300
SERVER = "server/node_modules/@restatedev/restate-server-linux-x64/bin/restate-server"


class CannotInstall(Exception):
    """A peer cannot be had on this machine; the text is the reason."""


def environment(peer: Peer) -> Path:
    """Return the folder of a peer's environment, installing what is missing."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = home / "sluicegate-bench" / f"{peer.name}-{peer.version}"
    stamp = folder / ".installed"
    wanted = "\n".join((*peer.python, *peer.node))
    if stamp.exists() and stamp.read_text() == wanted:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    _run(sys.executable, "-m", "venv", str(folder))
    _run(str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *peer.python)
    if peer.node:
        _run("npm", "install", "--silent", "--prefix", str(folder / "server"), *peer.node)
        if not (folder / SERVER).exists():
            raise CannotInstall("its package has no server for this kind of machine")
    stamp.write_text(wanted)
    return folder


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=SECONDS)
    except FileNotFoundError as missing:
        raise CannotInstall(f"{command[0]} is not installed") from missing
    except subprocess.TimeoutExpired as late:
        raise CannotInstall(f"{command[0]} took longer than {SECONDS} s") from late
    except subprocess.CalledProcessError as failed:
        last = (failed.stderr.strip() or failed.stdout.strip() or "no output").splitlines()[-1]
        raise CannotInstall(last) from failed
