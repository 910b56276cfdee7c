"""`notify` by the incoming webhooks of Slack and Teams (requirements.md S52)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import orjson
from pydantic import SecretStr

from actions.client import Call, HttpClient, refusal_of
from actions.results import ActionRequest, Failed, Succeeded
from actions.urls import checked_url
from actions.wording import Escape, Wording
from engine.templates import as_text

MAX_TEXT = 12_000
"""Characters of a message; Teams refuses cards above 28 KB."""
_MARKDOWN = re.compile(r"([\\`*_\[\]<>#~])")


def slack_text(text: str) -> str:
    """Return a text without the power to mention people or to hide links."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def teams_text(text: str) -> str:
    """Return a text whose Markdown characters stand for themselves."""
    return _MARKDOWN.sub(r"\\\1", text)


def slack_body(to: str, text: str) -> dict[str, object]:
    """Return the JSON of an incoming webhook of Slack."""
    return {"text": f"*{to}*\n{text}" if to else text}


def teams_body(to: str, text: str) -> dict[str, object]:
    """Return the JSON of an incoming webhook of Teams: an adaptive card, a block per line."""
    lines = [line for line in text.splitlines() if line.strip()] or [text]
    blocks: list[dict[str, object]] = [
        {"type": "TextBlock", "text": line, "wrap": True} for line in lines
    ]
    if to:
        blocks.insert(0, {"type": "TextBlock", "text": to, "weight": "Bolder", "wrap": True})
    card = {"type": "AdaptiveCard", "version": "1.2", "body": blocks}
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}


@dataclass(frozen=True, slots=True)
class Shape:
    """How a chat wants to be told."""

    who: str
    escape: Escape
    body: Callable[[str, str], dict[str, object]]


SHAPES: Mapping[str, Shape] = {
    "slack": Shape("Slack", slack_text, slack_body),
    "teams": Shape("Teams", teams_text, teams_body),
}


class ChatHook:
    """Posts messages to one incoming webhook."""

    def __init__(self, client: HttpClient, channel: str, url: SecretStr) -> None:
        self._client, self._channel, self._url = client, channel, url
        self._shape = SHAPES[channel]
        self.escape = self._shape.escape

    async def send(self, request: ActionRequest, wording: Wording) -> Succeeded | Failed:
        """Post the message; the hook's URL is told to nobody."""
        to = self._shape.escape(_shown(request.params.get("to")))
        text = wording.text if len(wording.text) <= MAX_TEXT else wording.text[:MAX_TEXT] + "…"
        body = orjson.dumps(self._shape.body(to, text))
        headers = {"Content-Type": "application/json"}
        url = checked_url(self._url.get_secret_value())
        answer = await self._client.send(Call("POST", url, headers, body, request.timeout))
        if isinstance(answer, Failed):
            return answer
        if answer.status in range(200, 300):
            return Succeeded({"channel": self._channel, "status": answer.status})
        return refusal_of(answer, self._shape.who)


def _shown(to: object) -> str:
    """Return the addressee on one line."""
    names = to if isinstance(to, list) else [] if to is None else [to]
    return " ".join(" ".join(as_text(name) for name in names).split())
