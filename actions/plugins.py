"""Actions that installed packages bring, by entry point."""

from functools import cache
from importlib.metadata import entry_points

GROUP = "sluicegate.actions"


@cache
def plugged_in() -> tuple[str, ...]:
    """Return the names of actions that installed packages bring."""
    return tuple(sorted(point.name for point in entry_points(group=GROUP)))
