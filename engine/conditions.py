"""Conditions as data, compiled once into closures (definitions.md, Conditions)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from engine.errors import ConditionMismatch, Invalid
from engine.hints import nearest
from engine.operators import OPERATORS, TESTS, Test, compile_regex
from engine.paths import MISSING, Path, lookup, parse_path
from engine.templates import Template, compile_template

MAX_DEPTH = 16
ELSEWHERE = {
    ">": "gt",
    ">=": "gte",
    "<": "lt",
    "<=": "lte",
    "=": "eq",
    "==": "eq",
    "!=": "neq",
    "equals": "eq",
    "is": "eq",
    "ne": "neq",
    "not_equals": "neq",
    "greater": "gt",
    "greater_than": "gt",
    "less": "lt",
    "less_than": "lt",
    "matches": "regex",
}
"""What operators are called in other languages."""
At: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Sides:
    """Two scopes: fields are read from one, `${...}` from the other; an event's, an execution's."""

    fields: Mapping[str, object]
    references: Mapping[str, object]


Scope: TypeAlias = Mapping[str, object] | Sides


@dataclass(frozen=True, slots=True)
class Leaf:
    """One comparison that was evaluated, with what it saw."""

    field: str
    operator: str
    value: object
    expected: object
    holds: bool
    warning: str | None = None


Evaluate: TypeAlias = Callable[[Scope, list[Leaf] | None], bool]


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition; evaluation stops as soon as the answer is known."""

    evaluate: Evaluate
    references: frozenset[Path]

    def holds(self, scope: Scope) -> bool:
        """Tell whether the condition holds."""
        return self.evaluate(scope, None)

    def explain(self, scope: Scope) -> tuple[bool, tuple[Leaf, ...]]:
        """Tell whether it holds, and each comparison on the way (requirements.md S31)."""
        leaves: list[Leaf] = []
        return self.evaluate(scope, leaves), tuple(leaves)


def compile_condition(node: object) -> Condition:
    """Return a condition; raises Invalid at the place of the mistake."""
    references: set[Path] = set()
    return Condition(_compile(node, (), references, 0), frozenset(references))


def _compile(node: object, at: At, references: set[Path], depth: int) -> Evaluate:
    if depth > MAX_DEPTH:
        raise Invalid(at, f"conditions nest at most {MAX_DEPTH} deep")
    if not isinstance(node, Mapping) or not node:
        raise Invalid(at, "a condition is a mapping such as {total: {gt: 5}} or {all: [...]}")
    if "operator" in node and "field" in node:
        return _literal_form(node, at, references)
    if "approval" in node and "is" in node:
        return _approval_form(node, at, references)
    parts = [_entry(key, value, at, references, depth) for key, value in node.items()]
    return parts[0] if len(parts) == 1 else _all(parts)


def _entry(key: object, value: object, at: At, references: set[Path], depth: int) -> Evaluate:
    match key:
        case "all" | "and":
            return _all(_list(value, (*at, key), references, depth))
        case "any" | "or":
            return _any(_list(value, (*at, key), references, depth))
        case "not":
            inner = _compile(value, (*at, "not"), references, depth + 1)
            return lambda scope, leaves: not inner(scope, leaves)
        case str():
            return _field(key, value, (*at, key), references)
        case _:
            raise Invalid(at, f"{key!r} is no field; write a dotted path")


def _list(value: object, at: At, references: set[Path], depth: int) -> list[Evaluate]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise Invalid(at, f"{at[-1]} needs a list of conditions")
    return [_compile(item, (*at, i), references, depth + 1) for i, item in enumerate(value)]


def _all(parts: list[Evaluate]) -> Evaluate:
    return lambda scope, leaves: all(part(scope, leaves) for part in parts)


def _any(parts: list[Evaluate]) -> Evaluate:
    return lambda scope, leaves: any(part(scope, leaves) for part in parts)


def _field(field: str, tests: object, at: At, references: set[Path]) -> Evaluate:
    path = _path(field, at)
    references.add(path)
    if not isinstance(tests, Mapping) or not tests:
        raise Invalid(at, f"say how to compare: {field}: {{eq: ...}}")
    strict = tests.get("strict", False)
    if not isinstance(strict, bool):
        raise Invalid((*at, "strict"), "strict is true or false")
    parts = [
        _test(field, path, operator, expected, (*at, operator), references, strict)
        for operator, expected in tests.items()
        if operator != "strict"
    ]
    if not parts:
        raise Invalid(at, f"say how to compare: {field}: {{eq: ...}}")
    return parts[0] if len(parts) == 1 else _all(parts)


def _path(field: str, at: At) -> Path:
    try:
        return parse_path(field)
    except ValueError as problem:
        raise Invalid(at, str(problem)) from None


def _test(
    field: str,
    path: Path,
    operator: object,
    expected: object,
    at: At,
    references: set[Path],
    strict: bool,
) -> Evaluate:
    test = _operator(operator, expected, at)
    name = str(operator)
    try:
        template = compile_template(expected)
    except Invalid as problem:
        raise Invalid((*at, *problem.at), problem.problem) from None
    references |= template.references
    constant = template.render({}) if template.is_constant else MISSING
    return _leaf(field, path, name, test, template, constant, strict)


def _operator(operator: object, expected: object, at: At) -> Test:
    if operator == "regex":
        if not isinstance(expected, str):
            raise Invalid(at, "regex needs a pattern as text")
        try:
            return compile_regex(expected)
        except ValueError as problem:
            raise Invalid(at, str(problem)) from None
    test = TESTS.get(operator) if isinstance(operator, str) else None
    if test is None:
        meant = ELSEWHERE.get(str(operator))
        hint = f"; did you mean {meant}?" if meant else nearest(str(operator), OPERATORS)
        known = ", ".join(OPERATORS)
        raise Invalid(at, f"unknown operator {operator!r}{hint} (there are: {known})")
    _check_expected(str(operator), expected, at)
    return test


def _check_expected(operator: str, expected: object, at: At) -> None:
    is_reference = isinstance(expected, str) and expected.startswith("${")
    if operator == "in" and not isinstance(expected, list) and not is_reference:
        raise Invalid(at, "in needs a list: {in: [a, b]}")
    is_pair = isinstance(expected, list) and len(expected) == 2
    if operator == "between" and not is_reference and not is_pair:
        raise Invalid(at, "between needs [low, high]")
    if operator == "exists" and not isinstance(expected, bool):
        raise Invalid(at, "exists needs true or false")


def _leaf(
    field: str,
    path: Path,
    operator: str,
    test: Test,
    template: Template,
    constant: object,
    strict: bool,
) -> Evaluate:
    def evaluate(scope: Scope, leaves: list[Leaf] | None) -> bool:
        found = lookup(scope.fields if isinstance(scope, Sides) else scope, path)
        value = None if found is MISSING else found
        if constant is MISSING:
            expected = template.render(scope.references if isinstance(scope, Sides) else scope)
        else:
            expected = constant
        holds, warning = test(value, expected)
        if warning is not None and strict:
            raise ConditionMismatch(field, warning)
        if leaves is not None:
            leaves.append(Leaf(field, operator, value, expected, holds, warning))
        return holds

    return evaluate


def _literal_form(node: Mapping[object, object], at: At, references: set[Path]) -> Evaluate:
    """Compile the predecessor's `{field, operator, value}`."""
    if unknown := set(node) - {"field", "operator", "value", "strict"}:
        raise Invalid(at, f"unknown key {min(map(str, unknown))!r} beside field, operator, value")
    field = node["field"]
    if not isinstance(field, str):
        raise Invalid((*at, "field"), "field is a dotted path")
    if not isinstance(node["operator"], str):
        raise Invalid((*at, "operator"), f"operator is one of: {', '.join(OPERATORS)}")
    tests = {node["operator"]: node.get("value")}
    try:
        return _field(field, {**tests, "strict": node.get("strict", False)}, (), references)
    except Invalid as problem:
        raise Invalid((*at, "operator"), problem.problem) from None


def _approval_form(node: Mapping[object, object], at: At, references: set[Path]) -> Evaluate:
    """Compile `{approval: <step>, is: <outcome>}`."""
    if set(node) != {"approval", "is"} or not isinstance(node["approval"], str):
        raise Invalid(at, "write {approval: <step id>, is: <outcome>}")
    if not isinstance(node["is"], str):
        raise Invalid((*at, "is"), "an outcome is a text, such as approved")
    field = f"approvals.{node['approval']}.outcome"
    return _field(field, {"eq": node["is"]}, (*at, "approval"), references)
