"""The tail cannot grow (style.md, size budgets)."""

import ast
import subprocess
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).parent.parent.parent
FOLDERS = ("actions", "api", "cli", "config", "devstack", "engine", "storage", "streams")


def tracked(*folders: str) -> list[Path]:
    """Return the Python files of some folders."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return [ROOT / name for name in listed if not folders or name.startswith(folders)]


def lengths_of_functions(files: list[Path]) -> dict[str, int]:
    """Return the number of lines of each function."""
    found = {}
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                name = f"{file.relative_to(ROOT)}:{node.lineno} {node.name}"
                found[name] = (node.end_lineno or node.lineno) - node.lineno + 1
    return found


def test_no_file_has_more_than_500_lines() -> None:
    long = {str(f): n for f in tracked() if (n := len(f.read_text().splitlines())) > 500}
    assert long == {}


def test_most_files_are_short() -> None:
    lines = [len(file.read_text().splitlines()) for file in tracked(*FOLDERS)]
    lines = [number for number in lines if number]
    assert median(lines) <= 120
    assert quantiles(lines, n=10)[-1] <= 300


def test_no_function_has_more_than_60_lines() -> None:
    long = {name: n for name, n in lengths_of_functions(tracked(*FOLDERS)).items() if n > 60}
    assert long == {}


def test_most_functions_are_short() -> None:
    lines = list(lengths_of_functions(tracked(*FOLDERS)).values())
    assert median(lines) <= 10
    assert quantiles(lines, n=10)[-1] <= 30
