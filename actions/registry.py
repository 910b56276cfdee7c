"""The actions that steps may ask for, ours and those of plug-ins."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, cast

from actions.channels import Channels
from actions.client import HttpClient
from actions.guard import Guard
from actions.http import HttpAction
from actions.loaders import LoadAction, Resources
from actions.notify import NotifyAction
from actions.outputs import storable
from actions.plugins import GROUP, LOADERS, load_plugins
from actions.results import ActionRequest, Failed, Succeeded
from actions.secrets import SecretMissing, Secrets, fill, redact, redact_value
from actions.sources import Loader, RowReader

log = logging.getLogger("sluicegate.actions")


class Action(Protocol):
    """One kind of outside work."""

    idempotent: bool

    async def perform(self, request: ActionRequest) -> Succeeded | Failed:
        """Do it once; the same key comes with every attempt."""


class Closing(Protocol):
    """What holds connections."""

    async def close(self) -> None:
        """Close them."""


class Actions:
    """Performs effects by kind; an exception of an action is a failure of its attempt.

    Secrets can be named by definitions; what is `hidden` beside them is masked like them.
    """

    def __init__(
        self,
        actions: Mapping[str, Action],
        secrets: Secrets,
        hidden: Secrets | None = None,
        closing: Sequence[Closing] = (),
    ) -> None:
        self._actions, self._secrets, self._closing = actions, secrets, closing
        self._masked: Secrets = {**(hidden or {}), **secrets}

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
            text = redact(f"{type(problem).__name__}: {problem}", self._masked)
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
            message = redact(result.message, self._masked).replace("\0", "\ufffd")
            return replace(result, message=message)
        if not storable(result.output):
            return Failed("invalid_output", "the action's output is not JSON to be stored", False)
        return Succeeded(redact_value(result.output, self._masked))

    async def close(self) -> None:
        """Close connections."""
        for each in self._closing:
            await each.close()


def _make_action(loaded: Callable[[], object]) -> Action:
    """Return the action that a class or function makes without arguments."""
    action = loaded()
    if not callable(getattr(action, "perform", None)):
        raise TypeError("it has no method `async def perform(self, request)`")
    if not isinstance(getattr(action, "idempotent", None), bool):
        raise TypeError("it does not say `idempotent = True` or `False`")
    return cast(Action, action)


def _make_loader(loaded: Callable[..., object]) -> Loader:
    """Return a function of an id, or what a class makes."""
    loader = loaded() if isinstance(loaded, type) else loaded
    if not callable(loader):
        raise TypeError("it is no function of an id")
    return loader


def load_actions(
    guard: Guard,
    resources: Resources,
    secrets: Secrets,
    *,
    channels: Channels | None = None,
    rows: RowReader | None = None,
) -> Actions:
    """Return our actions and those of plug-ins; call inside a running event loop.

    `rows` reads databases for resources of kind sql, and is closed with the actions.
    """
    channels = channels or Channels()
    plugins, loaders = load_plugins(GROUP, _make_action), load_plugins(LOADERS, _make_loader)
    client = HttpClient(guard)
    http, notify = HttpAction(client), NotifyAction(channels)
    load = LoadAction(client, resources, secrets, rows, loaders)
    ours: dict[str, Action] = {"webhook": http, "http_request": http, "load": load}
    actions = {**plugins, **ours, "notify": notify}
    return Actions(actions, secrets, channels.secrets(), (client, load, notify))
