"""A webhook receiver on loopback that keeps what it got and answers as told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """One request that came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(slots=True)
class Sink:
    """What came in, and what to answer: statuses by path, one after another, then 200."""

    port: int = 0
    calls: list[Call] = field(default_factory=list)
    answers: dict[str, list[int]] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    hold: dict[str, threading.Event] = field(default_factory=dict)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def calls_to(self, path: str) -> list[Call]:
        with self.arrived:
            return [call for call in self.calls if call.path == path]

    def wait_for_call(self, path: str, number: int = 1, seconds: float = 15) -> list[Call]:
        """Return the calls to a path once so many came."""
        with self.arrived:
            done = self.arrived.wait_for(
                lambda: sum(call.path == path for call in self.calls) >= number, seconds
            )
            assert done, f"{path} was not called {number} times"
        return self.calls_to(path)

    def take(self, call: Call) -> tuple[int, bytes]:
        """Note a call and return its answer."""
        with self.arrived:
            self.calls.append(call)
            planned = self.answers.get(call.path)
            status = planned.pop(0) if planned else 200
            self.arrived.notify_all()
        if call.path in self.hold:
            self.hold[call.path].wait(15)
        return status, self.bodies.get(call.path, b"{}")


@contextmanager
def a_sink() -> Iterator[Sink]:
    """Serve on a free port until the block ends."""
    sink = Sink()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            status, content = sink.take(
                Call(self.command, self.path, dict(self.headers.items()), body)
            )
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        request_queue_size = 128  # All calls that a worker makes at once; the default is 5.

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    sink.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
