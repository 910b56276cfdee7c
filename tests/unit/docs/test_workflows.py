"""The introduction to definitions: its examples are valid, and show the whole language."""

import re
from textwrap import indent
from typing import Any

import pytest

from actions.definitions import examine
from config.documents import parse_document
from docs.generate.pages import DOCS
from engine.drawing.reading import VERBS
from engine.language.approval import POLICIES
from engine.language.trigger import TRIGGER
from engine.loading.node import Findings, Node
from engine.loading.resources import read_resources

PAGE = (DOCS / "workflows.md").read_text("utf-8")
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
NAMED = "name: shown\n"
TRIGGERED = "trigger: { event: thing.made }\n"
DONE = "steps: [{ id: done, allow: {} }]\n"


def whole(block: str) -> str:
    """Return a definition with what a block shows."""
    if block.startswith("- "):
        return f"{NAMED}{TRIGGERED}steps:\n{indent(block, '  ')}"
    if "name" in parse_document(block)[0]:
        return block
    return NAMED + block + ("" if block.startswith("trigger:") else TRIGGERED) + DONE


def resources(block: str) -> Any:
    """Return the declarations of a block that shows resources, None for any other."""
    data, _ = parse_document(block)
    declared = isinstance(data, dict) and all("kind" in v for v in data.values())
    return data if declared else None


@pytest.mark.parametrize("block", [b for b in BLOCKS if resources(b) is None])
def test_what_is_shown_has_neither_mistakes_nor_warnings(block: str) -> None:
    definition, mistakes, warnings = examine(whole(block), file="workflows.md")
    assert (mistakes, warnings) == ([], [])
    assert definition is not None


def test_the_resources_that_are_shown_are_valid() -> None:
    [declared] = [found for found in map(resources, BLOCKS) if found is not None]
    findings = Findings()
    read_resources(Node(declared, (), findings))
    assert findings.mistakes == []


def keys(value: Any) -> set[str]:
    """Return every key within a value."""
    if isinstance(value, list):
        return {key for inner in value for key in keys(inner)}
    if isinstance(value, dict):
        return {*map(str, value), *keys(list(value.values()))}
    return set()


def test_every_verb_policy_and_kind_of_start_is_shown() -> None:
    shown = {key for block in BLOCKS for key in keys(parse_document(block)[0])}
    policies = {policy.keys[0].name for policy in POLICIES}
    waits = {"any_of", "event", "for", "until"}
    starts = set(TRIGGER.names()) - {"concurrency"}
    assert {*VERBS, *policies, *waits, *starts, "compensate", "on_in_doubt"} <= shown


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", PAGE):
        assert (DOCS / target).exists(), target
