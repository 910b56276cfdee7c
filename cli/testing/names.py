"""Names in a test that its workflow does not know: an expectation about them would say nothing."""

import difflib
from collections.abc import Collection, Iterator, Mapping

from cli.testing.documents import Case, Expectation
from cli.testing.matching import At, Difference
from engine.definition import Definition, ExecuteVerb
from engine.paths import parse_path


def unknown_names(case: Case, definition: Definition, at: At) -> list[Difference]:
    """Return the steps, stubs and resources that a test names and its workflow lacks."""
    known = _steps(definition)
    found = [*_unknown_steps(case, known, at)]
    found += _unknown_stubs(case, definition, known, at)
    found += _unknown_resources(case, definition, at)
    return [*found, *_bad_paths(case, at)]


def _steps(definition: Definition) -> dict[str, None]:
    """Return ids and paths of all steps, in the order in which they are written."""
    ids = {step.id: None for step in definition.steps.values()}
    return {**ids, **{str(path): None for path in definition.steps}}


def _bare(name: str) -> str:
    """Return a step's name without the numbers that rounds of a loop have in its path."""
    return "/".join(part for part in name.split("/") if not part.isdigit())


def _unknown(what: str, name: str, known: Collection[str], at: At) -> Difference:
    near = difflib.get_close_matches(name, known, 1)
    hint = f"; did you mean {near[0]}?" if near else f" (there are: {', '.join(known) or 'none'})"
    return Difference(at, f"{what} {name!r}{hint}")


def _unknown_steps(case: Case, known: Collection[str], at: At) -> Iterator[Difference]:
    for name, where in _named_steps(case, at):
        if _bare(name) not in known:
            yield _unknown("no step is called", name, known, where)


def _named_steps(case: Case, at: At) -> Iterator[tuple[str, At]]:
    yield from _expected_steps(case.expect, (*at, "expect"))
    for number, move in enumerate(case.then):
        here = (*at, "then", number)
        if move.decide is not None:
            yield move.decide.step, (*here, "decide", "step")
        if move.expect is not None:
            yield from _expected_steps(move.expect, (*here, "expect"))


def _expected_steps(expect: Expectation, at: At) -> Iterator[tuple[str, At]]:
    for key, names in (("path", expect.path), ("ran", expect.ran), ("not_run", expect.not_run)):
        yield from ((name, (*at, key, number)) for number, name in enumerate(names or ()))
    for number, wait in enumerate(expect.waiting_for or ()):
        yield wait["step"], (*at, "waiting_for", number)
    for number, call in enumerate(expect.calls or ()):
        if call.step is not None:
            yield call.step, (*at, "calls", number, "step")


def _unknown_stubs(
    case: Case, definition: Definition, steps: Collection[str], at: At
) -> Iterator[Difference]:
    kinds = {"load": None, **dict.fromkeys(_kinds(definition))}
    for name in case.stubs:
        step, dot, kind = name.partition(".")
        is_known = name in kinds or _bare(step) in steps
        if not is_known or (dot and kind not in kinds):
            yield _unknown("no step or call is", name, [*kinds, *steps], (*at, "stubs", name))


def _kinds(definition: Definition) -> Iterator[str]:
    for step in definition.steps.values():
        if isinstance(step.verb, ExecuteVerb):
            yield from (action.kind for action in step.verb.actions)


def _unknown_resources(case: Case, definition: Definition, at: At) -> Iterator[Difference]:
    known = dict.fromkeys(_resources(definition.body))
    for name in case.resources:
        if name.partition("/")[0] not in known:
            where = (*at, "resources", name)
            yield _unknown("this workflow loads no resource", name, known, where)


def _resources(body: object) -> Iterator[str]:
    """Yield what stands under `resource`, in the context's loads and in those of steps."""
    if isinstance(body, Mapping):
        if isinstance(body.get("resource"), str):
            yield body["resource"]
        body = list(body.values())
    for inner in body if isinstance(body, list) else ():
        yield from _resources(inner)


def _bad_paths(case: Case, at: At) -> Iterator[Difference]:
    """Yield the keys of expected contexts that are no paths."""
    places = [((*at, "then", n, "expect"), move.expect) for n, move in enumerate(case.then)]
    for where, expect in (*places, ((*at, "expect"), case.expect)):
        for key in (expect.context if expect is not None else None) or ():
            try:
                parse_path(key)
            except ValueError as problem:
                yield Difference((*where, "context", key), str(problem))
