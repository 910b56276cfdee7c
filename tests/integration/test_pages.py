"""The pages for the three users, run as they are written: every `sh` block, in one shell."""

import os
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from api.health import MEASURES
from devstack.processes import free_port
from devstack.stack import EmbeddedStack
from tests.world import PATIENCE_SECONDS, ROOT

PAGES = ROOT / "docs"
PAUSE = threading.Event()
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NAMED = re.compile(r"^# (\S+\.py)$", re.MULTILINE)
BEGIN = "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT\n"


def blocks(page: str, kind: str) -> list[str]:
    """Return the blocks of one kind on a page."""
    found = BLOCK.findall((PAGES / page).read_text("utf-8"))
    return [text for language, text in found if language == kind]


@pytest.fixture(scope="module")
def surroundings(stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables and a folder as a reader has them, on a broker and a database without anything."""
    folder = tmp_path_factory.mktemp("reader")
    shutil.copytree(ROOT / "examples", folder / "examples")
    shutil.copytree(ROOT / "examples", folder / "workflows")
    name = f"p{uuid4().hex[:10]}"
    url = stack.addresses.database_url
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    port = free_port()
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": str(folder),
        "PORT": str(port),
        "API": f"http://127.0.0.1:{port}",
        "KAFKA_BOOTSTRAP_SERVERS": stack.addresses.kafka,
        "DATABASE_URL": url.rpartition("/")[0] + f"/{name}",
        "REDIS_URL": stack.addresses.redis_url,
        "SLUICEGATE_SESSION_TIMEOUT": "2",
        "SLUICEGATE_FETCH_WAIT_MS": "20",
        "LOG_FORMAT": "console",
    }


def until_served(url: str) -> None:
    """Wait until an API answers."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{url}/livez"):
                return
        except urllib.error.URLError:
            assert time.monotonic() < deadline, "the API does not serve"
            PAUSE.wait(0.05)


def run_page(page: str, env: Mapping[str, str]) -> str:
    """Run what a page says; fails with what was printed unless all of it succeeds."""
    folder = Path(env["HOME"])
    for text in blocks(page, "python"):
        named = NAMED.match(text)
        if named is not None:
            (folder / named.group(1)).write_text(text)
    script = BEGIN + "".join(f"set -x\n{text}" for text in blocks(page, "sh"))
    with (folder / f"{page}.log").open("w+") as log:
        done = subprocess.run(
            ["bash", "-c", script],
            env=dict(env),
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=200,
        )
        log.seek(0)
        printed = log.read()
    assert done.returncode == 0, printed[-6_000:]
    return printed


@pytest.fixture
def running(surroundings: dict[str, str]) -> Iterator[dict[str, str]]:
    """A worker and an API on the deployment that the page for operators has set up."""
    env = {**surroundings, "SLUICEGATE_AUTH": "none", "SLUICEGATE_DECISION_AUTH": "acl"}
    folder = Path(env["HOME"])
    for arguments in (("migrate", "--topics", "--partitions", "4"), ("apply", "workflows")):
        subprocess.run(["sluicegate", *arguments], env=env, cwd=folder, check=True)
    with (folder / "processes.log").open("ab") as log:
        processes = [
            subprocess.Popen(["sluicegate", verb], env=env, cwd=folder, stdout=log, stderr=log)
            for verb in ("worker", "serve")
        ]
    until_served(env["API"])
    yield env
    for process in processes:
        process.terminate()
    for process in processes:
        process.wait(30)


# S223
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_page_for_operators_sets_up_a_deployment_and_acts_on_it(
    surroundings: dict[str, str],
) -> None:
    printed = run_page("operating.md", surroundings)
    assert "created topic sluicegate.decisions" in printed
    assert "stock-alert: version 1" in printed
    assert "completed (executed)" in printed
    assert "dead letters replayed" in printed


# S223
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("page", ["publishing.md", "approval-ui.md"])
def test_the_pages_for_publishers_and_approvers_work_as_written(
    running: dict[str, str], page: str
) -> None:
    assert blocks(page, "sh")
    run_page(page, running)


def test_the_page_for_approvers_shows_the_example_whole() -> None:
    client = (ROOT / "examples" / "approval_client.py").read_text("utf-8")
    assert client in blocks("approval-ui.md", "python")


def test_the_page_for_operators_names_every_metric() -> None:
    page = (PAGES / "operating.md").read_text("utf-8")
    for name in MEASURES:
        assert f"sluicegate_{name}" in page


@pytest.mark.parametrize("page", ["publishing.md", "approval-ui.md", "operating.md"])
def test_links_of_the_pages_lead_somewhere(page: str) -> None:
    text = (PAGES / page).read_text("utf-8")
    headings = {
        re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)]+)\)", text):
        file, _, anchor = target.partition("#")
        if file:
            assert (PAGES / file).exists(), target
        else:
            assert anchor in headings, target
