"""Broken definitions of any kind: never a crash, always a message with its place."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from actions.definitions import Mistake, examine

ROOT = Path(__file__).parent.parent.parent
SOUND = {
    file.name: file.read_text()
    for folder in ("examples", "tests/acceptance/definitions")
    for file in sorted((ROOT / folder).glob("*.yaml"))
    if file.name not in ("broken.yaml", "resources.yaml") and ".test." not in file.name
}
TEXTS = st.sampled_from(sorted(SOUND.values()))
BRACKETS = ["{", "}", "[", "]", ":", "- ", "&a ", "*a ", "<<: ", "!x ", "'", '"', "|\n", "#", "%"]
WORDS = ["\n", "---\n", "${", "${a.b", "null", "~", "0x1", "1e999", "\ufeff", "\u2028", "é", "\x07"]
SCRAPS = st.sampled_from([*BRACKETS, *WORDS, "\t"])
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    st.text(max_size=20),
    st.sampled_from(["24h", "-1s", "P1D", "order.*", "${a.b}", "${secrets.X}", "no_such_step"]),
)
JUNK = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def places_of(node: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values below a node."""
    inner = dict(enumerate(node)) if isinstance(node, list) else node
    found = [at] if at else []
    for key, value in inner.items() if isinstance(inner, dict) else ():
        found += places_of(value, (*at, key))
    return found


def assert_placed(text: str, mistakes: list[Mistake]) -> None:
    """Each mistake says something, somewhere inside its text."""
    lines = text.splitlines() or [""]
    for mistake in mistakes:
        assert mistake.problem.strip()
        assert 1 <= mistake.line <= len(lines) + 1
        assert mistake.column >= 1


def assert_examined(text: str) -> None:
    """A definition is either taken or told all that is wrong, with places."""
    definition, mistakes, warnings = examine(text, file="fuzzed.yaml")
    assert definition is not None or mistakes
    assert_placed(text, [*mistakes, *warnings])


@pytest.mark.parametrize("name", SOUND)
def test_the_definitions_to_be_broken_are_sound(name: str) -> None:
    assert examine(SOUND[name], file=name)[1] == []


# S29
@settings(max_examples=400, deadline=None)
@given(TEXTS, st.lists(st.tuples(st.floats(0, 1), st.integers(0, 4), SCRAPS), max_size=4))
def test_a_text_with_scraps_in_it_is_taken_or_told_why_not(
    text: str, edits: list[tuple[float, int, str]]
) -> None:
    for where, gone, scrap in edits:
        at = int(where * len(text))
        text = text[:at] + scrap + text[at + gone :]
    assert_examined(text)


# S29
@settings(max_examples=400, deadline=None)
@given(TEXTS, st.lists(st.tuples(st.floats(0, 0.999), st.booleans(), JUNK), min_size=1, max_size=3))
def test_a_definition_with_junk_for_values_is_taken_or_told_why_not(
    text: str, edits: list[tuple[float, bool, Any]]
) -> None:
    data = YAML(typ="safe", pure=True).load(text)
    for where, drop, junk in edits:
        paths = places_of(data)
        *inner, last = paths[int(where * len(paths))]
        node = data
        for key in inner:
            node = node[key]
        if drop:
            del node[last]
        else:
            node[last] = junk
    assert_examined(json.dumps(data, default=str))


# S29
@settings(max_examples=300, deadline=None)
@given(JUNK)
def test_junk_is_no_definition_and_is_told_so(junk: Any) -> None:
    text = json.dumps(junk)
    mistakes = examine(text, file="junk.json")[1]
    assert mistakes
    assert_placed(text, mistakes)


# S29
@settings(max_examples=300, deadline=None)
@given(st.text(max_size=200))
def test_any_text_is_taken_or_told_why_not(text: str) -> None:
    assert_examined(text)
