"""The context before the first step: payload, resources, derived fields (S78-S85)."""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.definition import DEFAULT_TIMEOUT, Load
from engine.effects import Perform, StartTimer
from engine.errors import Unresolved
from engine.execution import Failure, Loading
from engine.ids import ChildId, StepPath, child_id, public_id
from engine.inputs import ActionFailed, ActionSucceeded
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
    return {key: value for key, value in payload.items() if key not in RESERVED}, hidden


def resource_ref(load: Load, scope: Mapping[str, object]) -> ResourceRef:
    """Return what a load reads; raises Unresolved if its id names a missing field."""
    return ResourceRef(load.resource, str(load.id.render(scope)))


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


def effect_of(turn: Turn, load: Load, attempt: int) -> Perform:
    """Return the effect that reads a resource from its source."""
    ref = resource_ref(load, turn.scope)
    path = ".".join(load.path)
    execution = turn.execution
    return Perform(
        child_id(execution.id, "load", path, attempt),
        StepPath(""),
        "load",
        _params(load, ref, path),
        f"{public_id(execution.id)}:load:{path}",
        attempt,
        DEFAULT_TIMEOUT,
    )


def _params(load: Load, ref: ResourceRef, path: str) -> dict[str, object]:
    params: dict[str, object] = {"resource": ref.resource, "id": ref.id, "path": path}
    if load.cache is not None:
        params["cache_seconds"] = load.cache.total_seconds()
    return params


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
    """Compute the derived fields, in order."""
    for derived in turn.definition.derived:
        if derived.condition is not None:
            turn.scope[derived.name] = derived.condition.holds(turn.scope)
        elif derived.value is not None:
            turn.scope[derived.name] = derived.value.render(turn.scope)


def _pending(turn: Turn, id: ChildId) -> tuple[Load, str, Loading] | None:
    for load in turn.definition.loads:
        path = ".".join(load.path)
        loading = turn.loading.get(path)
        if loading is not None and loading.pending == id:
            return load, path, loading
    return None


def reload(turn: Turn, timer: ChildId) -> bool:
    """Read a resource once more if this timer was its retry; tell whether it was."""
    found = _pending(turn, timer)
    if found is None:
        return False
    load, path, loading = found
    effect = effect_of(turn, load, loading.attempt)
    turn.effects.append(effect)
    turn.loading[path] = Loading(effect.id, loading.attempt)
    return True


def take_resource(turn: Turn, given: ActionSucceeded | ActionFailed) -> Failure | None:
    """Place one loaded resource; return a Failure if it cannot be had and is needed (S90)."""
    found = _pending(turn, given.effect_id)
    if found is None:
        return None
    load, path, loading = found
    if isinstance(given, ActionSucceeded):
        del turn.loading[path]
        merge_at(turn.scope, load.path, given.output, overwrite=load.overwrite)
        return None
    if given.retryable and loading.attempt <= RETRY.max:
        timer = child_id(turn.execution.id, "load-retry", path, loading.attempt)
        due_at = turn.now + RETRY.delay(loading.attempt, given.chance)
        turn.effects.append(StartTimer(timer, "retry", due_at))
        turn.loading[path] = Loading(timer, loading.attempt + 1)
        return None
    del turn.loading[path]
    problem = f"resource {load.resource} could not be loaded: {given.message}"
    if not load.optional:
        return Failure(given.code, problem)
    merge_at(turn.scope, load.path, None, overwrite=load.overwrite)
    turn.part("warnings")[path] = problem
    return None
