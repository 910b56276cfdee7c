"""Find test files and read them with the definitions beside them; every mistake has its place."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from actions.definitions import SUFFIXES, Folder, Mistake, read_folder
from cli.testing.documents import Suite
from cli.testing.matching import At, Difference
from cli.testing.names import unknown_names
from config.documents import Places, SyntaxMistake, parse_document
from config.mistakes import text_of
from engine.definition import Definition

ENDINGS = tuple(f".test{suffix}" for suffix in SUFFIXES)
PASSED_BY = re.compile(r"^(\.|node_modules$|__pycache__$)")
"""Folders that hold nobody's own tests."""


@dataclass(frozen=True, slots=True)
class SuiteFile:
    """A test file without mistakes, its workflow, and where its parts stand."""

    path: Path
    suite: Suite
    definition: Definition
    beside: Folder
    places: Places

    def mistake(self, difference: Difference) -> Mistake:
        """Return a difference with its place in this file."""
        return Mistake(str(self.path), *self.places.at(difference.at), difference.problem)


@dataclass(slots=True)
class Found:
    """What there is to test."""

    suites: list[SuiteFile] = field(default_factory=list)
    definitions: list[Definition] = field(default_factory=list)
    mistakes: list[Mistake] = field(default_factory=list)


def is_test(path: Path) -> bool:
    """Tell whether a file is one of tests."""
    return path.name.endswith(ENDINGS)


def find(paths: Sequence[Path]) -> Found:
    """Read the test files at some paths, and the definitions of the folders in which they stand.

    A folder without a test anywhere below is read as well: its definitions are not covered.
    """
    found = Found()
    folders: dict[Path, Folder] = {}
    for path in paths:
        if path.is_dir():
            if not any(_files(path)):
                folders.setdefault(path, read_folder(path))
        elif not path.exists():
            found.mistakes.append(Mistake(str(path), 1, 1, "no such file"))
        elif not is_test(path):
            problem = "this is no file of tests; their names end in .test.yaml"
            found.mistakes.append(Mistake(str(path), 1, 1, problem))
    files = sorted({file for path in paths for file in _files(path)})
    for file in files:
        folders.setdefault(file.parent, read_folder(file.parent))
    for folder in folders.values():
        found.mistakes.extend(folder.mistakes)
        found.definitions.extend(folder.definitions)
    for file in files:
        _read(file, folders[file.parent], found)
    return found


def _files(path: Path) -> Iterator[Path]:
    """Yield the test files at a path and in the folders below."""
    if path.is_dir():
        for child in sorted(path.iterdir()):
            if not child.is_dir() or not PASSED_BY.match(child.name):
                yield from _files(child)
    elif path.is_file() and is_test(path):
        yield path


def _read(path: Path, beside: Folder, found: Found) -> None:
    try:
        text = path.read_text("utf-8")
        if not text.strip():
            raise SyntaxMistake(1, 1, "the file is empty; it needs workflow and tests")
        data, places = parse_document(text)
    except SyntaxMistake as problem:
        found.mistakes.append(Mistake(str(path), problem.line, problem.column, problem.problem))
        return
    except (OSError, UnicodeDecodeError) as problem:
        found.mistakes.append(Mistake(str(path), 1, 1, f"cannot be read: {problem}"))
        return
    found.mistakes += [
        Mistake(str(path), each.line, each.column, each.problem) for each in places.mistakes
    ]
    try:
        suite = Suite.model_validate(data)
    except ValidationError as problem:
        found.mistakes += [_placed(path, places, error) for error in problem.errors()]
        return
    definition = next((each for each in beside.definitions if each.name == suite.workflow), None)
    if definition is None:
        _note_missing(path, suite, beside, places, found)
        return
    file = SuiteFile(path, suite, definition, beside, places)
    found.mistakes += map(file.mistake, _unknown(suite, definition, beside))
    found.suites.append(file)


def _unknown(suite: Suite, definition: Definition, beside: Folder) -> list[Difference]:
    at_hand = {each.name: each for each in beside.definitions}
    names: dict[str, int] = {}
    found: list[Difference] = []
    for number, case in enumerate(suite.tests):
        at: At = ("tests", number)
        if case.name in names:
            problem = f"the test {case.name!r} stands here twice; rename one"
            found.append(Difference((*at, "name"), problem))
        names.setdefault(case.name, number)
        found += unknown_names(case, definition, at_hand, at)
    return found


def _note_missing(path: Path, suite: Suite, beside: Folder, places: Places, found: Found) -> None:
    # A definition with mistakes is not among the names; its mistakes say enough.
    if beside.mistakes:
        return
    known = ", ".join(sorted(each.name for each in beside.definitions)) or "none"
    problem = f"no workflow beside this file is called {suite.workflow!r} (there are: {known})"
    found.mistakes.append(Mistake(str(path), *places.at(("workflow",)), problem))


def _placed(path: Path, places: Places, error: ErrorDetails) -> Mistake:
    return Mistake(str(path), *places.at(error["loc"]), _told(error))


def _told(error: ErrorDetails) -> str:
    key = error["loc"][-1] if error["loc"] else ""
    match error["type"]:
        case "extra_forbidden":
            return f"unknown key {key!r}; docs/testing.md lists what may stand here"
        case "missing":
            return f"the key {key!r} is missing"
        case "model_type" | "dict_type":
            return "this must be a mapping of keys to values"
        case "value_error":
            return text_of(error)
        case _:
            return f"{key}: {error['msg'][:1].lower()}{error['msg'][1:]}"
