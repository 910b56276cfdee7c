"""Where branches that run at the same time write: never two at one path (requirements.md S46)."""

from collections.abc import Iterator, Sequence

from engine.definition import ExecuteVerb, ParallelVerb, Step
from engine.loading.uses import Use
from engine.paths import Path


def refuse_double_writes(uses: Sequence[Use]) -> None:
    """Note a branch that loads something into a path where another branch loads something too."""
    for use in uses:
        if isinstance(use.step.verb, ParallelVerb):
            _compare_branches(use.step, use.step.verb, uses)


def _compare_branches(parallel: Step, verb: ParallelVerb, uses: Sequence[Use]) -> None:
    earlier: list[tuple[Path, Use]] = []
    for branch in verb.branches:
        written = list(_writes(f"{parallel.path}/{branch}/", uses))
        for path, use in written:
            other = next((known for at, known in earlier if _meet(at, path)), None)
            if other is not None:
                use.node.mistake(
                    f"{'.'.join(path)}: the step {other.step.id!r} of another branch writes there "
                    f"too, and either may be the last; choose another path for into"
                )
        earlier += written


def _writes(inside: str, uses: Sequence[Use]) -> Iterator[tuple[Path, Use]]:
    for use in uses:
        if use.step.path.startswith(inside) and isinstance(use.step.verb, ExecuteVerb):
            yield from ((action.into, use) for action in use.step.verb.actions if action.into)


def _meet(one: Path, other: Path) -> bool:
    """Tell whether one path is the other, or lies within it."""
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter]
