"""The HTTP interface against what no client means to send: no server error, no surprise."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from devstack.stack import EmbeddedStack
from tests.integration.conftest import a_server
from tests.world import ROOT, World, a_world

EXAMPLES = int(os.environ.get("SLUICEGATE_TEST_SCHEMATHESIS_EXAMPLES", "5"))
"""Inputs of each operation beside the systematic ones; with many, the search takes as long."""
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
)
ORDER = {"customer_id": "c-1", "currency": "EUR", "country": "DE", "email": "a@example.com"}


@pytest.fixture(scope="module")
def fuzzed(
    stack: EmbeddedStack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, str]]:
    """A deployment of its own with a worker and an API, which may be filled with nonsense."""
    folder = tmp_path_factory.mktemp("fuzzed")
    texts = {path.name: path.read_text() for path in (ROOT / "examples").glob("*.yaml")}
    with a_world(stack, folder, texts) as world:
        world.start_worker()
        with a_server(world) as url:
            yield world, url


def known_ids(world: World) -> dict[str, list[Any]]:
    """Make some executions, and return the ids by which operations find something."""
    for total in (120, 4650, 4651):
        order = {"order_id": f"o-{uuid4().hex[:6]}", "total": total, **ORDER}
        world.publish("order.created", order)
        if total > 1000:
            world.waiting(order_id=order["order_id"])
    world.produce(world.events_topic, b"{nonsense")
    world.dead_letter(b"{nonsense")
    runs = world.query("select execution_id from workflow_executions")
    requests = world.query("select request_id from approval_requests")
    letters = world.query("select id from dead_letters")
    assert (len(runs), len(requests), len(letters)) == (3, 2, 1)
    return {
        "ids": [row["execution_id"] for row in runs] + [letters[0]["id"]],
        "requests": [row["request_id"] for row in requests],
        "names": ["order-approval", "stock-alert"],
    }


def configuration(known: dict[str, list[Any]]) -> str:
    """Return a configuration by which half of the calls are about something that exists."""
    lines = [f"[dictionaries.{name}]\nvalues = {json.dumps(v)}\n" for name, v in known.items()]
    bound = {"path.id": "ids", "path.request_id": "requests", "path.name": "names"}
    lines.append('[parameters]\n"query.wait" = 0.05')
    lines += [
        f'"{name}" = {{ dictionary = "{values}", probability = 0.5 }}'
        for name, values in bound.items()
    ]
    return "\n".join((*lines, "[warnings]\nenabled = false\n"))


# S200 S201 S202 S203 S204 S205
def test_no_call_ends_in_a_server_error_or_in_an_answer_that_the_document_does_not_name(
    fuzzed: tuple[World, str], tmp_path: Path
) -> None:
    world, url = fuzzed
    (tmp_path / "schemathesis.toml").write_text(configuration(known_ids(world)))
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            "--config-file", str(tmp_path / "schemathesis.toml"),
            "run", f"{url}/openapi.json",
            "--checks", ",".join(CHECKS),
            "--phases", "examples,coverage,fuzzing",
            "--exclude-path", "/api/v1/stream",
            "--max-examples", str(EXAMPLES),
            "--generation-deterministic",
            "--generation-allow-x00", "true",
            "--continue-on-failure",
            "--no-color",
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=100 + 20 * EXAMPLES,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
