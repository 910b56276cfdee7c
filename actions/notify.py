"""`notify` by the channels that lead outside: email, slack and teams (requirements.md S52).

The engine itself does what needs no outside work: it writes `log`, and sends `kafka` by the outbox.
"""

import asyncio
from pathlib import Path
from typing import Protocol

from actions.channels import Channels
from actions.chat import ChatHook
from actions.client import HttpClient
from actions.guard import Guard
from actions.mail import Mailer
from actions.results import ActionRequest, Failed, Succeeded
from actions.urls import checked_url
from actions.wording import Wording, word
from engine.errors import SluicegateError

NEEDED = {
    "email": "SLUICEGATE_SMTP_URL and SLUICEGATE_SMTP_FROM",
    "slack": "SLUICEGATE_NOTIFY_SLACK_URL",
    "teams": "SLUICEGATE_NOTIFY_TEAMS_URL",
}


class Channel(Protocol):
    """One way to people."""

    def escape(self, text: str) -> str:
        """Return data as text that carries no markup."""

    async def send(self, request: ActionRequest, wording: Wording) -> Succeeded | Failed:
        """Send one notification; raises ValueError for what the channel cannot carry."""


class NotifyAction:
    """Words a notification and sends it by its channel."""

    idempotent = True

    def __init__(self, channels: Channels) -> None:
        self._templates: Path = channels.templates
        hosts = [checked_url(url.get_secret_value()).host or "" for url in channels.hooks.values()]
        # Only this client trusts the hooks' hosts: a definition's webhook does not reach them.
        self._client = HttpClient(Guard(hosts))
        self._channels: dict[str, Channel] = {
            name: ChatHook(self._client, name, url) for name, url in channels.hooks.items()
        }
        if channels.mail is not None:
            self._channels["email"] = Mailer(channels.mail, channels.sender)

    async def perform(self, request: ActionRequest) -> Succeeded | Failed:
        """Send it once; a channel that is not configured fails for good and names its setting."""
        name = str(request.params.get("channel"))
        channel = self._channels.get(name)
        if channel is None:
            return _unavailable(name)
        try:
            wording = await asyncio.to_thread(
                word, request.params, name, self._templates, channel.escape
            )
            return await channel.send(request, wording)
        except (ValueError, SluicegateError) as problem:
            return Failed("invalid_notification", str(problem), False)

    async def close(self) -> None:
        """Close connections."""
        await self._client.close()


def _unavailable(name: str) -> Failed:
    needed = NEEDED.get(name)
    if needed is None:
        problem = f"there is no channel {name!r}; use one of: log, kafka, {', '.join(NEEDED)}"
        return Failed("channel_not_available", problem, False)
    return Failed("channel_not_configured", f"set {needed} to notify by {name}", False)
