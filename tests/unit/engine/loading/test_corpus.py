"""Broken definitions with the exact place and text of every mistake, and sound ones."""

import csv
import re
from collections import defaultdict
from pathlib import Path

import pytest

from actions.definitions import definition_files, examine

CORPUS = Path(__file__).parents[3] / "corpus" / "definition"
FOLDERS = (
    CORPUS / "good",
    CORPUS / "spec",
    CORPUS.parents[1] / "acceptance/definitions",
    CORPUS.parents[2] / "examples",
)


def expected_mistakes() -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    with (CORPUS / "cases.tsv").open(encoding="utf-8", newline="") as table:
        for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE):
            found[row["file"]].append(f"{row['file']}:{row['mistake']}")
    return found


EXPECTED = expected_mistakes()
SOUND = [path for folder in FOLDERS for path in definition_files(folder)]


def test_every_broken_file_has_a_row_and_every_row_a_file() -> None:
    assert set(EXPECTED) == {path.name for path in (CORPUS / "broken").iterdir()}


# S29
@pytest.mark.parametrize("file", EXPECTED)
def test_every_mistake_of_a_broken_definition_is_named_with_its_place(file: str) -> None:
    text = (CORPUS / "broken" / file).read_text("utf-8")
    _, mistakes, _ = examine(text, file=file)
    assert [str(mistake) for mistake in mistakes] == EXPECTED[file]


# S29
def test_there_are_many_broken_definitions_and_each_mistake_has_a_place() -> None:
    mistakes = [mistake for found in EXPECTED.values() for mistake in found]
    assert len(EXPECTED) >= 280
    assert all(re.fullmatch(r"[\w.-]+:\d+:\d+: .{10,}", mistake) for mistake in mistakes)


def test_six_mistakes_of_one_file_come_in_one_run() -> None:
    assert len(EXPECTED["six-mistakes.yaml"]) == 6


@pytest.mark.parametrize("path", SOUND, ids=lambda path: path.name)
def test_a_sound_definition_has_neither_mistakes_nor_warnings(path: Path) -> None:
    definition, mistakes, warnings = examine(path.read_text("utf-8"), file=path.name)
    assert (mistakes, warnings) == ([], [])
    assert definition is not None
    assert definition.first in definition.steps
