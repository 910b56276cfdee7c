"""A TCP proxy on loopback that misbehaves as told: for tests of what a network does (F11, F13)."""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import TypeVar, get_args

from devstack.pipes import Direction, Weather, carry, cut_hard

T = TypeVar("T")
HOST = "127.0.0.1"
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
COMMIT = b"COMMIT\0"
CLOSE_SECONDS, CALL_SECONDS = 5.0, 10.0


@dataclass(slots=True, eq=False)
class _Connection:
    """A client's connection and the one we opened for it."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter | None = None
    ways: list[asyncio.Task[None]] = field(default_factory=list)
    reply_is_lost: bool = False

    def reset(self) -> None:
        """Cut both sides, whatever is under way."""
        for way in self.ways:
            way.cancel()
        cut_hard(self.client)
        if self.server is not None:
            cut_hard(self.server)


class Proxy:
    """Carries connections from a free port to another port of this machine, until told otherwise.

    It runs in a thread of its own; every method may be called from any other thread.
    """

    def __init__(self, target: int) -> None:
        self.target, self.port = target, 0
        self.accepted = self.lost_commits = 0
        self._connections: set[_Connection] = set()
        self._weather: dict[Direction, Weather] = {}
        self._refuses_until = 0.0
        self._commits_to_lose, self._applied = 0, True
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="proxy")

    def start(self, port: int = 0) -> int:
        """Listen, on a free port by default; return the port."""
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._listen(port), self._loop).result(
            CALL_SECONDS
        )
        return self.port

    async def _listen(self, port: int) -> int:
        self._weather = {direction: Weather() for direction in DIRECTIONS}
        self._heal()
        self._server = await asyncio.start_server(self._serve, HOST, port)
        chosen: int = self._server.sockets[0].getsockname()[1]
        return chosen

    def stop(self) -> None:
        """Cut everything and stop listening."""
        if not self._thread.is_alive():
            return
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(CALL_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CALL_SECONDS)
        self._loop.close()

    async def _close(self) -> None:
        self._server.close()
        self._reset()
        # The connections' own tasks end with their ways; cancelled ones would be told as errors.
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=CLOSE_SECONDS)

    def delay(self, seconds: float, *directions: Direction) -> None:
        """Let bytes travel so long, in both directions unless told which."""
        self._call(lambda: self._delay(seconds, directions or DIRECTIONS))

    def stall(self, *directions: Direction) -> None:
        """Stop carrying while connections stay open: the half-open line of a dead network."""
        self._call(lambda: self._stall(directions or DIRECTIONS))

    def reset(self) -> None:
        """Cut all connections with a reset; new ones work."""
        self._call(self._reset)

    def cut(self, seconds: float) -> None:
        """Cut all connections and refuse new ones for a while; returns at once."""
        self._call(lambda: self._cut(seconds))

    def heal(self) -> None:
        """Carry everything at once again; what stood still goes on."""
        self._call(self._heal)

    def lose_commits(self, number: int, *, applied: bool = True) -> None:
        """Cut the connection at each of the next COMMITs: after it was applied, or before."""
        self._call(lambda: self._lose_commits(number, applied))

    def connections(self) -> int:
        """Return how many connections are open."""
        return self._call(lambda: len(self._connections))

    def _call(self, function: Callable[[], T]) -> T:
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(function())
            except BaseException as error:
                done.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return done.result(CALL_SECONDS)

    def _delay(self, seconds: float, directions: tuple[Direction, ...]) -> None:
        for direction in directions:
            self._weather[direction].delay_seconds = seconds

    def _stall(self, directions: tuple[Direction, ...]) -> None:
        for direction in directions:
            self._weather[direction].moving.clear()

    def _reset(self) -> None:
        for connection in list(self._connections):
            connection.reset()

    def _cut(self, seconds: float) -> None:
        self._refuses_until = self._loop.time() + seconds
        self._reset()

    def _lose_commits(self, number: int, applied: bool) -> None:
        self._commits_to_lose, self._applied = number, applied

    def _heal(self) -> None:
        self._refuses_until, self._commits_to_lose = 0.0, 0
        for weather in self._weather.values():
            weather.delay_seconds = 0.0
            weather.moving.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(writer)
        if self._loop.time() < self._refuses_until:
            connection.reset()
            return
        self.accepted += 1
        self._connections.add(connection)
        try:
            with contextlib.suppress(OSError):
                await self._relay(connection, reader)
        finally:
            self._connections.discard(connection)
            connection.reset()

    async def _relay(self, connection: _Connection, from_client: asyncio.StreamReader) -> None:
        from_server, connection.server = await asyncio.open_connection(HOST, self.target)
        there, back = self._weather["to_server"], self._weather["to_client"]
        ways = (
            carry(from_client, connection.server, there, partial(self._look_there, connection)),
            carry(from_server, connection.client, back, partial(self._look_back, connection)),
        )
        connection.ways = [asyncio.create_task(way) for way in ways]
        try:
            await asyncio.wait(connection.ways, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            connection.reset()
            await asyncio.gather(*connection.ways, return_exceptions=True)

    def _look_there(self, connection: _Connection, chunk: bytes) -> bytes | None:
        if not self._commits_to_lose or COMMIT not in chunk:
            return chunk
        self._commits_to_lose -= 1
        self.lost_commits += 1
        if self._applied:
            connection.reply_is_lost = True
            return chunk
        connection.reset()
        return None

    def _look_back(self, connection: _Connection, chunk: bytes) -> bytes | None:
        if not connection.reply_is_lost:
            return chunk
        # The server has answered, so the transaction is committed; nobody will hear of it.
        connection.reset()
        return None

    def __enter__(self) -> "Proxy":
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()
