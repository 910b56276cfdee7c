"""Bounds of a definition, each at its limit and one beyond (security.md, Bounds)."""

from collections.abc import Callable

import pytest

from actions.definitions import examine
from config.documents import MAX_BYTES

HEAD = "name: t\ntrigger: { event: thing.made }\nsteps:\n"
DONE = "  - { id: done, allow: {} }\n"


def many_steps(number: int) -> str:
    return HEAD + "".join(f"  - {{ id: s{n}, allow: {{}} }}\n" for n in range(number))


def nested_steps(depth: int) -> str:
    text = "{ id: deepest, allow: {} }"
    for level in range(depth - 1):
        text = f"{{ id: s{level}, condition: {{ a: {{ eq: 1 }} }}, on_true: [{text}] }}"
    return f"{HEAD}  - {text}\n"


def nested_conditions(depth: int) -> str:
    return (
        f"{HEAD}  - {{ id: s, condition: {'{ not: ' * depth}{{ a: {{ eq: 1 }} }}{' }' * depth} }}\n"
    )


def file_size(size: int) -> str:
    text = HEAD + DONE
    return text + "#" * (size - len(text))


def waiting(days: int) -> str:
    return f"{HEAD}  - {{ id: s, wait: {{ for: {days}d }} }}\n"


def retries(number: int) -> str:
    step = "{ id: s, execute: [{ log: { message: a } }], retry: { max: %d } }"
    return f"{HEAD}  - {step % number}\n"


def pattern_length(length: int) -> str:
    return f"{HEAD}  - {{ id: s, condition: {{ a: {{ regex: {'x' * length} }} }} }}\n"


def path_segments(number: int) -> str:
    return f"{HEAD}  - {{ id: s, condition: {{ {'.'.join('a' * number)}: {{ eq: 1 }} }} }}\n"


def expression_bytes(length: int) -> str:
    return f'{HEAD}  - {{ id: s, allow: {{ reason: "${{a}}{"x" * (length - 4)}" }} }}\n'


def items(number: int) -> str:
    loop = f"{{ in: [{', '.join('a' * number)}], steps: [{{ id: done, allow: {{}} }}] }}"
    return f"{HEAD}  - {{ id: s, for_each: {loop} }}\n"


@pytest.mark.parametrize(
    ("make", "limit", "problem"),
    [
        (items, 1000, "in is a list of at most 1000 elements, this has 1001; write two steps"),
        (many_steps, 200, "a definition has at most 200 steps"),
        (nested_steps, 16, "steps nest at most 16 deep"),
        (nested_conditions, 16, "conditions nest at most 16 deep"),
        (file_size, MAX_BYTES, "the file is larger than 262144 bytes; split it"),
        (waiting, 365, "366d is longer than the 365 days allowed"),
        (retries, 10, "11 is out of bounds: 0 to 10"),
        (pattern_length, 512, "a pattern has at most 512 characters"),
        (path_segments, 32, "a path has at most 32 segments, this has 33"),
        (expression_bytes, 8192, "a text with ${...} has at most 8192 bytes"),
    ],
)
def test_the_limit_is_taken_and_one_more_is_refused(
    make: Callable[[int], str], limit: int, problem: str
) -> None:
    _, at_limit, _ = examine(make(limit), file="t.yaml")
    _, beyond, _ = examine(make(limit + 1), file="t.yaml")
    assert at_limit == []
    assert [mistake.problem for mistake in beyond] == [problem]


@pytest.mark.parametrize("text", ["[" * 200_000, "{a: " * 60_000, "- " * 100_000, "? " * 50_000])
def test_deep_nesting_is_a_mistake_and_not_a_crash(text: str) -> None:
    definition, mistakes, _ = examine(text, file="t.yaml")
    assert definition is None
    assert mistakes[0].problem == "values nest more than 200 deep"
