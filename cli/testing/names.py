"""Names in a test that its workflow does not know: an expectation about them would say nothing."""

from collections.abc import Collection, Iterator, Mapping
from typing import TypeAlias

from cli.testing.documents import Case
from cli.testing.expected import Expectation
from cli.testing.matching import At, Difference, bare, names_step
from cli.testing.moves import Move
from engine.definition import Definition, ExecuteVerb, WorkflowVerb
from engine.hints import nearest
from engine.paths import parse_path

Beside: TypeAlias = Mapping[str, Definition]
Named: TypeAlias = tuple[Collection[str], str, At]
"""What there is, the name that is used, and where."""
CHILDREN = ("child", "children")
"""Keys under which steps are named that start workflows."""


def unknown_names(
    case: Case, definition: Definition, beside: Beside, at: At
) -> Iterator[Difference]:
    """Yield the steps, stubs and resources that a test names and its workflows lack."""
    for known, name, where in _named_steps(case, definition, beside, at):
        if bare(name) not in known:
            starting = not {*where[-2:]}.isdisjoint(CHILDREN)
            what = "no step that starts a workflow" if starting else "no step"
            yield _unknown(f"{what} is called", name, known, where)
    family = _family(definition, beside)
    yield from _unknown_stubs(case, family, at)
    yield from _unknown_resources(case, family, at)
    yield from _bad_paths(case, at)


def _unknown(what: str, name: str, known: Collection[str], at: At) -> Difference:
    hint = nearest(name, known) or f" (there are: {', '.join(known) or 'none'})"
    return Difference(at, f"{what} {name!r}{hint}")


def _steps(definition: Definition, *, starting: bool = False) -> dict[str, None]:
    """Return ids and paths of all steps, or of those that start workflows."""
    steps = [
        step
        for step in definition.steps.values()
        if not starting or isinstance(step.verb, WorkflowVerb)
    ]
    return dict.fromkeys((*(step.id for step in steps), *(str(step.path) for step in steps)))


def _started_by(definition: Definition, beside: Beside, name: str) -> Definition | None:
    """Return the workflow that a step starts, if its definition is at hand."""
    for step in definition.steps.values():
        if isinstance(step.verb, WorkflowVerb) and names_step(bare(name), step.path):
            return beside.get(step.verb.name)
    return None


def _family(definition: Definition, beside: Beside) -> list[Definition]:
    """Return a definition and all whose executions it may start, directly or not."""
    found, left = dict[str, Definition](), [definition]
    while left:
        each = left.pop(0)
        if each.name in found:
            continue
        found[each.name] = each
        verbs = (step.verb for step in each.steps.values())
        names = [verb.name for verb in verbs if isinstance(verb, WorkflowVerb)]
        left += [beside[name] for name in names if name in beside]
    return list(found.values())


def _named_steps(case: Case, definition: Definition, beside: Beside, at: At) -> Iterator[Named]:
    yield from _expected_steps(case.expect, definition, beside, (*at, "expect"))
    for number, move in enumerate(case.then):
        yield from _steps_of_move(move, definition, beside, (*at, "then", number))


def _steps_of_move(move: Move, definition: Definition, beside: Beside, at: At) -> Iterator[Named]:
    for step in move.about:
        yield _steps(definition, starting=True), step, (*at, "child")
        child = _started_by(definition, beside, step)
        if child is None:
            return
        definition = child
    named: object = getattr(move.asked, "step", None) or getattr(move.asked, "from_step", None)
    if isinstance(named, str):
        key = next(iter(move.model_fields_set - {"child", "expect"}))
        yield _steps(definition), named, (*at, key, "step")
    if move.expect is not None:
        yield from _expected_steps(move.expect, definition, beside, (*at, "expect"))


def _expected_steps(
    expect: Expectation, definition: Definition, beside: Beside, at: At
) -> Iterator[Named]:
    known = _steps(definition)
    for key, names in (("path", expect.path), ("ran", expect.ran), ("not_run", expect.not_run)):
        yield from ((known, name, (*at, key, number)) for number, name in enumerate(names or ()))
    for number, wait in enumerate(expect.waiting_for or ()):
        yield known, wait["step"], (*at, "waiting_for", number)
    for number, call in enumerate(expect.calls or ()):
        if call.step is not None:
            yield known, call.step, (*at, "calls", number, "step")
    for step, wanted in (expect.children or {}).items():
        here = (*at, "children", step)
        yield _steps(definition, starting=True), step, here
        child = _started_by(definition, beside, step)
        if child is not None:
            yield from _expected_steps(wanted, child, beside, here)


def _unknown_stubs(case: Case, family: Collection[Definition], at: At) -> Iterator[Difference]:
    kinds = {"load": None, **dict.fromkeys(kind for each in family for kind in _kinds(each))}
    steps = dict.fromkeys(name for each in family for name in _steps(each))
    for name in case.stubs:
        step, dot, kind = name.partition(".")
        is_known = name in kinds or bare(step) in steps
        if not is_known or (dot and kind not in kinds):
            yield _unknown("no step or call is", name, [*kinds, *steps], (*at, "stubs", name))


def _kinds(definition: Definition) -> Iterator[str]:
    for step in definition.steps.values():
        if isinstance(step.verb, ExecuteVerb):
            yield from (action.kind for action in step.verb.actions)
        elif isinstance(step.verb, WorkflowVerb):
            yield "workflow"


def _unknown_resources(case: Case, family: Collection[Definition], at: At) -> Iterator[Difference]:
    known = dict.fromkeys(name for each in family for name in _resources(each.body))
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
        if expect is not None:
            yield from _bad_paths_of(expect, where)


def _bad_paths_of(expect: Expectation, at: At) -> Iterator[Difference]:
    for key in expect.context or ():
        try:
            parse_path(key)
        except ValueError as problem:
            yield Difference((*at, "context", key), str(problem))
    for step, wanted in (expect.children or {}).items():
        yield from _bad_paths_of(wanted, (*at, "children", step))
