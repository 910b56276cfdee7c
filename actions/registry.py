"""The actions that steps may ask for, ours and those of plug-ins."""

import asyncio
import logging
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Protocol

import aiohttp

from actions.guard import Guard
from actions.http import HttpAction, open_session
from actions.loaders import LoadAction, Resources
from actions.plugins import GROUP
from actions.results import ActionRequest, Failed, Succeeded
from actions.secrets import SecretMissing, Secrets, fill, redact

log = logging.getLogger("sluicegate.actions")


class Action(Protocol):
    """One kind of outside work."""

    idempotent: bool

    async def perform(self, request: ActionRequest) -> Succeeded | Failed:
        """Do it once; the same key comes with every attempt."""


class Actions:
    """Performs effects by kind; an exception of an action is a failure of its attempt."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        actions: Mapping[str, Action],
        secrets: Secrets,
    ) -> None:
        self._session, self._actions, self._secrets = session, actions, secrets

    async def perform(self, request: ActionRequest) -> Succeeded | Failed:
        """Perform one attempt within its time; never raises."""
        action = self._actions.get(request.kind)
        if action is None:
            return Failed("unknown_action", f"no action is called {request.kind}", False)
        try:
            params = fill(request.params, request.secrets, self._secrets)
        except SecretMissing as problem:
            return Failed("secret_missing", str(problem), False)
        filled = ActionRequest(
            request.kind,
            params,
            (),
            request.idempotency_key,
            request.attempt,
            request.timeout,
            request.execution_id,
            request.step_path,
        )
        try:
            async with asyncio.timeout(request.timeout.total_seconds()):
                return await action.perform(filled)
        except TimeoutError:
            seconds = request.timeout.total_seconds()
            return Failed("timeout", f"not done within {seconds:g} s", True)
        except Exception as problem:
            text = redact(f"{type(problem).__name__}: {problem}", self._secrets)
            log.warning("action %s failed: %s", request.kind, text)
            return Failed("action_error", text, True)

    async def close(self) -> None:
        """Close connections."""
        await self._session.close()


def load_actions(guard: Guard, resources: Resources, secrets: Secrets) -> Actions:
    """Return our actions and those of plug-ins; call inside a running event loop."""
    session = open_session(guard)
    http = HttpAction(session)
    actions: dict[str, Action] = {
        "webhook": http,
        "http_request": http,
        "load": LoadAction(session, resources, secrets),
    }
    for point in entry_points(group=GROUP):
        actions.setdefault(point.name, point.load()())
    return Actions(session, actions, secrets)
