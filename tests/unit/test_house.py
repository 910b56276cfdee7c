"""The rooms of the house (architecture.md, Folders) and what may be in them."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.verbs import STEP_TYPES

ROOT = Path(__file__).parents[2]
ROOMS = ("actions", "api", "cli", "config", "devstack", "engine", "storage", "streams")
CARD = ("pyproject.toml", "streams", "engine", "storage", "config", "tests", "docker-compose.yml")


def imported(folder: str) -> Iterator[tuple[Path, str]]:
    """Yield the modules that the files of a room name in imports."""
    for file in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Import(names=names):
                    yield from ((file, name.name) for name in names)
                case ast.ImportFrom(module=str(module)):
                    yield file, module


# S222
def test_the_top_level_is_as_the_design_card_says() -> None:
    listed = subprocess.run(
        ["git", "ls-tree", "--name-only", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert set(CARD) <= set(listed)
    assert {"actions", "api", "cli", "devstack", "docs", "examples", "bench"} <= set(listed)


# S216
def test_only_streams_knows_faust() -> None:
    users = {
        file.relative_to(ROOT).parts[0]
        for room in ROOMS
        for file, module in imported(room)
        if module.split(".")[0] in ("faust", "mode", "aiokafka")
    }
    assert users == {"streams"}


# S214
def test_the_engine_imports_nothing_of_the_other_rooms() -> None:
    others = {
        module
        for _, module in imported("engine")
        if module.split(".")[0] in ROOMS and not module.startswith("engine")
    }
    assert others == set()


# S214
@pytest.mark.parametrize(
    "path",
    sorted(
        set(
            re.findall(
                r"`([a-z_]+/[a-z_/]*(?:\.py)?)`", (ROOT / "docs/components.md").read_text("utf-8")
            )
        )
    ),
)
def test_every_place_that_the_table_of_components_names_exists(path: str) -> None:
    assert (ROOT / path).exists()


# S34
def test_the_predecessors_action_step_is_one_of_allow_block_and_execute() -> None:
    actions = {verb.__name__ for verb, kind in STEP_TYPES.items() if kind == "action"}
    assert actions == {"AllowVerb", "BlockVerb", "ExecuteVerb"}
