"""How quick and how light screens and lists are in a large deployment: `make bench-pages`."""

import argparse
import asyncio
import gzip
import http.client
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from bench.run import ROOT, Bench, machine
from bench.seeding import seed
from bench.stories import STORIES, Teller, definitions
from bench.usage import cpu_seconds, tree_cpu_seconds
from devstack.processes import free_port
from devstack.stack import EmbeddedStack

SAMPLES = 40
"""Different executions and requests that are looked at in turn."""
LIVE_PAGES = 200
IDLE_SECONDS = 20.0
BIG_ROWS = 5_000
"""Tables and partitions from this size on must never be read as a whole."""
SCANS = """
select relname, seq_scan from pg_stat_user_tables
where (select reltuples from pg_class where oid = relid) >= %s
"""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
ASSET = re.compile(rb'(?:src|href)="(/static/[^"]+)"')
Addresses = Mapping[str, Sequence[str]]


@contextmanager
def served(bench: Bench) -> Iterator[tuple[str, int]]:
    """Serve the pages; yield their address and the process."""
    port = free_port()
    with (bench.folder / "serve.log").open("ab") as log:
        argv = [sys.executable, "-m", "cli", "serve", "--port", str(port)]
        server = subprocess.Popen(argv, env=bench.env, cwd=ROOT, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 30
        while not _answers(f"{url}/readyz"):
            if time.monotonic() > deadline:
                raise SystemExit(f"nobody answers at {url}; see {bench.folder / 'serve.log'}")
            time.sleep(0.1)
        yield url, server.pid
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(20)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False


def fill(bench: Bench, executions: int, waiting: int) -> dict[str, Any]:
    """Play the stories and multiply them, unless that was done before; return how long it took."""
    bench.command("migrate", "--topics", "--partitions", "4")
    row = bench.db.execute("select count(*) from workflows").fetchone()
    if row and row[0]:
        return {}
    workflows = bench.folder / "workflows"
    workflows.mkdir(exist_ok=True)
    for name, text in definitions().items():
        (workflows / name).write_text(text)
    bench.command("apply", str(workflows))
    bench.start_worker()
    with served(bench) as (url, _):
        teller = Teller(url)
        public = [teller.tell(number, story) for number, story in enumerate(STORIES)]
        ids = [str(teller.get(f"/executions/{id}")["id"]) for id in public]
    bench.stop_worker()
    begun = time.monotonic()
    seed(bench.stack.addresses.database_url, ids, executions, waiting)
    return {"seconds": round(time.monotonic() - begun, 1)}


def _column(bench: Bench, query: str) -> list[str]:
    return [str(row[0]) for row in bench.db.execute(query.encode()).fetchall()]


def addresses(bench: Bench) -> Addresses:
    """Return what to ask for: screens and lists with their filters, common and rare ones."""
    some = f"order by random() limit {SAMPLES}"
    ids = _column(bench, f"select execution_id from workflow_executions {some}")
    asked = _column(
        bench, f"select request_id from approval_requests where status = 'pending' {some}"
    )
    keys = _column(
        bench, f"select trigger_key from workflow_executions where trigger_key is not null {some}"
    )
    letters = _column(bench, f"select id from dead_letters {some}")
    [middle] = _column(bench, "select (now() - interval '20 days')::timestamp::date::text")
    return {
        **_inbox(),
        "approval": [f"/approvals/{id}" for id in asked],
        **_executions(middle, keys),
        "execution": [f"/executions/{id}" for id in ids],
        "execution, a step": [f"/executions/{id}?axis=log&step=done" for id in ids],
        "workflows": ["/workflows"],
        "workflow": ["/workflows/order-approval"],
        "workflow, rare": ["/workflows/contract-signature-7"],
        "health": ["/health"],
        "dead letters": ["/dead-letters"],
        "dead letters, any": ["/dead-letters?status=any"],
        "dead letter": [f"/dead-letters/{id}" for id in letters],
        **_api(middle, keys, ids, asked),
    }


def _inbox() -> Addresses:
    return {
        "inbox": ["/"],
        "inbox, role": ["/?role=sales-manager"],
        "inbox, rare role": ["/?role=general-counsel"],
        "inbox, unknown role": ["/?role=nobody"],
        "inbox, workflow": ["/?workflow=order-approval"],
        "inbox, rare workflow": ["/?workflow=contract-signature-7"],
        "inbox, workflow without requests": ["/?workflow=stock-alert"],
        "inbox, role and workflow": ["/?role=finance&workflow=refund-approval-3"],
        "inbox, role and workflow that never meet": ["/?role=finance&workflow=order-approval"],
        "inbox, mine": ["/?mine=true"],
    }


def _executions(middle: str, keys: Sequence[str]) -> Addresses:
    page = "/executions"
    statuses = ("pending", "running", "paused", "completed", "blocked", "failed", "cancelled")
    return {
        "executions": [page],
        **{f"executions, {status}": [f"{page}?status={status}"] for status in statuses},
        "executions, key": [f"{page}?key={key}" for key in keys],
        "executions, unknown key": [f"{page}?key=none"],
        "executions, workflow": [f"{page}?workflow=order-approval"],
        "executions, rare workflow": [f"{page}?workflow=contract-signature-7"],
        "executions, workflow and status": [f"{page}?workflow=order-approval&status=paused"],
        "executions, workflow and no such status": [
            f"{page}?workflow=probation-end&status=completed"
        ],
        "executions, time": [f"{page}?since={middle}&until={middle}T06:00"],
        "executions, time and status": [f"{page}?until={middle}&status=blocked"],
    }


def _api(middle: str, keys: Sequence[str], ids: Sequence[str], asked: Sequence[str]) -> Addresses:
    lists = {
        "executions": (
            "status=paused",
            "status=cancelled",
            "status=failed",
            "result=executed",
            "result=failed",
            "result=blocked",
            "workflow=order-approval",
            "workflow=contract-signature-7",
            "workflow=none",
            "workflow=probation-end&status=completed",
            "trigger=order.created",
            "trigger=contract.drafted",
            "trigger=none",
            "label=team",
            "label=region",
            "label=team=legal",
            "label=none",
            "waiting_on=approval",
            "waiting_on=event",
            "waiting_on=timer",
            "waiting_on=hold",
            "waiting_on=sales-manager",
            "waiting_on=general-counsel",
            "waiting_on=lea@example.com",
            "waiting_on=payment.settled",
            "waiting_on=none",
            f"waiting_on={asked[0]}",
            f"until={middle}",
            "limit=200",
        ),
        "approvals": (
            "",
            "role=sales-manager",
            "role=general-counsel",
            "user=ana@example.com",
            "user=lea@example.com",
            "user=none",
            "workflow=order-approval",
            "workflow=contract-signature-7",
            "workflow=none",
            "role=finance&workflow=order-approval",
            "status=approved",
            "status=rejected",
            "status=expired",
            "status=cancelled",
            "status=any",
            "status=any&role=finance",
            "status=approved&workflow=refund-approval-3",
        ),
        "waits": (
            "",
            "kind=approval",
            "kind=timer",
            "kind=event",
            "workflow=order-approval",
            "workflow=contract-signature-7",
            "workflow=none",
            "status=closed",
            "status=closed&kind=event",
            "status=any",
        ),
        "dead-letters": ("", "status=open", "error_type=undecodable", "topic=none"),
    }
    api = "/api/v1"
    named = {
        f"GET {api}/{path}?{filter}": [f"{api}/{path}?{filter}"]
        for path, filters in lists.items()
        for filter in filters
    }
    return named | {
        f"GET {api}/executions?key=": [f"{api}/executions?key={key}" for key in keys],
        f"GET {api}/executions/ID": [f"{api}/executions/{id}" for id in ids],
        f"GET {api}/executions/ID/trace": [f"{api}/executions/{id}/trace" for id in ids],
        f"GET {api}/approvals/ID": [f"{api}/approvals/{id}" for id in asked],
        f"GET {api}/workflows": [f"{api}/workflows"],
        "GET /metrics": ["/metrics"],
    }


class Unanswered(Exception):
    """A page that did not come."""


class Visitor:
    """One connection that is kept, as a browser's is."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=30)

    def get(self, path: str) -> tuple[float, bytes, int]:
        """Return how long an answer took in ms, its body, and its size as sent."""
        headers = {
            "Accept": "text/html",
            "Accept-Encoding": "gzip",
            "Cookie": "sluicegate_name=ana%40example.com; sluicegate_roles=finance",
        }
        begun = time.perf_counter()
        self._connection.request("GET", path, headers=headers)
        answer = self._connection.getresponse()
        sent = answer.read()
        took = (time.perf_counter() - begun) * 1000
        if answer.status != 200:
            raise Unanswered(f"{path} answered {answer.status}")
        packed = answer.headers.get("Content-Encoding") == "gzip"
        return took, gzip.decompress(sent) if packed else sent, len(sent)


def scans(database: psycopg.Connection) -> dict[str, int]:
    """Return how often each big table has been read as a whole."""
    return dict(database.execute(SCANS, (BIG_ROWS,)).fetchall())


def measure(
    bench: Bench, pid: int, visitor: Visitor, paths: Sequence[str], requests: int
) -> dict[str, Any]:
    """Ask for a page often; return its times, its weight, and which tables it read as a whole."""
    for path in paths[:3]:
        visitor.get(path)
    before, times, size = scans(bench.db), [], 0
    spent = [cpu_seconds(pid), tree_cpu_seconds(bench.stack.pids["postgres"])]
    for number in range(requests):
        took, _, size = visitor.get(paths[number % len(paths)])
        times.append(took)
    used = [cpu_seconds(pid), tree_cpu_seconds(bench.stack.pids["postgres"])]
    # Servers report what they did at most once a second.
    time.sleep(1.1)
    after = scans(bench.db)
    times.sort()
    return {
        "p50_ms": round(statistics.median(times), 1),
        "p99_ms": round(times[int(len(times) * 0.99) - 1], 1),
        "cpu_ms": round((sum(used) - sum(spent)) / requests * 1000, 1),
        "sent_bytes": size,
        "sequential_scans": sorted(name for name, count in after.items() if count > before[name]),
    }


def weight(visitor: Visitor, path: str) -> int:
    """Return the bytes of a page with its styles and scripts, compressed, without images."""
    _, html, sent = visitor.get(path)
    parts = sorted({part.decode() for part in ASSET.findall(html) if b".svg" not in part})
    return sent + sum(visitor.get(part)[2] for part in parts)


async def _look(address: str, path: str) -> None:
    """Read a stream until cancelled."""
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(f"GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n".encode())
    while await reader.read(65_536):
        pass
    writer.close()


async def idle(bench: Bench, url: str, pid: int, looked_at: Addresses) -> dict[str, Any]:
    """Measure what open live pages cost while nothing happens, in percent of a core."""
    kinds = ("execution", "approval", "inbox", "executions", "health")
    paths = {kind: [f"/live{path}" for path in looked_at[kind]] for kind in kinds}
    paths["inbox"] = ["/live/inbox"]
    database, address = bench.stack.pids["postgres"], url.removeprefix("http://")
    async with asyncio.TaskGroup() as group:
        windows = [
            group.create_task(_look(address, paths[kind][n // len(kinds) % len(paths[kind])]))
            for n in range(LIVE_PAGES)
            for kind in (kinds[n % len(kinds)],)
        ]
        await asyncio.sleep(5)
        before = cpu_seconds(pid), tree_cpu_seconds(database)
        await asyncio.sleep(IDLE_SECONDS)
        after = cpu_seconds(pid), tree_cpu_seconds(database)
        ended = sum(window.done() for window in windows)
        for window in windows:
            window.cancel()
    if ended:
        raise SystemExit(f"{ended} live pages ended by themselves")
    spent = [(b - a) / IDLE_SECONDS * 100 for a, b in zip(before, after, strict=True)]
    return {
        "live_pages": len(windows),
        "serve_percent_of_a_core": round(spent[0], 1),
        "database_percent_of_a_core": round(spent[1], 1),
    }


def first_paint(url: str) -> dict[str, Any]:
    """Return when Chromium first paints the inbox, nothing cached; nothing without Chromium."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        return {}
    from playwright.sync_api import sync_playwright

    script = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
    times = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        for _ in range(11):
            page = browser.new_page()
            page.goto(f"{url}/")
            page.wait_for_function(script)
            times.append(float(page.evaluate(script)))
            page.close()
        browser.close()
    return {
        "first_contentful_paint_ms": round(statistics.median(times), 1),
        "slowest_ms": round(max(times), 1),
    }


def run(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Fill a deployment, and look at everything."""
    report: dict[str, Any] = machine() | {"executions": options.executions}
    report |= {"requests": options.requests, "load_at_start": os.getloadavg()}
    with EmbeddedStack(folder / "stack") as stack:
        bench = Bench(stack, folder, 20)
        report["seeding"] = fill(bench, options.executions, options.waiting)
        with served(bench) as (url, pid):
            visitor, looked_at, pages = Visitor(url), addresses(bench), {}
            report["first_paint"] = first_paint(url)
            for name, paths in looked_at.items():
                if options.only in name:
                    pages[name] = _look_at(bench, pid, visitor, name, paths, options.requests)
            report["pages"] = pages
            report["weight_bytes"] = {
                name: weight(visitor, looked_at[name][0])
                for name in ("inbox", "approval", "executions", "execution", "workflow", "health")
            }
            report["load_at_end"] = os.getloadavg()
            report["idle"] = asyncio.run(idle(bench, url, pid, looked_at))
    return report


def _look_at(
    bench: Bench, pid: int, visitor: Visitor, name: str, paths: Sequence[str], requests: int
) -> dict[str, Any]:
    try:
        found = measure(bench, pid, visitor, paths, requests)
    except Unanswered as problem:
        print(f"{name:<58} {problem}", flush=True)
        return {"problem": str(problem)}
    show(name, found)
    return found


def show(name: str, found: Mapping[str, Any]) -> None:
    """Print the figures of one page."""
    slow = " SLOW" if found["p99_ms"] > 50 else ""
    read = f" reads all of {', '.join(found['sequential_scans'])}" * bool(found["sequential_scans"])
    print(
        f"{name:<58} {found['p50_ms']:>7} {found['p99_ms']:>7} ms, CPU {found['cpu_ms']:>5} ms"
        f"{slow}{read}",
        flush=True,
    )


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executions", type=int, default=1_000_000)
    parser.add_argument("--waiting", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--only", default="", help="only what has this in its name; writes nothing")
    parser.add_argument("--folder", type=Path, help="keep the deployment here, and use it again")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sluicegate-pages-") as made:
        folder = options.folder or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        report = run(folder.resolve(), options)
    print(json.dumps({name: report[name] for name in report if name != "pages"}, indent=2))
    if not options.only:
        target = ROOT / "bench" / "results" / f"pages-{datetime.now(UTC):%Y-%m-%d}.json"
        target.write_text(json.dumps(report, indent=2) + "\n")
        print(f"written to {target.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
