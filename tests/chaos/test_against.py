"""`chaos --against`: somebody's own deployment, events and faults, and our checker."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.stack import EmbeddedStack
from tests.world import ROOT, World, a_world

ORDERS = """\
name: orders
trigger: { event: order.created }
steps:
  - id: kept
    execute: [{ create_record: { entity: order, id: "${order_id}", set: { total: "${total}" } } }]
  - id: large
    when: { total: { gte: 1000 } }
    approval: { title: "${order_id}", roles: [sales] }
"""
NAMES = (
    "KAFKA_BOOTSTRAP_SERVERS",
    "DATABASE_URL",
    "SLUICEGATE_TOPIC_PREFIX",
    "SLUICEGATE_GROUP_ID",
    "SLUICEGATE_EVENT_TOPICS",
)


def env_file(world: World, folder: Path) -> Path:
    path = folder / "own.env"
    path.write_text("".join(f"{name}={world.env[name]}\n" for name in NAMES))
    return path


def chaos(world: World, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    file = env_file(world, folder)
    return world.command("chaos", "--against", str(file), "--seed", "4", *arguments)


# S11
def test_a_deployment_of_ones_own_is_harmed_by_ones_own_command_and_checked(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    with a_world(stack, tmp_path, {"orders.yaml": ORDERS}) as world:
        world.start_worker()
        pid = world.start_worker().pid
        card_file = tmp_path / "card.json"
        freeze = f"kill -STOP {pid}; sleep 3; kill -CONT {pid}"
        done = chaos(
            world, tmp_path, "--executions", "60", "--fault", freeze, "--json", str(card_file)
        )
        assert done.returncode == 0, done.stdout + done.stderr
        card = json.loads(card_file.read_text())
        assert card["faults"] == {"planned": 1, "fired": 1, freeze: 1}
        assert card["executions"]["attempted"] == card["executions"]["completed"] == 60
        assert card["findings"] == []


# S11
def test_ones_own_events_run_ones_own_definitions_and_a_fault_that_fails_is_a_finding(
    stack: EmbeddedStack, tmp_path: Path
) -> None:
    events = tmp_path / "orders.jsonl"
    events.write_text(
        '{"type": "order.created", "data": {"order_id": "o{{n}}", "total": 5}}\n\n'
        '{"type": "order.created", "data": {"order_id": "o{{n}}", "total": 5000}}\n'
    )
    with a_world(stack, tmp_path, {"orders.yaml": ORDERS}) as world:
        world.start_worker()
        done = chaos(
            world, tmp_path, "--executions", "20", "--events", str(events), "--fault", "exit 3"
        )
        assert done.returncode == 1, done.stdout + done.stderr
        rows = world.query("select status, count(*) as n from workflow_executions group by 1")
    assert {row["status"]: row["n"] for row in rows} == {"completed": 10, "paused": 10}
    findings = [line for line in done.stdout.splitlines() if "not so:" in line]
    assert findings == ["  not so: all 1 planned faults happen (1: exit 3 (exit 3: ))"]


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        (
            "KAFKA_BOOTSTRAP_SERVERS=kafka.example.com:9092\nDATABASE_URL=postgresql://db.example/x",
            [],
            "kafka.example.com:9092 and db.example:5432/x, which are not on this machine",
        ),
        (
            "KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1\nDATABASE_URL=postgresql://db.example/x",
            [],
            "--yes",
        ),
        ("KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1", [], "DATABASE_URL is not set"),
    ],
)
def test_what_is_not_on_this_machine_or_not_named_is_refused(
    tmp_path: Path, text: str, arguments: list[str], message: str
) -> None:
    file = tmp_path / "own.env"
    file.write_text(text)
    done = a_command("--against", str(file), *arguments)
    assert done.returncode in (2, 4)
    assert message in done.stderr


def test_options_that_need_a_deployment_are_refused_without_one() -> None:
    done = a_command("--fault", "true")
    assert done.returncode == 2
    assert "--against" in done.stderr


def test_an_events_file_that_cannot_be_read_names_the_line(tmp_path: Path) -> None:
    env, events = tmp_path / "own.env", tmp_path / "events.jsonl"
    env.write_text("KAFKA_BOOTSTRAP_SERVERS=127.0.0.1:1\nDATABASE_URL=postgresql://localhost/x")
    events.write_text('{"type": "a", "data": {}}\n{"data": {}}\n')
    done = a_command("--against", str(env), "--events", str(events))
    assert done.returncode == 2
    assert f"{events}:2" in done.stderr


def a_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli", "chaos", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
