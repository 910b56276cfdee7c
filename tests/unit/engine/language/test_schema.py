"""The JSON Schema of definitions: what editors are told."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from config.documents import SyntaxMistake, parse_document
from engine.language.schema import NOUNS, resources_schema, workflow_schema

ROOT = Path(__file__).parents[4]
CORPUS = ROOT / "tests/corpus/definition"
FOLDERS = (
    CORPUS / "good",
    CORPUS / "spec",
    ROOT / "examples",
    ROOT / "tests/acceptance/definitions",
)
FILES = sorted(
    path
    for folder in FOLDERS
    for path in folder.iterdir()
    if path.suffix != ".py" and not path.stem.endswith(".test")
)
STRUCTURAL = (
    "' is missing",
    "unknown key '",
    "this must be a ",
    "this must be true",
    "a step needs one of",
    "a step has one verb",
    "a step is a mapping",
    "an action is a mapping",
    "is no workflow name",
    "is no step id",
    "is no field name",
    "is no duration; write",
    "is no event pattern",
    "is out of bounds",
    "must be one of",
    "needs at least",
    "is no path; write names",
    "a trigger needs",
    "a wait has one of",
    "unknown action",
    "unknown operator",
    "say how to compare",
    "a condition is a mapping",
    "needs a list",
    "needs [low, high]",
    "exists needs",
    "strict is true",
    "regex needs",
    "operator is one of",
    "a fixed text",
    "not both",
    "begins with a reserved name",
    "is a reserved name",
    "is set by the engine",
    "needs a block with an approval",
    "belongs to a wait",
    "needs a timeout on the wait",
    "an approval needs",
    "scheme and host must be",
    "sign names a secret",
    "one name, without *",
    "is a JSON Schema",
    "view is a mapping",
    "on_true needs a list",
    "has a meaning already",
    "in is a list",
    "is no status",
    "at most 32 branches",
    "write how many must succeed",
    "is no branch name",
    "needs 2 to 16 events",
    "belongs to one of the events",
    "input is the child's payload",
    "is no version",
    "a policy has one of",
    "a sequence has 2 to 10",
    "a stage needs",
    "a stage is no sequence",
    "each stage of a sequence has its own",
    "whom else to ask",
    "name 1 to 50 roles or users",
    "percent needs of",
    "of belongs to percent",
    "a trigger has event or schedule",
    "a schedule has no",
    "a schedule is never",
    "needs a key",
    "add `to`",
)
"""Mistakes of the loader that a schema can see too, by a part of their text."""
ELSEWHERE = (
    "template-code.yaml",
    "template-empty.yaml",
    "templates-four-mistakes.yaml",
    "parallel-n-of-beyond.yaml",
)
"""Their mistake has such a text but stands inside a template, which is free text to a schema, or
needs counting."""

WORKFLOW = jsonschema_rs.Draft202012Validator(workflow_schema())
RESOURCES = jsonschema_rs.Draft202012Validator(resources_schema())


def validator(path: Path) -> jsonschema_rs.Draft202012Validator:
    return RESOURCES if path.stem == "resources" else WORKFLOW


def problems(path: Path) -> list[str]:
    data, _ = parse_document(path.read_text("utf-8"))
    return [
        f"{problem.instance_path}: {problem.message}"
        for problem in validator(path).iter_errors(data)
    ]


def with_structural_mistakes() -> list[str]:
    with (CORPUS / "cases.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    found = {row["file"] for row in rows if any(part in row["mistake"] for part in STRUCTURAL)}
    return sorted(found - set(ELSEWHERE))


@pytest.mark.parametrize(
    "schema", [workflow_schema(), workflow_schema(["ship"]), resources_schema()]
)
def test_it_is_a_valid_json_schema(schema: dict[str, Any]) -> None:
    jsonschema_rs.meta.validate(schema)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_good_definition_is_accepted(path: Path) -> None:
    assert problems(path) == []


@pytest.mark.parametrize("name", with_structural_mistakes())
def test_a_definition_with_a_mistake_of_structure_is_refused(name: str) -> None:
    try:
        assert problems(CORPUS / "broken" / name)
    except SyntaxMistake:
        return


def test_most_of_the_broken_definitions_are_refused() -> None:
    assert len(with_structural_mistakes()) >= 190


def keys(schema: Any, at: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every key that a schema describes, with the place of its description."""
    if isinstance(schema, list):
        for number, inner in enumerate(schema):
            yield from keys(inner, f"{at}/{number}")
    if not isinstance(schema, dict):
        return
    for name, inner in schema.items():
        if name == "properties" and not at.endswith(("/if", "/then")) and "title" in schema:
            yield from ((f"{at}/{key}", described) for key, described in inner.items())
        if name not in ("examples", "default", "const", "enum"):
            yield from keys(inner, f"{at}/{name}")


@pytest.mark.parametrize("schema", [workflow_schema(["ship"]), resources_schema()])
def test_every_key_has_a_title_a_description_and_examples_that_fit(schema: dict[str, Any]) -> None:
    described = list(keys(schema))
    assert len(described) > 15
    for at, found in described:
        assert found["title"], at
        assert found["description"].endswith("."), at
        assert found["examples"], at
        check = jsonschema_rs.Draft202012Validator({**found, "$defs": schema["$defs"]})
        for example in found["examples"]:
            assert check.is_valid(example), (at, example)
        if "default" in found and found["default"] is not None:
            assert check.is_valid(found["default"]), at


LATE = [{"id": "late", "allow": {}}]


def test_no_noun_takes_other_keys_but_that_of_free_fields() -> None:
    assert [noun.name for noun in NOUNS if noun.schema()["additionalProperties"]] == ["fields"]


@pytest.mark.parametrize(
    ("step", "fits"),
    [
        ({"id": "a", "allow": {}}, True),
        ({"id": "a"}, False),
        ({"allow": {}}, False),
        ({"id": "a", "allow": {}, "block": {"code": "b"}}, False),
        ({"id": "a", "allow": {}, "retry": {}}, False),
        ({"id": "a", "execute": [{"log": {"message": "b"}}], "retry": {}}, True),
        ({"id": "a", "execute": [{"ship": {}}]}, False),
        ({"id": "a", "wait": {"event": "b"}, "on_timeout": LATE}, False),
        ({"id": "a", "wait": {"event": "b", "timeout": "1h"}, "on_timeout": LATE}, True),
        ({"id": "a", "wait": {"event": "b", "timeout": "1h"}, "on_timeout": []}, False),
        ({"id": "a", "allow": {}, "on_error": []}, False),
        ({"id": "a", "repeat": {"steps": [{"id": "b", "allow": {}}], "max": 5}}, False),
    ],
)
def test_a_step_is_an_id_one_verb_and_what_belongs_to_it(step: dict[str, Any], fits: bool) -> None:
    body = {"name": "w", "trigger": {"manual": True}, "steps": [step]}
    assert WORKFLOW.is_valid(body) is fits


def test_actions_of_installed_packages_are_known_where_they_are_named() -> None:
    step = {"id": "a", "execute": [{"ship": {"by": "sea"}}]}
    body = {"name": "w", "trigger": {"manual": True}, "steps": [step]}
    schema = jsonschema_rs.Draft202012Validator(workflow_schema(["ship"]))
    assert schema.is_valid(body)
