"""What installed packages bring by entry point: actions, and loaders of resources."""

from collections.abc import Callable
from functools import cache
from importlib.metadata import entry_points
from typing import Any, TypeVar

from engine.errors import SluicegateError

GROUP = "sluicegate.actions"
LOADERS = "sluicegate.loaders"
T = TypeVar("T")


class PluginBroken(SluicegateError):
    """An installed plug-in cannot be loaded."""

    def __init__(self, group: str, name: str, problem: str) -> None:
        super().__init__(
            f"{name} (entry point of {group}) cannot be loaded: {problem}; "
            "repair or uninstall the package that brings it"
        )


@cache
def plugged_in(group: str = GROUP) -> tuple[str, ...]:
    """Return the names that installed packages bring: of actions, or of another group."""
    return tuple(sorted(point.name for point in entry_points(group=group)))


def load_plugins(group: str, make: Callable[[Any], T]) -> dict[str, T]:
    """Return what is made of a group's entry points, by name; raises PluginBroken."""
    found: dict[str, T] = {}
    for point in entry_points(group=group):
        try:
            found[point.name] = make(point.load())
        except Exception as problem:
            text = f"{type(problem).__name__}: {problem}"
            raise PluginBroken(group, point.name, text) from problem
    return found
