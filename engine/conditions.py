"""Conditions as data, compiled once into closures (definitions.md, Conditions)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from engine.errors import ConditionMismatch, Invalid
from engine.hints import nearest
from engine.operators import OPERATORS, TESTS, Test, compile_regex
from engine.paths import MISSING, Path, lookup, parse_path
from engine.templates import Template, compile_template, is_one_reference

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
GROUPS = ("all", "any", "not", "and", "or")
FIXED_PATTERN = (
    "a pattern is compiled when the definition is loaded and cannot hold ${...}; compare with eq, "
    "contains, starts_with or ends_with, which can; $ and { themselves are [$][{]"
)
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


@dataclass(slots=True)
class _Reading:
    """What is gathered while a condition is compiled."""

    references: set[Path] = field(default_factory=set)
    problems: list[Invalid] = field(default_factory=list)

    def refuse(self, at: At, problem: str) -> Evaluate:
        """Note a mistake and go on, so that the rest is checked too."""
        self.problems.append(Invalid(at, problem))
        return lambda _scope, _leaves: False


def compile_condition(node: object, problems: list[Invalid] | None = None) -> Condition:
    """Return a condition; raises Invalid at the place of the first mistake.

    With a list of `problems` each mistake is added to it instead, and nothing is raised.
    """
    reading = _Reading()
    evaluate = _compile(node, (), reading, 0)
    if problems is not None:
        problems.extend(reading.problems)
    elif reading.problems:
        raise reading.problems[0]
    return Condition(evaluate, frozenset(reading.references))


def _compile(node: object, at: At, reading: _Reading, depth: int) -> Evaluate:
    if depth > MAX_DEPTH:
        return reading.refuse(at, f"conditions nest at most {MAX_DEPTH} deep")
    if not isinstance(node, Mapping) or not node:
        problem = "a condition is a mapping such as {total: {gt: 5}} or {all: [...]}"
        return reading.refuse(at, problem)
    if "operator" in node and "field" in node:
        return _literal_form(node, at, reading)
    if "approval" in node and "is" in node:
        return _approval_form(node, at, reading)
    if remedy := _half_a_form(node):
        return reading.refuse(at, remedy)
    parts = [_entry(key, value, at, reading, depth) for key, value in node.items()]
    return parts[0] if len(parts) == 1 else _all(parts)


def _half_a_form(node: Mapping[object, object]) -> str | None:
    """Return what to write for a form that lacks a key: its other keys are no fields."""
    if any(isinstance(value, Mapping) for value in node.values()):
        return None
    if "approval" in node:
        return "write {approval: <step id>, is: <outcome>}"
    if "field" in node and len(node) > 1:
        return "write {field: <path>, operator: <operator>, value: ...}"
    return None


def _entry(key: object, value: object, at: At, reading: _Reading, depth: int) -> Evaluate:
    match key:
        case "all" | "and":
            return _all(_list(value, (*at, key), reading, depth))
        case "any" | "or":
            return _any(_list(value, (*at, key), reading, depth))
        case "not":
            inner = _compile(value, (*at, "not"), reading, depth + 1)
            return lambda scope, leaves: not inner(scope, leaves)
        case str():
            return _field(key, value, (*at, key), reading)
        case _:
            return reading.refuse(at, f"{key!r} is no field; write a dotted path")


def _list(value: object, at: At, reading: _Reading, depth: int) -> list[Evaluate]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return [reading.refuse(at, f"{at[-1]} needs a list of conditions")]
    return [_compile(item, (*at, i), reading, depth + 1) for i, item in enumerate(value)]


def _all(parts: list[Evaluate]) -> Evaluate:
    return lambda scope, leaves: all(part(scope, leaves) for part in parts)


def _any(parts: list[Evaluate]) -> Evaluate:
    return lambda scope, leaves: any(part(scope, leaves) for part in parts)


def _field(field: str, tests: object, at: At, reading: _Reading) -> Evaluate:
    try:
        path = parse_path(field)
    except ValueError as problem:
        return reading.refuse(at, str(problem))
    if not isinstance(tests, Mapping) or not set(tests) - {"strict"}:
        group = field.lower() if field.lower() in GROUPS and isinstance(tests, list) else ""
        hint = f"; did you mean {group}?" if group else ""
        return reading.refuse(at, f"say how to compare: {field}: {{eq: ...}}{hint}")
    reading.references.add(path)
    strict = tests.get("strict", False)
    if not isinstance(strict, bool):
        reading.refuse((*at, "strict"), "strict is true or false")
    parts = [
        _test(field, path, operator, expected, (*at, operator), reading, strict is True)
        for operator, expected in tests.items()
        if operator != "strict"
    ]
    return parts[0] if len(parts) == 1 else _all(parts)


def _test(
    field: str,
    path: Path,
    operator: object,
    expected: object,
    at: At,
    reading: _Reading,
    strict: bool,
) -> Evaluate:
    try:
        test = _operator(operator, expected, at)
    except Invalid as problem:
        return reading.refuse(problem.at, problem.problem)
    inside: list[Invalid] = []
    template = compile_template(expected, problems=inside)
    for found in inside:
        reading.refuse((*at, *found.at), found.problem)
    reading.references |= template.references
    constant = template.render({}) if template.is_constant else MISSING
    return _leaf(field, path, str(operator), test, template, constant, strict)


def _operator(operator: object, expected: object, at: At) -> Test:
    if operator == "regex":
        if not isinstance(expected, str):
            raise Invalid(at, "regex needs a pattern as text")
        if "${" in expected:
            raise Invalid(at, FIXED_PATTERN)
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
    is_reference = is_one_reference(expected)
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


def _literal_form(node: Mapping[object, object], at: At, reading: _Reading) -> Evaluate:
    """Compile the predecessor's `{field, operator, value}`."""
    for key in sorted(map(str, set(node) - {"field", "operator", "value", "strict"})):
        reading.refuse(at, f"unknown key {key!r} beside field, operator, value")
    field, operator = node["field"], node["operator"]
    if not isinstance(field, str):
        reading.refuse((*at, "field"), "field is a dotted path")
        field = "field"
    if not isinstance(operator, str):
        return reading.refuse((*at, "operator"), f"operator is one of: {', '.join(OPERATORS)}")
    inner = _Reading(reading.references)
    tests = {operator: node.get("value"), "strict": node.get("strict", False)}
    evaluate = _field(field, tests, (), inner)
    about = "value" if operator in OPERATORS and "value" in node else "operator"
    for problem in inner.problems:
        key = {operator: about, "strict": "strict"}.get(str(*problem.at[:1]), "field")
        reading.refuse((*at, key, *problem.at[1:]), problem.problem)
    return evaluate


def _approval_form(node: Mapping[object, object], at: At, reading: _Reading) -> Evaluate:
    """Compile `{approval: <step>, is: <outcome>}`."""
    if set(node) != {"approval", "is"} or not isinstance(node["approval"], str):
        return reading.refuse(at, "write {approval: <step id>, is: <outcome>}")
    if not isinstance(node["is"], str):
        return reading.refuse((*at, "is"), "an outcome is a text, such as approved")
    field = f"approvals.{node['approval']}.outcome"
    return _field(field, {"eq": node["is"]}, (*at, "approval"), reading)
