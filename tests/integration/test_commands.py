"""The command line: what it prints and how it exits."""

import json
import os
import resource
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from tests.world import ROOT, World

CLEAN = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/tmp")}


def sluicegate(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        env={**CLEAN, **env},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("command", ["worker", "serve"])
def test_a_production_process_without_settings_names_the_missing_variable(command: str) -> None:
    done = sluicegate(command)
    assert done.returncode == 4
    assert "KAFKA_BOOTSTRAP_SERVERS" in done.stderr
    assert "sluicegate dev" in done.stderr
    done = sluicegate(command, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert done.returncode == 4
    assert "DATABASE_URL" in done.stderr


@pytest.mark.parametrize(
    ("variable", "value"),
    [("SLUICEGATE_AUTH", "token"), ("SLUICEGATE_DECISION_AUTH", "signed")],
)
def test_a_mode_that_is_not_built_is_refused_at_start(variable: str, value: str) -> None:
    env = {
        "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
        "DATABASE_URL": "postgresql://u:secret@127.0.0.1:1/x",
        "SLUICEGATE_AUTH": "none",
        "SLUICEGATE_DECISION_AUTH": "acl",
        variable: value,
    }
    done = sluicegate("worker", **env)
    assert done.returncode == 4
    assert f"{variable}={value}" in done.stderr


@pytest.mark.parametrize("arguments", [("executions", "list"), ("migrate",), ("doctor",)])
def test_an_unreachable_database_is_named_without_its_password(arguments: tuple[str, ...]) -> None:
    done = sluicegate(*arguments, DATABASE_URL="postgresql://u:secret@127.0.0.1:1/x")
    assert done.returncode == 4
    assert "127.0.0.1:1" in done.stderr + done.stdout
    assert "secret" not in done.stderr + done.stdout


def test_an_unreachable_broker_is_named() -> None:
    done = sluicegate("send", "a.b", KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")
    assert done.returncode == 4
    assert "127.0.0.1:1" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "seconds"), [(("--help",), 0.4), (("validate", "examples"), 0.8)]
)
def test_help_and_validate_are_quick(arguments: tuple[str, ...], seconds: float) -> None:
    # What the processor does: how long it takes depends on who else is at work.
    sluicegate(*arguments)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert sluicegate(*arguments).returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert used < seconds


def test_apply_registers_nothing_when_one_file_has_mistakes(shop: World, tmp_path: Path) -> None:
    good = (ROOT / "examples" / "stock-alert.yaml").read_text().replace("stock-alert", "brand-new")
    (tmp_path / "good.yaml").write_text(good)
    (tmp_path / "bad.yaml").write_text("name: bad\ntrigger: { event: a }\nsteps:\n  - id: X\n")
    done = shop.command("apply", str(tmp_path))
    assert done.returncode == 1
    assert "bad.yaml:4:5: a step needs one of: condition" in done.stderr
    assert shop.query("select 1 as x from workflows where name = 'brand-new'") == []


# S14
def test_a_changed_definition_becomes_a_new_version_and_the_old_ones_stay(
    shop: World, tmp_path: Path
) -> None:
    name = f"w{uuid4().hex[:8]}"
    text = f"name: {name}\ntrigger: {{ event: {name} }}\nsteps:\n  - id: a\n    allow: {{}}\n"
    (tmp_path / "w.yaml").write_text(text)
    assert f"{name}: version 1" in shop.command("apply", str(tmp_path)).stdout
    assert "no definition has changed" in shop.command("apply", str(tmp_path)).stdout
    (tmp_path / "w.yaml").write_text(text + "    when: { a: { eq: 1 } }\n")
    assert f"{name}: version 2" in shop.command("apply", str(tmp_path)).stdout
    rows = shop.query("select version from workflows where name = %s order by 1", name)
    assert [row["version"] for row in rows] == [1, 2]


def test_an_order_is_sent_listed_and_approved_from_the_terminal(shop: World) -> None:
    order = {
        "order_id": uuid4().hex,
        "customer_id": "c-77",
        "total": 2000,
        "currency": "EUR",
        "country": "DE",
    }
    sent = shop.command("send", "order.created", "--data", json.dumps(order))
    assert sent.returncode == 0, sent.stderr
    waiting = shop.waiting(order_id=order["order_id"])
    listed = shop.command("approvals", "list", "--json", "--limit", "200")
    assert waiting["wait_id"] in [item["request_id"] for item in json.loads(listed.stdout)["items"]]
    shown = shop.command("approvals", "show", waiting["wait_id"])
    assert waiting["title"] in shown.stdout
    done = shop.command(
        "approvals", "approve", waiting["wait_id"], "--by", "ana", "--form", '{"discount_pct": 1}'
    )
    assert (done.returncode, done.stdout) == (0, "applied: approved by ana\n")
    again = shop.command("approvals", "reject", waiting["wait_id"], "--by", "bo")
    assert again.returncode == 1
    assert "already_decided" in again.stderr
    shop.life_cycle(waiting["execution_id"], "execution.completed")
    trace = shop.command("executions", "trace", waiting["execution_id"])
    assert "completed (allowed)" in trace.stdout
    as_json = shop.command("executions", "show", waiting["execution_id"], "--json")
    assert json.loads(as_json.stdout)["status"] == "completed"
    assert shop.command("executions", "show", "exec_" + "0" * 32).returncode == 3
    assert shop.command("executions", "list", "--key", str(order["order_id"])).returncode == 0
    assert shop.command("dead-letters", "list", "--json").returncode == 0


def test_the_doctor_finds_a_sound_deployment_sound(shop: World) -> None:
    done = shop.command("doctor", "--json")
    bad = [check for check in json.loads(done.stdout) if not check["ok"]]
    assert (done.returncode, bad) == (0, [])


def test_migrate_check_tells_what_is_missing(shop: World) -> None:
    assert shop.command("migrate", "--check", "--topics").returncode == 0
    missing = shop.command("migrate", "--check", "--topics", SLUICEGATE_TOPIC_PREFIX="other.")
    assert missing.returncode == 5
    assert "missing: topic other.decisions" in missing.stdout
