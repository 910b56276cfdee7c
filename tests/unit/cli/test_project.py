"""`sluicegate new`, `asyncapi` and shell completion: what needs no deployment."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from cli.definitions import read_sound_folder
from cli.dev import find_definitions

ROOT = Path(__file__).parents[3]
SCRIPT = Path(sys.executable).with_name("sluicegate")


def sluicegate(*arguments: str, cwd: Path, **env: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(SCRIPT), *arguments],
        env={"PATH": os.environ["PATH"], "HOME": str(cwd), **env},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_new_project_is_sound_and_its_tests_pass(tmp_path: Path) -> None:
    made = sluicegate("new", "my-orders", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    project = tmp_path / "my-orders"
    assert "cd my-orders" in made.stdout
    for path in ("workflows/my-orders.yaml", "docker-compose.yml", ".vscode/settings.json"):
        assert f"made my-orders/{path}" in made.stdout
        assert (project / path).is_file()
    assert sluicegate("validate", "workflows", cwd=project).returncode == 0
    tested = sluicegate("test", cwd=project)
    assert (tested.returncode, "3 passed, 0 failed" in tested.stdout) == (0, True), tested.stdout


def test_every_command_finds_the_definitions_of_a_project_in_its_folder(tmp_path: Path) -> None:
    sluicegate("new", "mine", cwd=tmp_path)
    project = tmp_path / "mine"
    assert sluicegate("validate", "mine", cwd=tmp_path).returncode == 0
    explained = sluicegate("explain", "mine", "--type", "x.y", "--event", "{}", cwd=tmp_path)
    assert explained.stdout.startswith("mine: does not start"), explained.stdout
    assert [each.name for each in read_sound_folder(project).definitions] == ["mine"]
    assert find_definitions(project) == project / "workflows"


def test_a_folder_without_definitions_is_not_taken_for_unchanged_ones(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        read_sound_folder(tmp_path)
    assert ended.value.code == 2
    assert f"no workflow definition was found in {tmp_path} (*.yaml" in capsys.readouterr().err


def test_the_files_of_a_new_project_name_each_other(tmp_path: Path) -> None:
    assert sluicegate("new", "mine", cwd=tmp_path).returncode == 0
    project = tmp_path / "mine"
    first = (project / "workflows/mine.yaml").read_text().splitlines()[0]
    schema = first.partition("$schema=")[2]
    assert json.loads((project / "workflows" / schema).read_text())["title"]
    schemas = json.loads((project / ".vscode/settings.json").read_text())["yaml.schemas"]
    assert all((project / path).is_file() for path in schemas)
    compose = YAML(typ="safe").load((project / "docker-compose.yml").read_text())
    own = YAML(typ="safe").load((ROOT / "docker-compose.yml").read_text())
    assert compose["services"].keys() == own["services"].keys()
    assert compose["services"]["kafka"] == own["services"]["kafka"]
    assert compose["services"]["apply"]["volumes"] == ["./workflows:/workflows:ro"]


@pytest.mark.parametrize("name", ["My Orders", "../up", "", "-x", "a/b"])
def test_a_project_needs_a_name_that_is_a_workflows_name(tmp_path: Path, name: str) -> None:
    done = sluicegate("new", "--", name, cwd=tmp_path)
    assert done.returncode == 2
    assert "my-orders" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    done = sluicegate("new", "mine", cwd=tmp_path)
    assert done.returncode == 1
    assert "choose another name" in done.stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_asyncapi_prints_the_document_of_this_deployment(tmp_path: Path) -> None:
    done = sluicegate(
        "asyncapi", cwd=tmp_path, SLUICEGATE_TOPIC_PREFIX="mine.", SLUICEGATE_EVENT_TOPICS="a,~b.*"
    )
    found = json.loads(done.stdout)
    assert found["asyncapi"] == "3.0.0"
    channels = found["channels"]
    assert channels["decisions"]["address"] == "mine.decisions"
    assert (channels["events"]["address"], channels["events2"]["address"]) == ("a", None)
    assert "receiveEvents2" in found["operations"]


def test_the_document_in_docs_is_what_the_command_prints(tmp_path: Path) -> None:
    printed = sluicegate("asyncapi", cwd=tmp_path).stdout
    assert printed == (ROOT / "docs/reference/asyncapi.json").read_text()


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("sluicegate exec", "executions"),
        ("sluicegate executions tr", "trace"),
        ("sluicegate approvals list --st", "--status"),
        ("sluicegate executions list --status pa", "paused"),
    ],
)
def test_the_shell_completes_commands_options_and_values(
    tmp_path: Path, words: str, completed: str
) -> None:
    done = sluicegate(
        cwd=tmp_path,
        _SLUICEGATE_COMPLETE="complete_bash",
        COMP_WORDS=words,
        COMP_CWORD=str(len(words.split()) - 1),
    )
    assert done.stdout.split() == [completed], done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_shown_and_installed_for_a_shell(tmp_path: Path, shell: str) -> None:
    named = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    shown = sluicegate("--show-completion", shell, cwd=tmp_path, **named)
    assert (shown.returncode, "_SLUICEGATE_COMPLETE" in shown.stdout) == (0, True), shown.stderr
    installed = sluicegate("--install-completion", shell, cwd=tmp_path, **named)
    assert installed.returncode == 0, installed.stderr
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert any("sluicegate" in text for text in written)


def test_mistakes_are_told_to_programs_too(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(
        "name: good\ntrigger: { event: a }\nsteps: [{ id: a, allow: {} }]\n"
    )
    sound = json.loads(sluicegate("validate", "good.yaml", "--json", cwd=tmp_path).stdout)
    assert sound == {"valid": True, "definitions": ["good"], "mistakes": [], "warnings": []}
    (tmp_path / "bad.yaml").write_text("name: bad\ntrigger: { event: a }\nsteps:\n  - id: a\n")
    done = sluicegate("validate", "bad.yaml", "--json", cwd=tmp_path)
    [mistake] = json.loads(done.stdout)["mistakes"]
    assert done.returncode == 1
    assert (mistake["file"], mistake["line"], mistake["column"]) == ("bad.yaml", 4, 5)
    assert "a step needs one of" in mistake["problem"]
