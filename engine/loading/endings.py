"""Where an execution always ends: what stands behind it never runs."""

from collections.abc import Mapping, Sequence

from engine.definition import AllowVerb, BlockVerb, ConditionVerb, Step, WaitVerb
from engine.ids import StepPath
from engine.loading.node import Node


def stops(step: Step) -> bool:
    """Tell whether the execution always ends with a step."""
    verb = step.verb
    ends = (isinstance(verb, BlockVerb) and verb.approval is None) or (
        isinstance(verb, AllowVerb) and verb.stop
    )
    return ends and step.when is None and step.on_error is None


def goes_on_without_event(step: Step, steps: Mapping[StepPath, Step]) -> bool:
    """Tell whether what follows a wait may run though no event came."""
    verb = step.verb
    if not isinstance(verb, WaitVerb) or verb.on_timeout is None:
        return False
    return not _ends(verb.on_timeout, f"{step.path}/", steps, {})


def _ends(
    path: StepPath | None, inside: str, steps: Mapping[StepPath, Step], told: dict[StepPath, bool]
) -> bool:
    """Tell whether every way from a step ends the execution before it leaves a branch."""
    if path is None or not path.startswith(inside) or path not in steps:
        return False
    if path not in told:
        step = steps[path]
        ways: tuple[StepPath | None, ...] = (step.then,)
        if isinstance(step.verb, ConditionVerb) and step.when is None:
            ways = (step.verb.on_true or step.then, step.verb.on_false or step.then)
        told[path] = stops(step) or all(_ends(way, inside, steps, told) for way in ways)
    return told[path]


def warn_of_unreached(nodes: Sequence[Node], steps: Sequence[Step | None]) -> None:
    """Warn of the first step of a list that never runs; None stands for a step with mistakes."""
    targets: set[StepPath | None] = set()
    last: Step | None = None
    for node, step in zip(nodes, steps, strict=True):
        if step is None:
            return
        if last is not None and step.path not in targets:
            node.warning(f"this never runs: the step {last.id!r} before it ends the execution")
            return
        if isinstance(step.verb, ConditionVerb):
            targets |= {step.verb.on_true, step.verb.on_false}
        last = step if stops(step) else None
