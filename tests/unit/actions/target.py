"""A real HTTP server on loopback that answers as told and remembers what it was asked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from aiohttp import web
from multidict import CIMultiDictProxy
from pydantic import SecretStr

from actions.channels import Channels
from actions.guard import Guard
from actions.loaders import Resources
from actions.registry import Actions, load_actions
from actions.results import ActionRequest
from actions.secrets import Secrets
from actions.sources import RowReader
from engine.templates import SecretSlot

KEY = "exec_1:pay:0"
ON_LOOPBACK = Guard(["127.0.0.0/8"])


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: str
    headers: CIMultiDictProxy[str]
    body: bytes


@dataclass(slots=True)
class Target:
    """The server's address, its next answers and what it received."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    status: int = 200
    body: bytes = b'{"ok": true}'
    headers: dict[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})

    async def answer(self, request: web.Request) -> web.Response:
        """Remember the request and answer as told."""
        raw_path, _, query = request.raw_path.partition("?")
        body = await request.read()
        self.asked.append(Asked(request.method, raw_path, query, request.headers, body))
        return web.Response(status=self.status, body=self.body, headers=self.headers)


@asynccontextmanager
async def serving(target: Target) -> AsyncIterator[Target]:
    """Serve a target on a free port of loopback."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", target.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    target.url = f"http://127.0.0.1:{port}"
    try:
        yield target
    finally:
        await runner.cleanup()


@asynccontextmanager
async def loaded(
    guard: Guard = ON_LOOPBACK,
    secrets: Secrets | None = None,
    declarations: dict[str, object] | None = None,
    channels: Channels | None = None,
    rows: RowReader | None = None,
) -> AsyncIterator[Actions]:
    """Load all actions, and close them."""
    resources = Resources(declarations)
    actions = load_actions(guard, resources, secrets or {}, channels=channels, rows=rows)
    try:
        yield actions
    finally:
        await actions.close()


def asking(
    kind: str = "webhook",
    *,
    timeout: float = 5.0,
    attempt: int = 1,
    slots: tuple[SecretSlot, ...] = (),
    **params: object,
) -> ActionRequest:
    """Return a request for an action; timeout in seconds."""
    return ActionRequest(
        kind, params, slots, KEY, attempt, timedelta(seconds=timeout), "exec_1", "pay"
    )


def secrets_of(**values: str) -> Secrets:
    """Return secrets by name."""
    return {name: SecretStr(value) for name, value in values.items()}
