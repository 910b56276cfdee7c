"""A definition that the loader takes is one that editors do not complain about."""

import copy
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from actions.definitions import definition_files
from config.documents import parse_document
from engine.language.schema import workflow_schema
from engine.language.steps import VERBS, Verb
from engine.loading.definition import read_definition

ROOT = Path(__file__).parents[4]
GOOD = ROOT / "tests/corpus/definition/good"
FILES = sorted([*GOOD.iterdir(), *definition_files(ROOT / "examples")])
BODIES = [parse_document(path.read_text("utf-8"))[0] for path in FILES]
SCHEMA = jsonschema_rs.Draft202012Validator(workflow_schema())
WORDS = ("5m", "${a.b}", "order.created", "a", "done", "true", "0s", "PT5M", "log", "GET", "gt")
values = st.sampled_from(
    [*WORDS, 0, 1, 2.5, -1, True, False, None, [], {}, ["a"], [1, 2], {"a": {"eq": 1}}, {"id": "x"}]
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every container within a value with each of its keys."""
    keys: list[Any] = list(value) if isinstance(value, dict) else list(range(len(value)))
    found = [(value, key) for key in keys]
    for key in keys:
        if isinstance(value[key], dict | list):
            found += places(value[key])
    return found


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(BODIES), st.data())
def test_what_the_loader_takes_the_schema_takes(body: Any, data: st.DataObject) -> None:
    changed = copy.deepcopy(body)
    container, key = data.draw(st.sampled_from(places(changed)))
    if data.draw(st.booleans()):
        container[key] = data.draw(values)
        # To Python false is 0, which as `cache` means: none.
        assume(not (key == "cache" and container[key] is False))
    else:
        del container[key]
    _, findings = read_definition(changed)
    if not findings.mistakes:
        assert [f"{e.instance_path}: {e.message}" for e in SCHEMA.iter_errors(changed)] == []


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_the_example_of_a_verb_loads_without_a_warning(verb: Verb) -> None:
    """The reference page shows it: it must be worth copying."""
    step = {"id": "first", verb.name: verb.example}
    _, findings = read_definition({"name": "t", "trigger": {"manual": True}, "steps": [step]})
    assert (findings.mistakes, findings.warnings) == ([], [])
