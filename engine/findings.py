"""Conditions as evaluated: every comparison with what was found, also those not needed."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from engine.conditions import Leaf, Scope, compile_condition
from engine.errors import SluicegateError
from engine.steps.condition import explain_leaf
from engine.templates import as_text
from engine.values import dataclass

GROUPS: Mapping[object, Literal["all", "any"]] = {
    "all": "all",
    "and": "all",
    "any": "any",
    "or": "any",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """A part of a condition as evaluated: a comparison, or a group of parts."""

    kind: Literal["leaf", "all", "any", "not"]
    holds: bool | None
    """None where a strict comparison, or a reference without value, is an error."""
    parts: tuple["Finding", ...] = ()
    leaf: Leaf | None = None
    problem: str | None = None

    def leaves(self) -> Iterable["Finding"]:
        """Yield all comparisons, in the order in which they are written."""
        if self.kind == "leaf":
            yield self
        for part in self.parts:
            yield from part.leaves()

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON shows it; the keys are a contract."""
        if self.leaf is not None:
            return explain_leaf(self.leaf)
        if self.kind == "leaf":
            return {"holds": self.holds, "problem": self.problem}
        return {self.kind: [part.as_dict() for part in self.parts], "holds": self.holds}


def describe(leaf: Leaf) -> str:
    """Return a comparison in one line: what was wanted and what was found."""
    found = "nothing" if leaf.value is None else as_text(leaf.value)
    text = f"{leaf.field} {leaf.operator} {as_text(leaf.expected)} (found {found})"
    return f"{text}: {leaf.warning}" if leaf.warning else text


def explain_condition(node: object, scope: Scope) -> Finding:
    """Evaluate every part of a written condition, also those that need no evaluation."""
    if not isinstance(node, Mapping):
        raise ValueError("a condition is a mapping")
    if {"operator", "field"} <= set(node) or {"approval", "is"} <= set(node):
        return _leaf(node, scope)
    parts = [_entry(key, value, scope) for key, value in node.items()]
    return parts[0] if len(parts) == 1 else _group("all", parts)


def _entry(key: object, value: object, scope: Scope) -> Finding:
    if key in GROUPS and isinstance(value, list):
        return _group(GROUPS[key], [explain_condition(part, scope) for part in value])
    if key == "not":
        inner = explain_condition(value, scope)
        return Finding("not", None if inner.holds is None else not inner.holds, (inner,))
    tests = value if isinstance(value, Mapping) else {}
    strict = {"strict": tests["strict"]} if "strict" in tests else {}
    leaves = [
        _leaf({key: {operator: expected, **strict}}, scope)
        for operator, expected in tests.items()
        if operator != "strict"
    ]
    return leaves[0] if len(leaves) == 1 else _group("all", leaves)


def _group(kind: Literal["all", "any"], parts: Sequence[Finding]) -> Finding:
    """Judge a group as evaluation does: in order, up to the part that decides it."""
    decisive = kind == "any"
    first = next((part for part in parts if part.holds is None or part.holds is decisive), None)
    return Finding(kind, first.holds if first is not None else not decisive, tuple(parts))


def _leaf(node: object, scope: Scope) -> Finding:
    try:
        holds, leaves = compile_condition(node).explain(scope)
    except SluicegateError as problem:
        return Finding("leaf", None, problem=str(problem))
    return Finding("leaf", holds, leaf=leaves[0])
