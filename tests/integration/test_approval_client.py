"""The example of an approval UI of one's own: on two topics, with nothing of ours."""

import ast
import subprocess
import sys
from uuid import uuid4

from tests.integration.test_api import an_order
from tests.world import ROOT, World

CLIENT = ROOT / "examples" / "approval_client.py"


def run_client(world: World, *arguments: str) -> "subprocess.CompletedProcess[str]":
    env = {
        "PATH": world.env["PATH"],
        "KAFKA_BOOTSTRAP_SERVERS": world.env["KAFKA_BOOTSTRAP_SERVERS"],
        "SLUICEGATE_TOPIC_PREFIX": world.env["SLUICEGATE_TOPIC_PREFIX"],
    }
    return subprocess.run(
        [sys.executable, str(CLIENT), *arguments],
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_it_is_short_and_imports_nothing_of_ours() -> None:
    text = CLIENT.read_text()
    assert len(text.splitlines()) < 60
    modules = {
        node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert modules == {"json", "os", "sys", "typing", "uuid", "confluent_kafka"}


# S119 S217 S218
def test_it_lists_decides_and_prints_the_receipt(shop: World) -> None:
    orders = [an_order(), an_order()]
    for order in orders:
        shop.publish("order.created", order)
    first, second = (shop.waiting(order_id=order["order_id"]) for order in orders)
    listed = run_client(shop)
    assert listed.returncode == 0, listed.stderr
    assert f"{first['wait_id']} {first['title']} ['sales-manager']" in listed.stdout
    assert second["wait_id"] in listed.stdout
    decided = run_client(shop, first["wait_id"], "approved", "ana@example.com")
    assert decided.returncode == 0, decided.stderr
    assert '"result": "applied"' in decided.stdout
    assert "approved by ana@example.com" in decided.stdout
    shop.life_cycle(first["execution_id"], "execution.completed")
    left = run_client(shop).stdout
    assert first["wait_id"] not in left
    assert second["wait_id"] in left


def test_it_prints_why_a_decision_is_refused(shop: World) -> None:
    order = an_order(order_id=uuid4().hex)
    shop.publish("order.created", order)
    waiting = shop.waiting(order_id=order["order_id"])
    refused = run_client(shop, waiting["wait_id"], "odd", "ana@example.com")
    assert '"code": "invalid_outcome"' in refused.stdout, refused.stderr
