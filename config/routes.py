"""Where a deployment is told of approvals: channels with their addresses (requirements.md S209)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

NoticeChannel = Literal["log", "email", "slack", "teams"]
CHANNELS: tuple[NoticeChannel, ...] = get_args(NoticeChannel)


@dataclass(frozen=True, slots=True)
class Route:
    """A channel, and to whom; an e-mail without address goes to the users who are asked."""

    channel: NoticeChannel
    to: str | None = None


def parse_routes(texts: Iterable[str]) -> tuple[Route, ...]:
    """Return the routes that `log`, `email:boss@example.com`, `slack:#approvals` name."""
    return tuple(map(_route, texts))


def _route(text: str) -> Route:
    name, _, to = text.partition(":")
    for channel in CHANNELS:
        if name.strip() == channel:
            return Route(channel, to.strip() or None)
    raise ValueError(f"{text!r}: write a channel ({', '.join(CHANNELS)}), or channel:address")
