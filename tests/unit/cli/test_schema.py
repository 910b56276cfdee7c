"""`sluicegate schema`: what editors load."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

from engine.language.schema import resources_schema, workflow_schema

ROOT = Path(__file__).parents[3]


def sluicegate(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cli", *arguments],
        env={"PATH": os.environ["PATH"]},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_schema_of_workflows_is_printed() -> None:
    done = sluicegate("schema")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == workflow_schema()


def test_the_schema_of_resources_is_printed() -> None:
    done = sluicegate("schema", "--resources")
    assert done.returncode == 0
    assert json.loads(done.stdout) == resources_schema()


def test_an_unknown_option_is_a_mistake_of_usage() -> None:
    assert sluicegate("schema", "--resource-file").returncode == 2


def test_the_language_is_described_without_loading_anything_heavy() -> None:
    code = "import sys, engine.language.schema as s; s.workflow_schema(); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    heavy = {"pydantic", "orjson", "re2", "ruamel", "typer", "engine.conditions", "asyncio"}
    assert not heavy & set(done.stdout.split())


def test_the_schemas_are_shipped_in_the_wheel() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"]["docs/schema"] == "cli/schemas"
    assert "COPY docs/schema docs/schema" in (ROOT / "Dockerfile").read_text()
