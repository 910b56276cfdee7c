"""The verbs with steps of their own lines: `parallel`, `for_each`, `repeat`; and `workflow`."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Literal

from engine.definition import ForEachVerb, ParallelVerb, RepeatVerb, Strategy, WorkflowVerb
from engine.ids import StepPath
from engine.loading.node import Fields, Node
from engine.loads import RESERVED
from engine.steps.branching import MAX_ITEMS
from engine.templates import is_one_reference

PARALLEL_KEYS = ("strategy", "branches", "concurrency")
FOR_EACH_KEYS = ("in", "as", "steps", "concurrency", "strategy")
REPEAT_KEYS = ("steps", "until", "max")
WORKFLOW_KEYS = ("name", "input", "version", "wait")
STRATEGIES: Mapping[str, Literal["all", "any", "race", "all_settled"]] = {
    "all": "all",
    "any": "any",
    "race": "race",
    "all_settled": "all_settled",
}
MAX_WIDTH = 32
"""Branches of one parallel step (security.md, bounds)."""
MAX_ROUNDS = 1000
MAX_VERSION = 1_000_000
NOWHERE = StepPath("")
_WORKFLOW = re.compile(r"[a-z][a-z0-9_-]{0,99}")

ReadInside = Callable[[Node, str], StepPath | None]
"""Reads steps below the step itself, under a further name of the path if that is not empty."""


def read_parallel(node: Node, beside: Fields, read: ReadInside) -> ParallelVerb:
    """Read named branches and when they decide the step."""
    fields = node.fields(PARALLEL_KEYS, required=("branches",))
    branches: dict[str, StepPath] = {}
    listed = fields.get("branches")
    if listed is not None and (not isinstance(listed.value, Mapping) or not listed.value):
        listed.mistake("parallel needs at least one branch, by its name: {stock: [steps]}")
    elif listed is not None:
        for name, inner in listed.entries():
            inner.child("name", name).name("branch name")
            branches[name] = read(inner, name) or NOWHERE
            _refuse_empty(inner, "a branch")
        if len(branches) > MAX_WIDTH:
            listed.mistake(f"parallel has at most {MAX_WIDTH} branches; nest some of them")
    return ParallelVerb(
        branches,
        _strategy(fields, len(branches)),
        _concurrency(fields, None),
        _timeout(beside),
    )


def read_for_each(node: Node, beside: Fields, read: ReadInside) -> ForEachVerb:
    """Read the list to go through and the steps for each of its elements."""
    fields = node.fields(FOR_EACH_KEYS, required=("in", "steps"))
    items, name, steps = (fields.get(key) for key in ("in", "as", "steps"))
    if items is not None:
        _check_items(items)
    item = name.name("name") if name is not None else "item"
    if name is not None and item in (*RESERVED, "context", "index", "round"):
        name.mistake(f"{item} has a meaning already; choose another name")
    return ForEachVerb(
        items.template() if items is not None else node.child("in", []).template(),
        item,
        _inside(steps, "for_each", read),
        _strategy(fields, None),
        _concurrency(fields, 1) or 1,
        _timeout(beside),
    )


def _check_items(node: Node) -> None:
    value = node.value
    if isinstance(value, list):
        if len(value) > MAX_ITEMS:
            found = f"in is a list of at most {MAX_ITEMS} elements, this has {len(value)}"
            node.mistake(f"{found}; write two steps")
    elif not isinstance(value, str):
        node.mistake("in is a list, or a reference to one: ${order.items}")
    elif "${" not in value:
        node.mistake(f"a text is no list; to read one write ${{{value}}}")
    elif not is_one_reference(value):
        node.mistake("a text is no list: write one reference and nothing around it")


def read_repeat(node: Node, read: ReadInside) -> RepeatVerb:
    """Read the steps of a round, when to stop, and how many rounds at most."""
    fields = node.fields(REPEAT_KEYS, required=("steps", "until", "max"))
    steps, until, most = (fields.get(key) for key in ("steps", "until", "max"))
    first = _inside(steps, "repeat", read)
    condition = (until or node.child("until", {"round": {"gte": 1}})).condition()
    return RepeatVerb(first, condition, most.integer(1, MAX_ROUNDS) if most is not None else 1)


def read_workflow(node: Node, beside: Fields) -> WorkflowVerb:
    """Read which workflow to run as a child, and with what."""
    fields = node.fields(WORKFLOW_KEYS, required=("name",))
    name, input, version, wait = (fields.get(key) for key in WORKFLOW_KEYS)
    text = name.word() if name is not None else ""
    if name is not None and text and "${" not in text and not _WORKFLOW.fullmatch(text):
        name.mistake(f"{text!r} is no workflow name: lower-case letters, digits, _ and -")
    if (
        input is not None
        and not isinstance(input.value, Mapping)
        and not is_one_reference(input.value)
    ):
        input.mistake("input is the child's payload: a mapping, or a reference to one")
    awaited = wait.boolean() if wait is not None else True
    timeout = _timeout(beside)
    if timeout is not None and not awaited:
        beside.known["timeout"].mistake("timeout needs wait: true; nothing is waited for here")
    template = input.template() if input is not None else None
    return WorkflowVerb(text, template, _version(version), awaited, timeout)


def _version(node: Node | None) -> int | None:
    if node is None or node.value == "latest":
        return None
    if isinstance(node.value, str):
        node.mistake(f"{node.value!r} is no version; write latest, or its number")
        return None
    return node.integer(1, MAX_VERSION)


def _inside(node: Node | None, verb: str, read: ReadInside) -> StepPath:
    if node is None:
        return NOWHERE
    first = read(node, "") or NOWHERE
    _refuse_empty(node, verb)
    return first


def _refuse_empty(node: Node, what: str) -> None:
    if node.value == []:
        node.mistake(f"{what} needs at least one step")


def _strategy(fields: Fields, branches: int | None) -> Strategy:
    node = fields.get("strategy")
    if node is None:
        return Strategy()
    if isinstance(node.value, Mapping):
        needed = node.fields(("n_of",), required=("n_of",)).get("n_of")
        most = branches if branches else MAX_ROUNDS
        return Strategy("n_of", needed.integer(1, most) if needed is not None else 1)
    if node.value == "n_of":
        node.mistake("write how many must succeed: strategy: {n_of: 2}")
        return Strategy()
    return Strategy(STRATEGIES[node.choice((*STRATEGIES, "n_of"))])


def _concurrency(fields: Fields, otherwise: int | None) -> int | None:
    node = fields.get("concurrency")
    return otherwise if node is None else node.integer(1, MAX_ROUNDS)


def _timeout(beside: Fields) -> timedelta | None:
    node = beside.get("timeout")
    return None if node is None else node.duration()
