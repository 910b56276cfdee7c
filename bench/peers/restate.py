"""Restate: a workflow with two `run`s and an awakeable between them, served by the Python SDK."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import restate

from bench.peers.lines import run
from bench.peers.restate_server import SERVICE, TOLD, Load, work

bench = restate.Workflow("bench")
awakeables: dict[str, str] = {}
"""What a person would get by mail: the name of the awakeable that answers for an execution."""
progress = {"paused": 0, "completed": 0}


async def nothing() -> None:
    """Do nothing."""


@bench.main(name="run")
async def main(context: restate.WorkflowContext, event: dict[str, Any]) -> str:
    """Run W. An awakeable, since a promise's handler would be one more invocation a decision."""
    if event["amount"] <= 100:
        return "small"
    awakeables[context.key()], decision = context.awakeable(type_hint=str)
    await context.run_typed("noted", nothing)
    progress["paused"] += 1
    outcome: str = await decision
    await context.run_typed("settled", nothing)
    progress["completed"] += 1
    return outcome


app = restate.app([bench])


async def served(scope: Any, receive: Any, send: Any) -> None:
    """Serve Restate, and tell the load generator what it would otherwise have to query for."""
    if scope["type"] != "http" or scope["path"] != "/told":
        await app(scope, receive, send)
        return
    names = awakeables if scope["query_string"] else {}
    body = json.dumps({**progress, "awakeables": names}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


def handlers() -> list[str]:
    """Return how to serve, with the settings that the documentation gives for production."""
    config = Path(os.environ["PEER_FOLDER"]) / "hypercorn.toml"
    config.write_text(
        f'bind = ["127.0.0.1:{SERVICE}", "127.0.0.1:{TOLD}"]\n'
        "workers = 0\n"  # one, in the process itself
        "h2_max_concurrent_streams = 2147483647\n"
        "keep_alive_max_requests = 2147483647\n"
    )
    name = "bench.peers.restate:served"
    return [sys.executable, "-m", "hypercorn", "--config", str(config), name]


if __name__ == "__main__":
    run(Load(), lambda: work(handlers()))
