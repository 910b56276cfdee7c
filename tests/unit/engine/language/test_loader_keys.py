"""What the loader reads the schema knows, by the tables of both."""

import ast
import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import engine.loading
from engine.language import (
    actions,
    approval,
    conditions,
    context,
    file,
    resources,
    steps,
    trigger,
    verbs,
    wait,
)
from engine.language.nouns import Noun
from engine.language.schema import NOUNS
from engine.language.values import RESERVED, TAKEN
from engine.loading import actions as read_actions
from engine.loading import branching, policy
from engine.loading import resources as read_resources
from engine.loading import steps as read_steps
from engine.loading import trigger as read_trigger
from engine.loading import wait as read_wait
from engine.loading.approval import BRANCHES
from engine.loads import RESERVED as HIDDEN
from engine.operators import OPERATORS

MODULES = {
    found.name: importlib.import_module(f"engine.loading.{found.name}")
    for found in pkgutil.iter_modules(engine.loading.__path__)
}
TABLES: Mapping[str, tuple[Noun, ...]] = {
    "actions.HTTP_KEYS": (actions.ACTIONS[0],),
    "approval.KEYS": (approval.APPROVAL,),
    "branching.PARALLEL_KEYS": (verbs.PARALLEL,),
    "branching.FOR_EACH_KEYS": (verbs.FOR_EACH,),
    "branching.REPEAT_KEYS": (verbs.REPEAT,),
    "branching.WORKFLOW_KEYS": (verbs.WORKFLOW,),
    "context.KEYS": (context.CONTEXT,),
    "context.LOAD_KEYS": (context.LOAD,),
    "definition.KEYS": (file.FILE,),
    "policy.KEYS": approval.POLICIES,
    "policy.STAGE_KEYS": (approval.STAGE,),
    "schedule.KEYS": (trigger.SCHEDULE,),
    "trigger.KEYS": (trigger.TRIGGER,),
}
"""Tables of the loader, and the nouns that must have their keys; a new table goes in here."""


def names_of(nouns: tuple[Noun, ...]) -> set[str]:
    return {name for noun in nouns for name in noun.names()}


def tables() -> Iterator[tuple[str, Any]]:
    for name, module in MODULES.items():
        for constant, value in vars(module).items():
            if constant.isupper() and constant.endswith("KEYS") and isinstance(value, tuple):
                yield f"{name}.{constant}", value


@pytest.mark.parametrize(("table", "keys"), list(tables()))
def test_each_table_of_keys_has_its_noun(table: str, keys: tuple[str, ...]) -> None:
    assert table in TABLES, f"name the noun of {table} in TABLES of this test"
    assert set(keys) == names_of(TABLES[table])


def written_out() -> Iterator[tuple[str, str]]:
    """Yield the keys that the loader names at the place where it reads them."""
    for name, module in MODULES.items():
        for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text("utf-8"))):
            match node:
                case ast.Call(func=ast.Attribute(attr="fields"), args=[ast.Tuple(elts=parts), *_]):
                    for part in parts:
                        if isinstance(part, ast.Constant):
                            yield name, str(part.value)


def test_the_keys_that_the_loader_writes_out_are_known() -> None:
    known = names_of((*NOUNS, *resources.KINDS))
    found = list(written_out())
    assert found
    assert [(name, key) for name, key in found if key not in known] == []


def step(verb: str) -> Noun:
    return next(found.step() for found in steps.VERBS if found.name == verb)


def test_the_verbs_are_the_same() -> None:
    assert tuple(verb.name for verb in steps.VERBS) == read_steps.VERBS


@pytest.mark.parametrize(("verb", "beside"), list(read_steps.BESIDE.items()))
def test_beside_a_verb_the_same_keys_may_stand(verb: str, beside: tuple[str, ...]) -> None:
    assert {verb, *read_steps.COMMON, *beside} == set(step(verb).names())
    assert {*BRANCHES, "on"} <= set(step("approval").names())


def test_every_key_around_a_verb_belongs_to_one() -> None:
    every = names_of(tuple(verb.step() for verb in steps.VERBS))
    assert every >= set(read_steps.KEYS_AROUND)


def test_a_wait_has_the_same_keys() -> None:
    assert names_of(wait.KINDS) == {*read_wait.KINDS, *read_wait.OF_EVENTS}


def test_the_actions_are_the_same_and_have_the_same_keys() -> None:
    ours = {action.title: set(action.names()) for action in actions.ACTIONS}
    assert ours.keys() == read_actions.SHAPES.keys()
    for name, shape in read_actions.SHAPES.items():
        assert set(shape.keys) == ours[name], name
        required = next(a for a in actions.ACTIONS if a.title == name)
        assert {key.name for key in required.keys if key.required} == set(shape.required), name


def test_resources_have_the_same_kinds_and_keys() -> None:
    ours = {kind.title: set(kind.names()) for kind in resources.KINDS}
    assert ours == {name: set(keys) for name, keys in read_resources.KEYS.items()}
    for kind in resources.KINDS:
        required = {key.name for key in kind.keys if key.required}
        assert required == {"kind", *read_resources.REQUIRED[kind.title]}


def test_the_operators_are_the_same() -> None:
    assert {operator.name for operator in conditions.OPERATORS} == set(OPERATORS)


def choices(noun: Noun, key: str) -> object:
    return next(found for found in noun.keys if found.name == key).value.schema["enum"]


def test_words_to_choose_from_are_the_same() -> None:
    by_name = {action.title: action for action in actions.ACTIONS}
    assert choices(by_name["webhook"], "method") == list(read_actions.METHODS)
    assert choices(by_name["log"], "level") == list(read_actions.LEVELS)
    assert choices(verbs.RETRY, "backoff") == ["exponential", "linear", "fixed"]


def required(noun: Noun) -> set[str]:
    return {key.name for key in noun.keys if key.required}


def test_what_must_be_there_is_the_same() -> None:
    assert required(verbs.PARALLEL) == {"branches"}
    assert required(verbs.FOR_EACH) == {"in", "steps"}
    assert required(verbs.REPEAT) == {"steps", "until", "max"}
    assert required(verbs.WORKFLOW) == {"name"}


def bounds(noun: Noun, key: str, least: str = "minimum", most: str = "maximum") -> tuple[Any, Any]:
    schema = next(found for found in noun.keys if found.name == key).value.schema
    return schema[least], schema[most]


def test_bounds_are_the_same() -> None:
    of = {noun.name: noun for noun in NOUNS}
    most_rounds, sizes = (1, branching.MAX_ROUNDS), ("minItems", "maxItems")
    branches = bounds(of["parallel"], "branches", "minProperties", "maxProperties")
    assert branches == (1, branching.MAX_WIDTH)
    for noun, key in (("parallel", "concurrency"), ("for_each", "concurrency"), ("repeat", "max")):
        assert bounds(of[noun], key) == most_rounds
    assert bounds(of["n_of"], "n_of") == most_rounds
    assert bounds(of["any_wait"], "any_of", *sizes) == (2, read_wait.MAX_EVENTS)
    assert bounds(of["all_wait"], "all_of", *sizes) == (2, read_wait.MAX_EVENTS)
    assert bounds(of["n_of_policy"], "n_of") == (1, policy.MOST_VOTES)
    assert bounds(of["all_policy"], "all", *sizes) == (1, policy.MOST_VOTES)
    assert bounds(of["sequence_policy"], "sequence", *sizes) == (2, policy.MOST_STAGES)
    assert bounds(of["batch"], "size") == (2, read_trigger.MAX_BATCH)
    assert bounds(of["concurrency"], "limit") == (1, read_trigger.MAX_LIMIT)


def test_strategies_and_taken_names_are_the_same() -> None:
    strategy = next(key for key in verbs.PARALLEL.keys if key.name == "strategy")
    words = {"enum": list(branching.STRATEGIES)}
    assert strategy.value.schema == {"anyOf": [words, {"$ref": "#/$defs/n_of"}]}
    assert {*HIDDEN, "context", "index", "round"} == TAKEN


def test_the_reserved_names_are_the_same() -> None:
    assert rf"^(context\.)?({'|'.join(HIDDEN)})(\.|$)" == RESERVED
