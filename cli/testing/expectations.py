"""Compare what a test expects with what a rehearsal came to."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cli.testing.expected import Expectation
from cli.testing.facts import Facts
from cli.testing.matching import At, Difference, differences, names_step, shown
from engine.paths import MISSING, lookup, parse_path

Check = Callable[[Any, Facts, At], list[Difference]]


def compare(expectation: Expectation, facts: Facts, at: At) -> list[Difference]:
    """Return every difference, in the order in which the file states what it expects."""
    given = expectation.model_dump(exclude_unset=True, exclude={"children"})
    found = [
        difference
        for name in given
        if name in CHECKS
        for difference in CHECKS[name](given[name], facts, (*at, name))
    ]
    for step, wanted in (expectation.children or {}).items():
        found += _child(step, wanted, facts, (*at, "children", step))
    return found


def _child(step: str, wanted: Expectation, facts: Facts, at: At) -> list[Difference]:
    children = facts.children
    found = [path for path in children if names_step(step, path)]
    if len(found) == 1 and wanted.started is not False:
        return compare(wanted, children[found[0]], at)
    if not found and wanted.started is False:
        return []
    there = f"executions were started by: {_listed(list(children))}"
    if wanted.started is False:
        return [Difference(at, f"{step} started an execution")]
    problem = "several steps are called" if found else "no execution was started by"
    return [Difference(at, f"{problem} {step}; {there}")]


def _told(value: Callable[[Facts], object]) -> Check:
    def check(expected: Any, facts: Facts, at: At) -> list[Difference]:
        found = differences(expected, value(facts), at)
        error = facts.execution.error
        if not found or error is None or at[-1] not in ("status", "result"):
            return found
        why = f" (step {error.step}: {error.code}: {error.message})"
        return [Difference(each.at, each.problem + why) for each in found]

    return check


def _error(part: str) -> Callable[[Facts], object]:
    return lambda facts: getattr(facts.execution.error, part, None)


def _path(expected: Sequence[str], facts: Facts, at: At) -> list[Difference]:
    actual, whole = facts.path, f"the path was: {_listed(facts.path)}"
    for number, name in enumerate(expected):
        got = actual[number] if number < len(actual) else "the end"
        if not names_step(name, got):
            return [Difference((*at, number), f"expected {name}, got {got}; {whole}")]
    if len(actual) > len(expected):
        return [Difference(at, f"expected no more, got {actual[len(expected)]}; {whole}")]
    return []


def _listed(names: Sequence[object]) -> str:
    return ", ".join(map(str, names)) or "nothing"


def _ran(expected: Sequence[str], facts: Facts, at: At) -> list[Difference]:
    actual = facts.path
    return [
        Difference((*at, number), f"{name} did not run; the path was: {_listed(actual)}")
        for number, name in enumerate(expected)
        if not any(names_step(name, path) for path in actual)
    ]


def _not_run(expected: Sequence[str], facts: Facts, at: At) -> list[Difference]:
    actual = facts.path
    return [
        Difference((*at, number), f"{name} did run; the path was: {_listed(actual)}")
        for number, name in enumerate(expected)
        if any(names_step(name, path) for path in actual)
    ]


def _waiting(expected: Sequence[Mapping[str, Any]], facts: Facts, at: At) -> list[Difference]:
    left, found = facts.waits, list[Difference]()
    for number, wanted in enumerate(expected):
        step, rest = wanted["step"], {key: wanted[key] for key in wanted if key != "step"}
        here = [wait for wait in left if names_step(step, str(wait["step"]))]
        if not here:
            open_steps = _listed([wait["step"] for wait in facts.waits])
            problem = f"{step} is not waiting; open waits: {open_steps}"
            found.append(Difference((*at, number), problem))
            continue
        left.remove(here[0])
        found += differences(rest, here[0], (*at, number))
    if left and not found:
        also = _listed([wait["step"] for wait in left])
        found.append(Difference(at, f"these wait too: {also}"))
    return found


def _calls(expected: Sequence[Mapping[str, Any]], facts: Facts, at: At) -> list[Difference]:
    actual = facts.calls
    if len(expected) != len(actual):
        made = "; ".join(f"{call['step']}: {call['kind']}" for call in actual) or "none"
        return [Difference(at, f"expected {len(expected)} calls, got {len(actual)}: {made}")]
    found: list[Difference] = []
    for number, (wanted, call) in enumerate(zip(expected, actual, strict=True)):
        here = dict(wanted)
        if "step" in here and names_step(here["step"], str(call["step"])):
            del here["step"]
        found += differences(here, call, (*at, number))
    return found


def _emitted(expected: Sequence[Mapping[str, Any]], facts: Facts, at: At) -> list[Difference]:
    actual = facts.emitted
    if len(expected) != len(actual):
        sent = _listed([emit["event"] for emit in actual])
        return [Difference(at, f"expected {len(expected)} events, got {len(actual)}: {sent}")]
    return differences([dict(wanted) for wanted in expected], actual, at)


def _logged(expected: Sequence[Mapping[str, Any]], facts: Facts, at: At) -> list[Difference]:
    return _contained(expected, facts.logged, at, "no such line was logged")


def _records(expected: Sequence[Mapping[str, Any]], facts: Facts, at: At) -> list[Difference]:
    rows = facts.rows
    if not expected and rows:
        return [Difference(at, f"expected no records, got {shown(rows)}")]
    found: list[Difference] = []
    for number, wanted in enumerate(expected):
        named = [row for row in rows if _is_same(wanted, row)]
        if len(named) == 1:
            found += differences(dict(wanted), named[0], (*at, number))
        else:
            found += _contained([wanted], named or rows, (*at, number), "there is no such record")
    return found


def _is_same(wanted: Mapping[str, Any], row: Mapping[str, object]) -> bool:
    return all(row[key] == wanted[key] for key in ("entity", "id") if key in wanted)


def _contained(
    expected: Sequence[Mapping[str, Any]],
    actual: Sequence[Mapping[str, object]],
    at: At,
    problem: str,
) -> list[Difference]:
    return [
        Difference((*at, number), f"{problem}: {shown(dict(wanted))}; there are: {shown(actual)}")
        for number, wanted in enumerate(expected)
        if not any(not differences(dict(wanted), item, ()) for item in actual)
    ]


def _context(expected: Mapping[str, Any], facts: Facts, at: At) -> list[Difference]:
    found: list[Difference] = []
    for key, wanted in expected.items():
        value = lookup(facts.context, parse_path(key))
        found += differences(wanted, None if value is MISSING else value, (*at, key))
    return found


CHECKS: Mapping[str, Check] = {
    "started": lambda expected, _facts, at: differences(expected, True, at),
    "status": _told(lambda facts: str(facts.execution.status)),
    "result": _told(lambda facts: facts.execution.result),
    "error_code": _told(_error("code")),
    "error_message": _told(_error("message")),
    "path": _path,
    "ran": _ran,
    "not_run": _not_run,
    "waiting_for": _waiting,
    "calls": _calls,
    "emitted": _emitted,
    "logged": _logged,
    "records": _records,
    "context": _context,
}
