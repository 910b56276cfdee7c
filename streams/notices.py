"""Notices of approvals to people outside the inbox: each turn of a request once (S209)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias

from config.routes import Route
from engine.deciders import texts
from engine.effects import CloseWait, Perform, WriteLog
from engine.execution import Execution, Wait
from engine.ids import StepPath, child_id, public_id

Notice: TypeAlias = Perform | WriteLog
About = Literal["request", "reminder", "escalation", "decision", "expiry"]
TOLD: Mapping[str, About] = {"reminder": "reminder", "escalation": "escalation"}
"""Changes of an open request of which people are told."""
TIMEOUT = timedelta(seconds=30)
NOTICE_PATH = StepPath("")
"""Path of an effect that no step waits for."""


@dataclass(frozen=True, slots=True)
class Notices:
    """Words what happens to approval requests, for the channels of the deployment."""

    routes: Sequence[Route] = ()
    public_url: str | None = None

    def opened(self, execution: Execution, wait: Wait) -> Iterator[Notice]:
        """Tell that somebody is asked."""
        if self.routes:
            yield from self._tell(execution, wait, "request", _asked(wait))

    def changed(self, execution: Execution, wait: Wait, about: str) -> Iterator[Notice]:
        """Tell that somebody is reminded, or that others are asked as well."""
        kind = TOLD.get(about)
        if self.routes and kind is not None:
            yield from self._tell(execution, wait, kind, _asked(wait))

    def closed(self, execution: Execution, closing: CloseWait) -> Iterator[Notice]:
        """Tell how a request ended; one that was withdrawn is told to nobody."""
        if not self.routes or closing.outcome == "cancelled":
            return
        about: About = "decision"
        why = f": {closing.reason}" if closing.reason else ""
        text = f"{closing.outcome} by {closing.decided_by}{why}"
        if closing.outcome == "expired":
            about, text = "expiry", "nobody decided in time"
        yield from self._tell(execution, closing.wait, about, text)

    def _tell(self, execution: Execution, wait: Wait, about: About, text: str) -> Iterator[Notice]:
        title = wait.record.get("title")
        message = f"{about}: {title} ({execution.workflow}): {text}"
        for route in self.routes:
            if route.channel == "log":
                fields = {"request_id": wait.id, "about": about, "title": title}
                yield WriteLog("info", message, fields)
                continue
            for number, to in enumerate(_receivers(route, wait)):
                yield self._notice(execution, wait, about, route, to, number, message)

    def _notice(
        self,
        execution: Execution,
        wait: Wait,
        about: About,
        route: Route,
        to: str | None,
        number: int,
        message: str,
    ) -> Perform:
        """Return the effect; its id is the same for the same turn of the same request."""
        turn = wait.state.get("reminders", 0) if about == "reminder" else 0
        id = child_id(execution.id, wait.id, "notice", about, turn, route.channel, to or number)
        params: dict[str, object] = {
            "channel": route.channel,
            "message": self._linked(message, wait),
        }
        if to is not None:
            params["to"] = to
        key = f"{public_id(execution.id)}:{wait.id}:{about}:{turn}:{route.channel}:{to or ''}"
        return Perform(id, NOTICE_PATH, "notify", params, key, 1, TIMEOUT)

    def _linked(self, message: str, wait: Wait) -> str:
        if self.public_url is None:
            return message
        return f"{message}\n{self.public_url.rstrip('/')}/approvals/{wait.id}"


def _asked(wait: Wait) -> str:
    """Say who is asked, and until when."""
    record = wait.record
    people = [*texts(record.get("users")), *(f"any {r}" for r in texts(record.get("roles")))]
    by = f", by {record['expires_at']}" if record.get("expires_at") else ""
    return f"asks {' or '.join(people) or 'anyone'}{by}"


def _receivers(route: Route, wait: Wait) -> Sequence[str | None]:
    """Return the addresses of a route for one request."""
    if route.to is not None or route.channel != "email":
        return (route.to,)
    return [user for user in texts(wait.record.get("users")) if "@" in user]
