"""Restate's server, and the load generator of both SDKs: requests to the server's ingress."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any

import aiohttp

from bench.peers.lines import Event
from devstack.processes import end, spawn

INGRESS, ADMIN, NODE, SERVICE, TOLD = (os.environ[f"PEER_PORT_{n}"] for n in range(5))
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


async def work(handlers: list[str]) -> None:
    """Run the server and the handlers, children and so counted, until this process is ended."""
    folder = Path(os.environ["PEER_FOLDER"])
    command = [os.environ["PEER_SERVER"], "--base-dir", str(folder / "restate"), "--no-logo"]
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    children = (
        spawn(command, folder / "restate.log", env=SETTINGS),
        spawn(handlers, folder / "handlers.log", env={"NODE_ENV": "production"}),
    )
    await ended.wait()
    for child in children:
        end(child, signal.SIGTERM, 3)


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
            self._known = (await self._ask("GET", f"{TOLD}/told?names"))["awakeables"]
        return [self._known[key] for key in keys]

    async def counts(self) -> tuple[int, int]:
        """Return what the handlers have counted."""
        told = await self._ask("GET", f"{TOLD}/told")
        return told["paused"], told["completed"]

    async def ended(self, key: str) -> bool:
        """Wait for the end, which the server tells at once."""
        await self._ask("GET", f"{INGRESS}/restate/workflow/bench/{key}/attach")
        return True

    async def verify(self) -> int:
        """Ask the server, not the handlers."""
        found = await self._ask("POST", f"{ADMIN}/query", {"query": VERIFY})
        return int(found["rows"][0]["completed"])
