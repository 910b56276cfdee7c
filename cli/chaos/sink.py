"""Where the webhooks of a run arrive: keeps of each key how often it came and with what body."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

REFUSED = 16
"""One in so many keys is refused the first time it comes."""


@dataclass(slots=True)
class Sink:
    """What came in."""

    url: str = ""
    bodies: dict[str, bytes] = field(default_factory=dict)
    """By idempotency key: a digest of the first body."""
    calls: int = 0
    altered: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def repeats(self) -> int:
        """How many calls came again."""
        return self.calls - len(self.bodies)

    def take(self, key: str, body: bytes) -> int:
        """Keep a call and return the status to answer."""
        digest = blake2b(body, digest_size=8).digest()
        with self._lock:
            self.calls += 1
            first = key not in self.bodies
            if self.bodies.setdefault(key, digest) != digest:
                self.altered.append(key)
        refused = first and blake2b(key.encode(), digest_size=2).digest()[0] % REFUSED == 0
        return 503 if refused else 200


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: callers that are killed leave broken connections."""


@contextmanager
def a_sink() -> Iterator[Sink]:
    """Serve on a free port of loopback until the block ends."""
    sink = Sink()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Answer a resource: the same for the same id."""
            id = self.path.rpartition("/")[2]
            self._answer(200, json.dumps({"id": id, "balance": 5}).encode())

        def do_POST(self) -> None:
            """Keep a webhook."""
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            self._answer(sink.take(self.headers.get("idempotency-key", ""), body), b"{}")

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = _Server(("127.0.0.1", 0), Handler)
    sink.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True, name="sink")
    thread.start()
    try:
        yield sink
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
