"""A worker reaches people, foreign databases and installed packages (requirements.md S52, S81)."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from devstack.stack import EmbeddedStack
from tests.sink import Sink
from tests.unit.actions.post import PostOffice, open_office
from tests.world import World, a_world

DEFINITION = """
name: reaching-out
trigger: { event: order.late }
context:
  load:
    order: { resource: order.details, id: "${order_id}" }
    risk: { resource: risk.score, id: "${order_id}" }
steps:
  - id: tell
    execute:
      - notify:
          channel: email
          to: "${email}"
          template: order-late
          data: { id: "${order_id}", total: "${order.total}", risk: "${risk.score}" }
      - notify: { channel: slack, to: "#late", message: "Order ${order_id} is late" }
      - page: { who: "${email}" }
"""
RESOURCES = """
order.details:
  kind: sql
  query: "select total, placed_at from orders_elsewhere where id = %(id)s"
  dsn: "${secrets.SHOP_DSN}"
risk.score: { kind: python, entry_point: risk }
"""
PACKAGE = """
from actions.results import Succeeded

def risk(id):
    return {"score": len(id)}

class Page:
    idempotent = True

    async def perform(self, request):
        return Succeeded({"paged": request.params["who"]})
"""
POINTS = "[sluicegate.loaders]\nrisk = ours:risk\n[sluicegate.actions]\npage = ours:Page\n"


@contextmanager
def open_in_thread(office: PostOffice) -> Iterator[PostOffice]:
    """Serve mails beside a test that is not async."""
    opened, loop, closing = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def serve() -> None:
        async with open_office(office):
            opened.set()
            await closing.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    assert opened.wait(10)
    yield office
    loop.call_soon_threadsafe(closing.set)
    thread.join(10)
    loop.close()


@pytest.fixture(scope="module")
def office() -> Iterator[PostOffice]:
    with open_in_thread(PostOffice()) as running:
        yield running


@pytest.fixture(scope="module")
def outward(
    stack: EmbeddedStack, sink: Sink, office: PostOffice, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """A deployment with a mail server, a chat, a foreign database and an installed package."""
    folder = tmp_path_factory.mktemp("outward")
    site, words = install(folder), folder / "words"
    words.mkdir()
    (words / "order-late.email.txt").write_text("Subject: Order ${id}\n\n${total} at ${risk}\n")
    flows = folder / "flows"
    flows.mkdir()
    shop = stack.addresses.database_url
    with psycopg.connect(shop, autocommit=True) as connection:
        connection.execute(
            "create table orders_elsewhere (id text primary key, total numeric(9, 2), "
            "placed_at timestamptz default now())"
        )
    with a_world(
        stack,
        flows,
        {"reaching-out.yaml": DEFINITION, "resources.yaml": RESOURCES},
        PYTHONPATH=str(site),
        SLUICEGATE_SECRET_SHOP_DSN=shop,
        SLUICEGATE_SMTP_URL=f"smtp://127.0.0.1:{office.port}",
        SLUICEGATE_SMTP_FROM="gate@shop.example",
        SLUICEGATE_NOTIFY_SLACK_URL=f"{sink.url}/slack/canary-hook",
        SLUICEGATE_TEMPLATES=str(words),
        SLUICEGATE_WEBHOOK_ALLOW="",
    ) as running:
        running.start_worker()
        yield running


def install(folder: Path) -> Path:
    """Write a package with entry points as an installer does; return the folder to search."""
    site = folder / "site"
    info = site / "ours-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "ours.py").write_text(PACKAGE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ours\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    return site


# S52 S79 S81
def test_an_execution_reads_a_database_asks_a_package_and_tells_people(
    outward: World, sink: Sink, office: PostOffice
) -> None:
    id = f"o-{uuid4().hex}"
    with psycopg.connect(outward.env["SLUICEGATE_SECRET_SHOP_DSN"], autocommit=True) as connection:
        connection.execute("insert into orders_elsewhere values (%s, 99.5)", [id])
    event = outward.publish("order.late", {"order_id": id, "email": "ana@example.com"})
    (execution_id,) = outward.started_by(event)
    sql = "select * from workflow_executions where execution_id = %s and completed_at is not null"
    (execution,) = outward.until(sql, execution_id)
    assert (execution["status"], execution["error_message"]) == ("completed", None)
    (mail,) = office.mails
    assert (mail.sender, mail.to) == ("gate@shop.example", ("ana@example.com",))
    assert (mail.message["Subject"], mail.text.strip()) == (f"Order {id}", "99.5 at 34")
    (call,) = sink.calls_to("/slack/canary-hook")
    assert call.json == {"text": f"*#late*\nOrder {id} is late"}
    mailed, chatted, paged = execution["context"]["steps"]["tell"]["output"]
    assert mailed["message_id"] == mail.message["Message-ID"]
    assert (chatted, paged) == ({"channel": "slack", "status": 200}, {"paged": "ana@example.com"})
    assert "canary-hook" not in outward.worker_logs()
