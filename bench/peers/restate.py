"""Restate: a workflow with two `run`s and an awakeable between them, served by the Python SDK."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import aiohttp
import hypercorn
import hypercorn.asyncio
import restate

from bench.peers.lines import Event, run
from devstack.processes import end, spawn

INGRESS, ADMIN, NODE, SERVICE = (os.environ[f"PEER_PORT_{n}"] for n in range(4))
CONNECTIONS = 32

# A waiting handler holds a place for the minute until it is suspended: the default of 1,000 places
# would keep others waiting.
SETTINGS = {
    "RESTATE_WORKER__INVOKER__CONCURRENT_INVOCATIONS_LIMIT": "20000",
    "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{INGRESS}",
    "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{ADMIN}",
    "RESTATE_BIND_ADDRESS": f"127.0.0.1:{NODE}",
    "RESTATE_LISTEN_MODE": "tcp",
    "RESTATE_DISABLE_TELEMETRY": "true",
    "RESTATE_LOG_FILTER": "warn",
}

VERIFY = """
select count(*) as completed from sys_invocation
where target_service_name = 'bench' and status = 'completed'
"""

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


async def work() -> None:
    """Serve the handlers beside the server, which is a child and so counted with them."""
    folder = Path(os.environ["PEER_FOLDER"])
    command = [os.environ["PEER_SERVER"], "--base-dir", str(folder / "restate"), "--no-logo"]
    server = spawn(command, folder / "restate.log", env=SETTINGS)
    config = hypercorn.Config()
    config.bind = [f"127.0.0.1:{SERVICE}"]
    config.h2_max_concurrent_streams = config.keep_alive_max_requests = 2**31 - 1
    try:
        await hypercorn.asyncio.serve(served, config)
    finally:
        end(server, signal.SIGTERM, 5)


class Load:
    """The load generator: requests to the server's ingress over kept connections."""

    async def prepare(self) -> None:
        """Need nothing: the server makes its folder."""

    async def connect(self) -> None:
        """Register the handlers once the server answers."""
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=CONNECTIONS), raise_for_status=True
        )
        self._known: dict[str, str] = {}
        deployment = {"uri": f"http://127.0.0.1:{SERVICE}"}
        for _ in range(200):
            try:
                await self._ask("POST", f"{ADMIN}/deployments", deployment)
                return
            except aiohttp.ClientError:
                await asyncio.sleep(0.1)
        raise TimeoutError("the server does not take the deployment")

    async def _ask(self, method: str, place: str, body: Any = None) -> Any:
        headers = {"accept": "application/json"}
        url = f"http://127.0.0.1:{place}"
        async with self._http.request(method, url, json=body, headers=headers) as answer:
            text = await answer.text()
            return json.loads(text) if text else None

    async def load(self, events: list[Event]) -> None:
        """Send; each is answered once it is durable."""
        sent = (self._ask("POST", f"{INGRESS}/bench/{k}/run/send", event) for k, event in events)
        await asyncio.gather(*sent)

    async def decide(self, keys: list[str]) -> None:
        """Resolve awakeables."""
        names = await self._names(keys)
        places = (f"{INGRESS}/restate/awakeables/{name}/resolve" for name in names)
        await asyncio.gather(*(self._ask("POST", place, "approved") for place in places))

    async def _names(self, keys: list[str]) -> list[str]:
        if not self._known.keys() >= set(keys):
            self._known = (await self._ask("GET", f"{SERVICE}/told?names"))["awakeables"]
        return [self._known[key] for key in keys]

    async def counts(self) -> tuple[int, int]:
        """Return what the handlers have counted."""
        told = await self._ask("GET", f"{SERVICE}/told")
        return told["paused"], told["completed"]

    async def ended(self, key: str) -> bool:
        """Wait for the end, which the server tells at once."""
        await self._ask("GET", f"{INGRESS}/restate/workflow/bench/{key}/attach")
        return True

    async def verify(self) -> int:
        """Ask the server, not the handlers."""
        found = await self._ask("POST", f"{ADMIN}/query", {"query": VERIFY})
        return int(found["rows"][0]["completed"])


if __name__ == "__main__":
    run(Load(), work)
