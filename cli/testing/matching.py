"""Does a value hold what is expected of it? If not: where it differs, and how."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.operators import equal, type_name
from engine.templates import as_text

LONGEST = 300
At = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not as expected; `at` leads to it in the test file."""

    at: At
    problem: str


def shown(value: object) -> str:
    """Return a value as a message shows it."""
    text = "nothing" if value is None else as_text(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def names_step(name: str, path: str) -> bool:
    """Tell whether a test's name of a step means the one at a path as executed.

    It may be the step's id, its path as executed, or its path in the definition: without the
    numbers that the items and rounds of a loop have.
    """
    return name in (path, path.rpartition("/")[2], bare(path))


def bare(path: str) -> str:
    """Return a step's path in the definition, given its path as executed."""
    return "/".join(part for part in path.split("/") if not part.isdigit())


def differences(expected: object, actual: object, at: At) -> list[Difference]:
    """Return where a value lacks what is expected; mappings may hold more, lists may not."""
    if isinstance(expected, Mapping):
        return _in_mapping(expected, actual, at)
    if isinstance(expected, list):
        return _in_list(expected, actual, at)
    return [] if equal(expected, actual) else [_unequal(expected, actual, at)]


def _unequal(expected: object, actual: object, at: At) -> Difference:
    wanted, got = shown(expected), shown(actual)
    if wanted == got:
        wanted, got = f"{type_name(expected)} {wanted}", f"{type_name(actual)} {got}"
    return Difference(at, f"expected {wanted}, got {got}")


def _in_mapping(expected: Mapping[str, object], actual: object, at: At) -> list[Difference]:
    if not isinstance(actual, Mapping):
        return [_unequal(expected, actual, at)]
    found: list[Difference] = []
    for key, wanted in expected.items():
        if key not in actual and wanted is not None:
            there = ", ".join(map(str, actual)) or "nothing"
            problem = f"expected {shown(wanted)}, but there is no {key} (there is: {there})"
            found.append(Difference((*at, key), problem))
        else:
            found += differences(wanted, actual.get(key), (*at, key))
    return found


def _in_list(expected: Sequence[object], actual: object, at: At) -> list[Difference]:
    if not isinstance(actual, list):
        return [_unequal(expected, actual, at)]
    if len(expected) != len(actual):
        problem = f"expected {len(expected)} items, got {len(actual)}: {shown(actual)}"
        return [Difference(at, problem)]
    pairs = enumerate(zip(expected, actual, strict=True))
    return [found for n, (wanted, item) in pairs for found in differences(wanted, item, (*at, n))]
