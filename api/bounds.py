"""What no process should have to bear: bodies that fill its memory, callers that never pause."""

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import respond

MOST_BYTES = 2 * 1024 * 1024
"""More than the largest definition, event or form."""


class Bounded:
    """Counts what of a body has come, however its length was announced."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; one whose body is too large is answered by a 413 problem."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > MOST_BYTES:
                raise HTTPException(413)
            return message

        async def answer(message: Message) -> None:
            # What the application says of a body that it has not read is not sent.
            if taken <= MOST_BYTES:
                await send(message)

        try:
            await self._app(scope, counted, answer)
        except* HTTPException:
            if taken <= MOST_BYTES:
                raise
        if taken > MOST_BYTES:
            text = f"at most {MOST_BYTES} bytes are taken"
            await respond(413, "too-large", text)(scope, receive, send)


class Rated:
    """Refuses what one address asks of the interface beyond a number in any second."""

    def __init__(self, app: ASGIApp, prefix: str, per_second: int) -> None:
        self._app, self._prefix = app, f"{prefix}/"
        self._most = RateLimitItemPerSecond(per_second)
        self._window = MovingWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or answer it by a 429 problem that says when to try again."""
        if scope["type"] != "http" or not scope["path"].startswith(self._prefix):
            await self._app(scope, receive, send)
            return
        caller = (scope.get("client") or ("unknown", 0))[0]
        if self._window.hit(self._most, caller):
            await self._app(scope, receive, send)
            return
        text = f"at most {self._most.amount} requests a second are taken from one address"
        refusal = respond(429, "too-many-requests", text)
        refusal.headers["Retry-After"] = "1"
        await refusal(scope, receive, send)
