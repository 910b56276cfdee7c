"""The actions that steps may ask for, ours and those of plug-ins."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import entry_points
from typing import Protocol

from actions.client import HttpClient
from actions.guard import Guard
from actions.http import HttpAction
from actions.loaders import LoadAction, Resources
from actions.notify import NotifyAction
from actions.outputs import storable
from actions.plugins import GROUP
from actions.results import ActionRequest, Failed, Succeeded
from actions.secrets import SecretMissing, Secrets, fill, redact, redact_value
from engine.errors import SluicegateError

log = logging.getLogger("sluicegate.actions")


class Action(Protocol):
    """One kind of outside work."""

    idempotent: bool

    async def perform(self, request: ActionRequest) -> Succeeded | Failed:
        """Do it once; the same key comes with every attempt."""


class PluginBroken(SluicegateError):
    """An installed plug-in's action cannot be loaded."""

    def __init__(self, name: str, problem: Exception) -> None:
        super().__init__(
            f"the action {name} (entry point of {GROUP}) cannot be loaded: "
            f"{type(problem).__name__}: {problem}; repair or uninstall the package that brings it"
        )


class Actions:
    """Performs effects by kind; an exception of an action is a failure of its attempt."""

    def __init__(self, client: HttpClient, actions: Mapping[str, Action], secrets: Secrets) -> None:
        self._client, self._actions, self._secrets = client, actions, secrets

    def get(self, kind: str) -> Action | None:
        """Return the action of a kind."""
        return self._actions.get(kind)

    async def perform(self, request: ActionRequest) -> Succeeded | Failed:
        """Perform one attempt within its time; raises nothing but its own cancellation."""
        try:
            async with asyncio.timeout(request.timeout.total_seconds()):
                return self._cleaned(await self._attempt(request))
        except TimeoutError:
            seconds = request.timeout.total_seconds()
            return Failed("timeout", f"not done within {seconds:g} s", True)
        except Exception as problem:
            text = redact(f"{type(problem).__name__}: {problem}", self._secrets)
            log.warning("action %s failed: %s", request.kind, text)
            return Failed("action_error", text, True)

    async def _attempt(self, request: ActionRequest) -> Succeeded | Failed:
        action = self._actions.get(request.kind)
        if action is None:
            return Failed("unknown_action", f"no action is called {request.kind}", False)
        try:
            params = fill(request.params, request.secrets, self._secrets)
        except SecretMissing as problem:
            return Failed("secret_missing", str(problem), False)
        return await action.perform(replace(request, params=params, secrets=()))

    def _cleaned(self, result: Succeeded | Failed) -> Succeeded | Failed:
        """Return a result without secrets, and without what could not be stored."""
        if isinstance(result, Failed):
            message = redact(result.message, self._secrets).replace("\0", "\ufffd")
            return replace(result, message=message)
        if not storable(result.output):
            return Failed("invalid_output", "the action's output is not JSON to be stored", False)
        return Succeeded(redact_value(result.output, self._secrets))

    async def close(self) -> None:
        """Close connections."""
        await self._client.close()


def plugin_actions() -> dict[str, Action]:
    """Return the actions of installed packages, made without arguments; raises PluginBroken."""
    found: dict[str, Action] = {}
    for point in entry_points(group=GROUP):
        try:
            found[point.name] = point.load()()
        except Exception as problem:
            raise PluginBroken(point.name, problem) from problem
    return found


def load_actions(guard: Guard, resources: Resources, secrets: Secrets) -> Actions:
    """Return our actions and those of plug-ins; call inside a running event loop."""
    plugins = plugin_actions()
    client = HttpClient(guard)
    http = HttpAction(client)
    load = LoadAction(client, resources, secrets)
    ours: dict[str, Action] = {
        "webhook": http,
        "http_request": http,
        "load": load,
        "notify": NotifyAction(),
    }
    return Actions(client, {**plugins, **ours}, secrets)
