"""What can be seen of an execution from outside: in this form engine and model are compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

Told = tuple[object, ...]


@dataclass(slots=True)
class Story:
    """All that an execution left behind."""

    status: str = ""
    result: str | None = None
    error: tuple[str, str | None] | None = None
    """Code, and the step that failed."""
    completed_at: datetime | None = None
    paused_ms: int = 0
    rows: dict[tuple[str, int], str] = field(default_factory=dict)
    """Status of each attempt of each step, by path."""
    waits: dict[tuple[str, int], str] = field(default_factory=dict)
    """Outcome of each wait, by path and part; `open` where it is still open."""
    told: list[Told] = field(default_factory=list)
    """Logs, events and requests for outside work, in order."""
    receipts: dict[str, str] = field(default_factory=dict)
    """Answer to each decision and order, by its name."""
    context: dict[str, object] = field(default_factory=dict)
    """What reads back: `steps`, `approvals`, `waits`, and loaded values."""

    def differences(self, other: "Story") -> list[str]:
        """Return in which points two stories differ, one line each."""
        found = []
        for name in self.__slots__:
            mine, theirs = getattr(self, name), getattr(other, name)
            if isinstance(mine, dict) and mine != theirs:
                keys = sorted({*mine, *theirs}, key=str)
                found += [
                    f"{name}[{key}]: {mine.get(key)!r} is not {theirs.get(key)!r}"
                    for key in keys
                    if mine.get(key) != theirs.get(key)
                ]
            elif mine != theirs:
                found.append(f"{name}: {mine!r} is not {theirs!r}")
        return found


VOLATILE = (
    "id",
    "execution_id",
    "message",
    "outputs",
    "decided_at",
    "votes",
    "form",
    "reason",
    "cache_seconds",
    "refreshed",
)
"""What an output holds beside what definitions may rely on."""


def plain(value: object) -> object:
    """Return an output without what the model does not predict."""
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items() if key not in VOLATILE}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, str) and "has no value" in value:
        return "unresolved"
    return value
