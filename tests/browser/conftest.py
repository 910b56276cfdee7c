"""A deployment with its pages served, and windows of a browser on it."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from devstack.stack import EmbeddedStack
from tests.world import ROOT, World, a_world

HERE = Path(__file__).parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
PAUSE = threading.Event()
PATIENCE_SECONDS = 60.0
ORDER = {"order_id": "o-1003", "customer_id": "c-77", "total": 4650, "currency": "EUR"}
LINES = [
    {"sku": "A-104", "quantity": 2, "price": 1250},
    {"sku": "B-7", "quantity": 5, "price": 430},
]


def missing(what: str) -> None:
    """Skip, or fail where this run requires a browser."""
    if "browser" in os.environ.get("SLUICEGATE_TEST_REQUIRE", "").split(","):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """The system's Chromium."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        missing("needs Chromium: apt-get install chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("needs playwright: make setup installs it")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


@dataclass(slots=True)
class Site:
    """A served deployment."""

    world: World
    url: str
    server: subprocess.Popen[bytes]
    log: Path

    def get(self, path: str) -> Any:
        """Return what the API answers."""
        with urllib.request.urlopen(self.url + path, timeout=20) as answer:
            return json.load(answer)

    def post(self, path: str, body: object) -> Any:
        """Send JSON to the API and return its answer."""
        data = json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, data, {"content-type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def ask(self, type: str, **data: object) -> dict[str, Any]:
        """Publish an event that asks somebody, and return the waiting record."""
        mark = uuid4().hex
        self.post("/api/v1/events", {"type": type, "data": {"mark": mark, **data}})
        return self.world.waiting(mark=mark)

    def decide(self, record: dict[str, Any], by: str, outcome: str = "approved") -> Any:
        """Answer a request as another program does, and return the receipt."""
        path = f"/api/v1/approvals/{record['wait_id']}/decision?wait=10"
        return self.post(path, {"outcome": outcome, "decided_by": by})


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def served(world: World, **env: str) -> Iterator[Site]:
    """Serve the pages of a deployment while the block lasts."""
    port = free_port()
    path = world.definitions / f"serve-{port}.log"
    with path.open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "cli", "serve", "--port", str(port)],
            env={**world.env, **env},
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    site = Site(world, f"http://127.0.0.1:{port}", server, path)
    try:
        until(lambda: answers(f"{site.url}/livez"), log.name)
        yield site
    finally:
        server.kill()
        server.wait(10)


def answers(url: str) -> bool:
    """Tell whether somebody answers at an address."""
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False


def until(is_so: Callable[[], bool], what: str = "it") -> None:
    """Return as soon as something is so; fails after a while."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, f"{what} did not happen"
        PAUSE.wait(0.05)


@pytest.fixture(scope="session")
def site(stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The deployment that all browser tests look at."""
    texts = {path.name: path.read_text() for path in (HERE / "definitions").glob("*.yaml")}
    folder = tmp_path_factory.mktemp("browser")
    with a_world(stack, folder, texts) as world:
        world.start_worker()
        with served(world) as found:
            yield found


@pytest.fixture(scope="session")
def screens(site: Site) -> dict[str, str]:
    """The address of each screen, with something to see on it."""
    order = site.ask("order.created", **ORDER, country="DE", lines=LINES)
    for who, days in (("Ana", 2), ("Bo", 5)):
        site.ask("leave.requested", who=who, days=days)
    refund = site.ask(
        "refund.requested",
        refund_id="r-88",
        amount=129.9,
        currency="EUR",
        customer_name="Cy",
        order_id="o-991",
        reason="arrived broken",
        requested_by="dora@example.com",
    )
    site.decide(refund, "eva@example.com")
    done = site.ask("order.created", **{**ORDER, "order_id": "o-1001"}, country="FR")
    site.decide(done, "eva@example.com")
    site.post("/api/v1/events", {"type": "order.created", "data": {"order_id": "o-1004"}})
    site.world.until("select 1 from dead_letters")
    letter = site.world.query("select max(id) as id from dead_letters")[0]["id"]
    return {
        "inbox": "/",
        "approval": f"/approvals/{refund['wait_id']}",
        "order": f"/approvals/{order['wait_id']}",
        "executions": "/executions",
        "execution": f"/executions/{done['execution_id']}?axis=log",
        "workflows": "/workflows",
        "workflow": "/workflows/order-approval",
        "health": "/health",
        "dead-letters": "/dead-letters",
        "dead-letter": f"/dead-letters/{letter}",
        "me": "/me",
    }


@dataclass(slots=True)
class Desk:
    """Somebody's windows; what the browser complains about is kept."""

    browser: Any
    url: str
    contexts: list[Any] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def window(self, path: str = "/", name: str = "", **options: Any) -> Any:
        """Open a page in a window of its own."""
        context = self.browser.new_context(**options)
        self.contexts.append(context)
        if name:
            kept = name.replace("@", "%40")
            context.add_cookies([{"name": "sluicegate_name", "value": kept, "url": self.url}])
        page = context.new_page()
        page.on("console", lambda message: self._hear(message))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.goto(self.url + path)
        return page

    def _hear(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.text} ({message.location})")


@pytest.fixture
def desk(browser: Any, site: Site) -> Iterator[Desk]:
    """Windows on the site; fails if the browser complained about anything."""
    found = Desk(browser, site.url)
    yield found
    for context in found.contexts:
        context.close()
    # A refused decision is answered by a status that the console shows as a failed load.
    assert [text for text in found.complaints if "Failed to load resource" not in text] == []
