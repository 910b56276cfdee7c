"""The context before the first step: payload, resources, derived fields (S78-S85)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.definition import DEFAULT_TIMEOUT, Load, Step
from engine.derived import add_shipped
from engine.effects import Perform, StartTimer
from engine.ending import drop_loading
from engine.errors import Unresolved
from engine.execution import Failure, Line, Loading, StepStatus
from engine.ids import ChildId, StepPath, child_id, public_id
from engine.inputs import ActionFailed, ActionSucceeded
from engine.paths import MISSING, lookup
from engine.retry import RetryPolicy
from engine.turn import Turn

RESERVED = ("event", "steps", "approvals", "waits", "execution", "secrets", "error")
RETRY = RetryPolicy()


@dataclass(frozen=True, slots=True)
class ResourceRef:
    """A resource and the id to read, as cached: `context:{resource}:{id}`."""

    resource: str
    id: str


def initial_context(payload: Mapping[str, object]) -> tuple[dict[str, object], list[str]]:
    """Return the payload as context, and which of its fields a reserved name hides (S78)."""
    hidden = [key for key in RESERVED if key in payload]
    context = dict(payload)
    for key in hidden:
        del context[key]
    return context, hidden


def resource_ref(load: Load, scope: Mapping[str, object]) -> ResourceRef:
    """Return what a load reads; raises Unresolved if its id names a missing field."""
    return ResourceRef(load.resource, load.id.text(scope))


def merge_at(
    scope: dict[str, object], path: tuple[str, ...], value: object, *, overwrite: bool
) -> None:
    """Put a loaded value at its path; the payload's own stays unless `overwrite` (S82)."""
    node = scope
    for name in path[:-1]:
        inner = node.get(name)
        node[name] = dict(inner) if isinstance(inner, dict) else {}
        if not isinstance(inner, dict) and inner is not None and not overwrite:
            node[name] = inner
            return
        child = node[name]
        assert isinstance(child, dict)  # noqa: S101
        node = child
    last = path[-1]
    node[last] = _merged(node[last], value, overwrite) if last in node else value


def _merged(held: object, loaded: object, overwrite: bool) -> object:
    if isinstance(held, dict) and isinstance(loaded, dict):
        merged = dict(held)
        for key, value in loaded.items():
            merged[key] = _merged(held[key], value, overwrite) if key in held else value
        return merged
    return loaded if overwrite else held


def effect_of(turn: Turn, load: Load, attempt: int, step: StepPath | None = None) -> Perform:
    """Return the effect that reads a resource from its source; `step`: once more on resume."""
    # By what the event said: what was loaded may stand where the id stood.
    ref = resource_ref(load, turn.scope | initial_context(turn.execution.payload)[0])
    path = ".".join(load.path)
    params: dict[str, object] = {"resource": ref.resource, "id": ref.id, "path": path}
    if step is not None:
        params["cache_seconds"] = 0
    elif load.cache is not None:
        params["cache_seconds"] = load.cache.total_seconds()
    about = f"{step}:{path}" if step is not None else path
    return Perform(
        child_id(turn.execution.id, "load", about, attempt),
        step or StepPath(""),
        "load",
        params,
        f"{public_id(turn.execution.id)}:load:{about}",
        attempt,
        DEFAULT_TIMEOUT,
    )


def begin_loading(turn: Turn, resources: Mapping[str, object]) -> None:
    """Merge what is at hand, ask for the rest; raises Unresolved where an id is missing."""
    for load in turn.definition.loads:
        path = ".".join(load.path)
        if path in resources:
            merge_at(turn.scope, load.path, resources[path], overwrite=load.overwrite)
            continue
        try:
            effect = effect_of(turn, load, 1)
        except Unresolved:
            if load.optional:
                merge_at(turn.scope, load.path, None, overwrite=load.overwrite)
                continue
            raise
        turn.effects.append(effect)
        turn.loading[path] = Loading(effect.id, 1)


def derive(turn: Turn) -> None:
    """Compute the derived fields: the shipped ones that are read, then the own ones in order."""
    add_shipped(turn.scope, turn.definition.shipped)
    for derived in turn.definition.derived:
        if derived.condition is not None:
            turn.scope[derived.name] = derived.condition.holds(turn.scope)
        elif derived.value is not None:
            turn.scope[derived.name] = derived.value.render(turn.scope)


def refreshed(turn: Turn, name: str, step: Step, after: Line) -> Line:
    """Return a resumed line, held while the resources that its step names are read again (D20)."""
    if not step.refresh or after.at is None:
        return after
    for load in turn.definition.loads:
        path = ".".join(load.path)
        if path not in step.refresh:
            continue
        try:
            effect = effect_of(turn, load, 1, step.path)
        except Unresolved as problem:
            if load.optional:
                continue
            drop_loading(turn, name)
            failure = Failure(problem.code, f"refresh: {problem}", step.id)
            return turn.fail(step, after, failure, first=False)
        turn.effects.append(effect)
        turn.loading[f"{step.path}:{path}"] = Loading(effect.id, 1, name, step.path)
    is_held = any(loading.line == name for loading in turn.loading.values())
    return replace(after, phase="loading") if is_held else after


def _pending(turn: Turn, id: ChildId) -> tuple[Load, str, Loading] | None:
    for key, loading in turn.loading.items():
        if loading.pending == id:
            path = key.rpartition(":")[2]
            for load in turn.definition.loads:
                if ".".join(load.path) == path:
                    return load, key, loading
    return None


def reload(turn: Turn, timer: ChildId) -> bool:
    """Read a resource once more if this timer was its retry; tell whether it was."""
    found = _pending(turn, timer)
    if found is None:
        return False
    load, key, loading = found
    effect = effect_of(turn, load, loading.attempt, loading.step)
    turn.effects.append(effect)
    turn.loading[key] = replace(loading, pending=effect.id)
    return True


def take_resource(turn: Turn, given: ActionSucceeded | ActionFailed) -> Failure | None:
    """Place one loaded resource; return a Failure if it cannot be had and is needed (S90)."""
    found = _pending(turn, given.effect_id)
    if found is None:
        return None
    load, key, loading = found
    if isinstance(given, ActionFailed) and given.retryable and loading.attempt <= RETRY.max:
        timer = child_id(turn.execution.id, "load-retry", key, loading.attempt)
        delay = RETRY.delay(loading.attempt, given.chance)
        due_at = turn.now + max(delay, given.retry_after or delay)
        turn.effects.append(StartTimer(timer, "retry", due_at))
        turn.loading[key] = replace(loading, pending=timer, attempt=loading.attempt + 1)
        return None
    del turn.loading[key]
    if loading.line is not None:
        _take_refresh(turn, load, loading, given)
        return None
    if isinstance(given, ActionSucceeded):
        merge_at(turn.scope, load.path, given.output, overwrite=load.overwrite)
        return None
    problem = f"resource {load.resource} could not be loaded: {given.message}"
    if not load.optional:
        return Failure(given.code, problem)
    merge_at(turn.scope, load.path, None, overwrite=load.overwrite)
    turn.part("warnings")[key] = problem
    return None


def _take_refresh(
    turn: Turn, load: Load, loading: Loading, given: ActionSucceeded | ActionFailed
) -> None:
    """Replace a resource by what it is now, note the difference, let the line go on."""
    name, step = str(loading.line), loading.step or StepPath("")
    line = turn.lines[name]
    path = ".".join(load.path)
    if isinstance(given, ActionFailed) and not load.optional:
        drop_loading(turn, name)
        problem = f"resource {load.resource} could not be read again: {given.message}"
        held = _held_by(turn, name, step)
        turn.lines[name] = turn.fail(held, line, Failure(given.code, problem, held.id), first=False)
        return
    if isinstance(given, ActionSucceeded):
        before = lookup(turn.base, load.path)
        merge_at(turn.base, load.path, given.output, overwrite=True)
        after = lookup(turn.base, load.path)
        if after != before:
            change = {"before": None if before is MISSING else before, "after": after}
            _note_change(turn, name, step, path, change)
    if not any(other.line == name for other in turn.loading.values()):
        turn.lines[name] = replace(line, phase="ready")


def _held_by(turn: Turn, name: str, path: StepPath) -> Step:
    """Go on with a line; return the step after whose end it is held."""
    line = turn.lines[name]
    at = StepPath(line.root + path[len(name) :]) if line.root else path
    turn.current = name
    turn.look_from(name)
    return replace(turn.definition.steps[at], path=path)


def _note_change(
    turn: Turn, name: str, path: StepPath, resource: str, change: dict[str, object]
) -> None:
    """Keep what a refresh changed: in the step's row for the trace, and for later steps."""
    step = _held_by(turn, name, path)
    held = turn.steps.get(step.id)
    kept = dict(held) if isinstance(held, dict) else {}
    earlier, output = kept.get("refreshed"), kept.get("output")
    changes = {**(earlier if isinstance(earlier, dict) else {}), resource: change}
    turn.keep("steps", step.id, {**kept, "refreshed": changes})
    shown = {**(output if isinstance(output, dict) else {}), "refreshed": changes}
    turn.record(step, Line(step.path), StepStatus.COMPLETED, first=False, output=shown)
