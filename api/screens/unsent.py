"""What could not be sent: the page says so and keeps what was typed, ready to be sent again."""

from collections.abc import Mapping

from fastapi import Request
from fastapi.responses import Response

from api.screens.page import page
from storage.errors import DatabaseUnreachable
from storage.store import TRANSIENT

UNREACHABLE: tuple[type[Exception], ...] = (DatabaseUnreachable, *TRANSIENT)
"""What is raised where the database cannot be asked."""
NO_BROKER = (
    "Kafka confirms nothing at the moment: it may or may not have arrived. Send it again soon."
)
HIDDEN = frozenset({"decision_id", "request_hash", "kind", "outcome"})
"""What a form carries that nobody typed."""


def unsent(request: Request, typed: Mapping[str, str]) -> Response:
    """Return the page for a form that the database had to be asked about in vain."""
    shown = [(_name(name), text) for name, text in typed.items() if text and name not in HIDDEN]
    data = {"typed": typed, "shown": shown, "does": typed.get("outcome") or typed.get("kind") or ""}
    return page(request, "unsent.html", data, 503)


def _name(name: str) -> str:
    return name.removeprefix("form.").replace("_", " ").capitalize()
