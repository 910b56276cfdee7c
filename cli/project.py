"""`sluicegate new`: a project with a workflow, its test, a compose file, settings for editors."""

import re
from importlib.resources import files
from pathlib import Path

from cli.errors import OK, USAGE, fail
from cli.printing import write

NAME = re.compile(r"^[a-z0-9][a-z0-9-]{0,62}$")
PLACE = "@@name@@"
FILES = {
    "workflows/@@name@@.yaml": "workflow.yaml",
    "workflows/@@name@@.test.yaml": "workflow.test.yaml",
    "docker-compose.yml": "docker-compose.yml",
    ".vscode/settings.json": "settings.json",
}
"""Where each file of the skeleton stands in a project."""


def make_project(name: str) -> int:
    """Make the folder of a project; returns the exit code."""
    from cli.schema import schema_text

    if not NAME.match(name):
        fail(f"{name!r}: name it in lower-case letters, digits and -, such as my-orders", USAGE)
    folder = Path(name)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        fail(f"{folder} exists and is not empty; choose another name, or remove it first")
    skeleton = files("cli") / "skeleton"
    texts = {
        path.replace(PLACE, name): (skeleton / source).read_text("utf-8").replace(PLACE, name)
        for path, source in FILES.items()
    }
    texts["workflow.schema.json"] = schema_text(resources=False)
    texts["resources.schema.json"] = schema_text(resources=True)
    for path, text in texts.items():
        _write(folder / path, text)
    next_ones = "sluicegate test   # what the workflow does\nsluicegate dev    # run it\n"
    write(f"\ncd {name}\n{next_ones}")
    return OK


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as problem:
        fail(f"{path} cannot be written: {problem.strerror}")
    write(f"made {path}\n")
